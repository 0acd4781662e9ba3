//! Builds a pack from its source and its compiled parts.
//!
//! Rules: what `pack.toml` declares and what is given are the same files, so that nothing is packed by accident and
//! nothing is missing; the same inputs give the same bytes; and the finished pack is opened before it is handed out,
//! so that no limit or rule can be met here and broken there. Compiling flows and reading files is the caller's.

use crate::archive::{self, ArchiveError};
use crate::hash;
use crate::key::SigningKey;
use crate::manifest::{AssetEntry, ComponentEntry, FlowEntry, Manifest, ManifestError, PACK_FORMAT_VERSION};
use crate::open::{MANIFEST_PATH, OpenError, SBOM_PATH, SIGNATURE_PATH, Trust, open};
use crate::sbom::{self, SbomError};
use crate::source::PackToml;
use ed25519_dalek::Signer;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Clone)]
pub struct BuildInput {
    pub toml: PackToml,
    /// Seconds since the Unix epoch; `SOURCE_DATE_EPOCH` where reproducible bytes are wanted.
    pub created_at: u64,
    pub flows: Vec<FlowFile>,
    pub components: Vec<ComponentFile>,
    pub assets: Vec<AssetFile>,
}

#[derive(Clone)]
pub struct FlowFile {
    pub key: String,
    pub path: String,
    pub source: Vec<u8>,
    /// The compiled flow, as [`crate::FlowImage::encode`] writes it.
    pub image: Vec<u8>,
}

#[derive(Clone)]
pub struct ComponentFile {
    pub key: String,
    pub path: String,
    pub bytes: Vec<u8>,
    pub interface: String,
}

