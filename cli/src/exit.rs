//! Which exit status an error has.

use crate::commands::flow::Rejected;
use crate::composition::Refused;
use crate::pack_directory::Invalid;
use greentic_host::bundle::BundleError;
use greentic_host::config::ConfigError;
use std::process::ExitCode;

/// Marks an error of a host that was up: a port in use, a store that is away.
#[derive(Debug)]
pub struct Runtime;

impl std::fmt::Display for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("could not serve")
    }
}

impl std::error::Error for Runtime {}

/// Marks an error of what was configured.
#[derive(Debug)]
pub struct Configuration;

impl std::fmt::Display for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("could not load it")
    }
}

impl std::error::Error for Configuration {}

/// The most particular cause wins: an invalid flow inside a bundle is 4, not 2.
pub fn status(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| cause.is::<Invalid>() || cause.is::<Refused>() || cause.is::<Rejected>()) {
        return ExitCode::from(4);
    }
    if error.is::<Runtime>() {
        return ExitCode::from(3);
    }
    let configuration = error.is::<Configuration>()
        || error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<BundleError>());
    ExitCode::from(if configuration { 2 } else { 1 })
}
