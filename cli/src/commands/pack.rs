//! `greentic-edge pack`: from a directory with pack.toml to a signed .gtpack, and from that to a single component.

use super::compose::Compose;
use crate::{output, pack_directory};
use anyhow::Context;
use clap::{Args, Subcommand};
use greentic_pack::key;
use std::path::PathBuf;

#[derive(Args)]
pub struct Pack {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compile the flows of a pack directory and write a signed pack
    #[command(
        after_help = "Example:\n  greentic-edge pack build my-app --key publisher.pem -o my-app.gtpack\n\nThe same directory gives the same bytes; set SOURCE_DATE_EPOCH to fix the time in the manifest, too."
    )]
    Build(Build),
    /// Make one component of a pack, for Fermyon Spin or any host of wasi:http
    #[command(
        after_help = "Examples:\n  greentic-edge pack compose my-app.gtpack --trusted-publisher publisher.pub.pem \\\n      --channel telegram --tenant acme --target wasi-http -o dist\n  greentic-edge pack compose my-app --channel telegram --target wasi-http --egress direct\n\nIt prints the command that runs the component. Only adapters in it are told secrets and servers; its nodes see neither\nenvironment nor files nor network."
    )]
    Compose(Compose),
}

#[derive(Args)]
struct Build {
    /// Directory that holds pack.toml
    directory: PathBuf,
    /// Private key to sign with (see `greentic-edge key new`)
    #[arg(long)]
    key: PathBuf,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
}

impl Pack {
    pub fn run(&self) -> anyhow::Result<()> {
        match &self.verb {
            Verb::Build(build) => build.run(),
            Verb::Compose(compose) => compose.run(),
        }
    }
}

impl Build {
    fn run(&self) -> anyhow::Result<()> {
        let pem = std::fs::read_to_string(&self.key).with_context(|| format!("can't read {}", self.key.display()))?;
        let key = key::from_pem(&pem).with_context(|| format!("{} is no Ed25519 private key", self.key.display()))?;
        let bytes = pack_directory::build(&self.directory, Some(&key))?;
        std::fs::write(&self.output, &bytes).with_context(|| format!("can't write {}", self.output.display()))?;
        output::note(&format!("{}: {} bytes", self.output.display(), bytes.len()));
        Ok(())
    }
}