/// A file of a declared directory `cards = "assets/cards/"` has a key such as `cards/welcome.json`.
#[derive(Clone)]
pub struct AssetFile {
    pub key: String,
    pub path: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{kind} `{key}` ({path}) is not declared in pack.toml: add `{key} = \"{path}\"` below `[{kind}]`")]
    Undeclared { kind: &'static str, key: String, path: String },
    #[error("pack.toml declares {kind} `{key}` at `{path}`, but there is no such file")]
    Missing { kind: &'static str, key: String, path: String },
    #[error("{kind} `{key}` is given twice")]
    Duplicate { kind: &'static str, key: String },
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Sbom(#[from] SbomError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the pack would be refused where it is opened")]
    Refused(#[from] OpenError),
}

/// The bytes of the `.gtpack`. Without a key it is unsigned, which hosts refuse by default.
pub fn build(input: &BuildInput, key: Option<&SigningKey>) -> Result<Vec<u8>, BuildError> {
    let toml = &input.toml;
    let flows = input.flows.iter().map(|flow| (flow.key.as_str(), flow.path.as_str()));
    check_declared("flows", &toml.flows, flows, same_file)?;
    let components = input.components.iter().map(|component| (component.key.as_str(), component.path.as_str()));
    check_declared("components", &toml.components, components, same_file)?;
    let assets = input.assets.iter().map(|asset| (asset.key.as_str(), asset.path.as_str()));
    check_declared("assets", &toml.assets, assets, same_file_or_below)?;

    // Each step covers the one before: files, SBOM, content hash, signature.
    let mut manifest = manifest(input);
    let sbom = sbom::document(&manifest)?;
    manifest.sbom_hash = hash::of(&sbom);
    manifest.content_hash = manifest.compute_content_hash()?;

    let mut entries = files(input, &manifest);
    entries.insert(SBOM_PATH.to_owned(), Cow::Owned(sbom));
    entries.insert(MANIFEST_PATH.to_owned(), Cow::Owned(manifest.encode()?));
    if let Some(key) = key {
        let signature = key.sign(&manifest.content_hash).to_bytes();
        entries.insert(SIGNATURE_PATH.to_owned(), Cow::Owned(signature.to_vec()));
    }
    let bytes = archive::write(&entries)?;
    let trust = key.map_or(Trust::AcceptUnsigned, |key| Trust::Publishers(vec![key.verifying_key()]));
    open(&bytes, &trust)?;
    Ok(bytes)
}

fn files<'a>(input: &'a BuildInput, manifest: &Manifest) -> BTreeMap<String, Cow<'a, [u8]>> {
    let mut files = BTreeMap::new();
    for flow in &input.flows {
        files.insert(flow.path.clone(), Cow::Borrowed(flow.source.as_slice()));
        if let Some(entry) = manifest.flows.get(&flow.key) {
            files.insert(entry.image_path(), Cow::Borrowed(flow.image.as_slice()));
        }
    }
    for component in &input.components {
        files.insert(component.path.clone(), Cow::Borrowed(component.bytes.as_slice()));
    }
    for asset in &input.assets {
        files.insert(asset.path.clone(), Cow::Borrowed(asset.bytes.as_slice()));
    }
    files
}

/// Complete but for `sbom_hash` and `content_hash`.
fn manifest(input: &BuildInput) -> Manifest {
    let PackToml { pack, capabilities, dependencies, secrets, config, .. } = input.toml.clone();
    let flow = |flow: &FlowFile| {
        let (hash, image_hash) = (hash::of(&flow.source), hash::of(&flow.image));
        (flow.key.clone(), FlowEntry { path: flow.path.clone(), hash, image_hash })
    };
    let component = |component: &ComponentFile| {
        let (path, interface) = (component.path.clone(), component.interface.clone());
        (component.key.clone(), ComponentEntry { path, hash: hash::of(&component.bytes), interface })
    };
    let asset =
        |asset: &AssetFile| (asset.key.clone(), AssetEntry { path: asset.path.clone(), hash: hash::of(&asset.bytes) });
    Manifest {
        pack_format_version: PACK_FORMAT_VERSION,
        name: pack.name,
        version: pack.version,
        description: pack.description,
        authors: pack.authors,
        license: pack.license,
        repository: pack.repository,
        homepage: pack.homepage,
        readme: pack.readme,
        capabilities,
        flows: input.flows.iter().map(flow).collect(),
        components: input.components.iter().map(component).collect(),
        assets: input.assets.iter().map(asset).collect(),
        dependencies,
        secrets,
        config,
        sbom_hash: [0; 32],
        created_at: input.created_at,
        content_hash: [0; 32],
    }
}

/// A key with its path.
type Entry<'a> = (&'a str, &'a str);

fn same_file(declared: Entry<'_>, given: Entry<'_>) -> bool {
    declared == given
}

fn same_file_or_below(declared: Entry<'_>, given: Entry<'_>) -> bool {
    let rest_of_key = below(declared.0, given.0);
    // Key and path end alike: `cards/a.json` lies at `assets/cards/a.json`.
    declared == given || (rest_of_key.is_some() && rest_of_key == below(declared.1, given.1))
}

fn below<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(directory.trim_end_matches('/'))?.strip_prefix('/')
}

fn check_declared<'a>(
    kind: &'static str,
    declared: &BTreeMap<String, String>,
    given: impl Iterator<Item = Entry<'a>>,
    covers: fn(Entry<'_>, Entry<'_>) -> bool,
) -> Result<(), BuildError> {
    let mut files = BTreeMap::new();
    for (key, path) in given {
        if files.insert(key, path).is_some() {
            return Err(BuildError::Duplicate { kind, key: key.to_owned() });
        }
        if !declared.iter().any(|(declared_key, at)| covers((declared_key.as_str(), at.as_str()), (key, path))) {
            return Err(BuildError::Undeclared { kind, key: key.to_owned(), path: path.to_owned() });
        }
    }
    for (key, path) in declared {
        if !files.iter().any(|(given_key, at)| covers((key.as_str(), path.as_str()), (*given_key, *at))) {
            return Err(BuildError::Missing { kind, key: key.clone(), path: path.clone() });
        }
    }
    Ok(())
}
