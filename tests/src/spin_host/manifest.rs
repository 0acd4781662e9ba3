//! What of a `spin.toml` (manifest version 2) decides how it is served.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
pub struct Manifest {
    pub spin_manifest_version: u32,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    pub trigger: Triggers,
    pub component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
pub struct Variable {
    #[serde(default)]
    pub required: bool,
    pub default: Option<String>,
}

/// An application that another trigger starts can't be served here, and says so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    pub http: Vec<HttpTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    pub route: String,
    pub component: String,
}

#[derive(Deserialize)]
pub struct Component {
    /// Relative to the manifest.
    pub source: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
}

impl Manifest {
    pub fn read(path: &Path) -> Manifest {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let manifest: Manifest = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(manifest.spin_manifest_version, 2);
        for (name, variable) in &manifest.variables {
            // Spin takes one of them and not both.
            assert_eq!(variable.required, variable.default.is_none(), "variable {name}");
        }
        manifest
    }
}
