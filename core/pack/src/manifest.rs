//! `manifest.cbor`: what a pack says of itself, with the hash of every file in it.
//!
//! One CBOR map with text keys, each always there, in the order of [`Manifest`]'s fields; an absent text is null,
//! hashes are byte strings, inner maps are in byte order of their keys. `content_hash` is last, and left out where
//! the manifest itself is hashed (`hash.rs`).
//!
//! Rule: one manifest has one encoding. What does not encode to the very bytes it was read from is refused, so there
//! are no unknown keys, duplicates or second spellings. Whether its files are there is [`crate::open()`]'s.

mod decode;
mod encode;

use crate::archive::{ArchiveError, check_path};
use crate::hash::{self, Hash};
use crate::source::{Capabilities, Secrets};
use greentic_types::Value;
use semver::{Version, VersionReq};
use std::collections::BTreeMap;

/// The only layout this program knows.
pub const PACK_FORMAT_VERSION: u32 = 1;

/// A manifest of as many files as an archive may have, with long paths, stays below this.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("manifest.cbor is malformed")]
    Malformed(#[from] minicbor::decode::Error),
    #[error("manifest.cbor can't be encoded")]
    Encode(#[from] minicbor::encode::Error<std::convert::Infallible>),
    #[error("pack format version {0} is unknown, only {ours} is known: update greentic-edge", ours = PACK_FORMAT_VERSION)]
    Version(u32),
    #[error("manifest.cbor has `{found}` where {expected} must stand")]
    Key { expected: &'static str, found: String },
    #[error("manifest.cbor: {0}")]
    Layout(&'static str),
    #[error("pack name `{0}` is not allowed: use 1 to 128 letters, digits, `.`, `_` or `-`, a letter or digit first")]
    Name(String),
    #[error("version or version requirement `{text}` is not valid")]
    Semver { text: String, source: semver::Error },
    #[error("`{path}` is in the wrong place: it must match `{directory}**{extension}`")]
    Place { path: String, directory: &'static str, extension: &'static str },
    #[error("two entries of the manifest have the path `{0}`")]
    DuplicatePath(String),
    #[error(transparent)]
    Path(#[from] ArchiveError),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub pack_format_version: u32,
    pub name: String,
    pub version: Version,
    pub description: Option<String>,
    pub authors: Vec<String>,
    pub license: Option<String>,
    pub repository: Option<String>,
    pub homepage: Option<String>,
    pub readme: Option<String>,
    pub capabilities: Capabilities,
    pub flows: BTreeMap<String, FlowEntry>,
    pub components: BTreeMap<String, ComponentEntry>,
    pub assets: BTreeMap<String, AssetEntry>,
    pub dependencies: BTreeMap<String, VersionReq>,
    pub secrets: Secrets,
    /// Defaults under the bundle's `config`. Always a map.
    pub config: Value,
    pub sbom_hash: Hash,
    /// Seconds since the Unix epoch.
    pub created_at: u64,
    pub content_hash: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowEntry {
    /// Of the source.
    pub path: String,
    pub hash: Hash,
    pub image_hash: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentEntry {
    pub path: String,
    pub hash: Hash,
    /// The interface it exports, as `namespace:package/interface@version`.
    pub interface: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetEntry {
    pub path: String,
    pub hash: Hash,
}

const FLOW_SUFFIX: &str = ".ygtc";

impl FlowEntry {
    /// The compiled flow lies beside its source.
    pub fn image_path(&self) -> String {
        format!("{}.cbor", self.path.strip_suffix(FLOW_SUFFIX).unwrap_or(&self.path))
    }
}

impl Manifest {
    /// What the signature signs, made from what the manifest says of its files (`hash.rs`).
    pub fn compute_content_hash(&self) -> Result<Hash, ManifestError> {
        let unsigned = encode::encode(self, false)?;
        Ok(hash::content(
            &hash::members(&self.flow_files()),
            &hash::members(&self.component_files()),
            &hash::members(&self.asset_files()),
            &unsigned,
        ))
    }

    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        encode::encode(self, true)
    }

    pub fn decode(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let manifest = decode::decode(bytes)?;
        manifest.check()?;
        if manifest.encode()? != bytes {
            return Err(ManifestError::Layout("it is not in its one encoding"));
        }
        Ok(manifest)
    }

    fn flow_files(&self) -> BTreeMap<String, Hash> {
        let files = |flow: &FlowEntry| [(flow.path.clone(), flow.hash), (flow.image_path(), flow.image_hash)];
        self.flows.values().flat_map(files).collect()
    }

    fn component_files(&self) -> BTreeMap<String, Hash> {
        self.components.values().map(|component| (component.path.clone(), component.hash)).collect()
    }

    fn asset_files(&self) -> BTreeMap<String, Hash> {
        self.assets.values().map(|asset| (asset.path.clone(), asset.hash)).collect()
    }

    /// Every member's path with the hash of its content. The SBOM is not among them, its hash stands by itself.
    pub(crate) fn files(&self) -> BTreeMap<String, Hash> {
        let mut files = self.flow_files();
        files.extend(self.component_files());
        files.extend(self.asset_files());
        files
    }

    /// Names and paths, which end up in file systems and key spaces.
    fn check(&self) -> Result<(), ManifestError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts_well = self.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || self.name.len() > 128 || !self.name.chars().all(allowed) {
            return Err(ManifestError::Name(self.name.chars().take(80).flat_map(char::escape_default).collect()));
        }
        if !matches!(self.config, Value::Map(_)) {
            return Err(ManifestError::Layout("`config` is no map"));
        }
        // The three directories keep flows, components, assets and the archive's own files from ever meeting.
        check_places(self.flows.values().map(|flow| &flow.path), "flows/", FLOW_SUFFIX)?;
        check_places(self.components.values().map(|component| &component.path), "components/", ".wasm")?;
        check_places(self.assets.values().map(|asset| &asset.path), "assets/", "")
    }
}

fn check_places<'a>(
    paths: impl Iterator<Item = &'a String>,
    directory: &'static str,
    extension: &'static str,
) -> Result<(), ManifestError> {
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        check_path(path)?;
        if !path.starts_with(directory) || !path.ends_with(extension) {
            return Err(ManifestError::Place { path: path.clone(), directory, extension });
        }
        if !seen.insert(path) {
            return Err(ManifestError::DuplicatePath(path.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
