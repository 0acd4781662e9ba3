//! Opens a pack: the first six steps of spec/pack.md, "Loading", in that order.
//!
//! Rule: the signature is checked before anything the pack says is believed, and before any file but manifest and
//! signature is decompressed. An error at any step yields no pack at all. Compiling components, binding imports and
//! keeping the previous pack in service are the host's.

use crate::archive::{Archive, ArchiveError};
use crate::flow_image::{FlowImage, FlowImageError};
use crate::hash::{self, Hash};
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, VerifyingKey};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const MANIFEST_PATH: &str = "manifest.cbor";
pub(crate) const SBOM_PATH: &str = "sbom.json";
pub(crate) const SIGNATURE_PATH: &str = "signature.sig";

/// Whose packs are opened.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Only packs that one of these signed.
    Publishers(Vec<VerifyingKey>),
    /// Any pack, without looking at its signature: `reject_unsigned_packs = false`, and tools that show a pack. The
    /// hashes are checked all the same, which finds damage but no intent.
    AcceptUnsigned,
}

#[derive(Clone, PartialEq)]
pub struct Pack {
    pub manifest: Manifest,
    /// Identity of the contents.
    pub content_hash: Hash,
    /// The publisher whose signature was verified; none under [`Trust::AcceptUnsigned`].
    pub signer: Option<VerifyingKey>,
    /// By the keys of the manifest, as the two that follow.
    pub flows: BTreeMap<String, FlowImage>,
    pub components: BTreeMap<String, Arc<[u8]>>,
    pub assets: BTreeMap<String, Arc<[u8]>>,
}

/// Its files may be hundreds of megabytes, so only its identity is shown.
impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("content_hash", &hash::hex(&self.content_hash))
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("the content hash of the manifest is not the one of its contents")]
    ContentHash,
    #[error("the pack is not signed: sign it, or switch `reject_unsigned_packs` off")]
    Unsigned,
    #[error("signature.sig is not 64 bytes long")]
    SignatureLength,
    #[error("no trusted publisher signed this pack: add its key to `trusted_publishers`, if you trust it")]
    UntrustedSigner,
    #[error("`{0}` is not the file that the manifest names")]
    FileHash(String),
    #[error("`{0}` is in the archive but not in the manifest")]
    ExtraFile(String),
    #[error("capability `{0}` is not supported: ids have the form `greentic.cap.<name>.v1`")]
    Capability(String),
    #[error("flow `{key}` can't be read")]
    Flow { key: String, source: FlowImageError },
}

pub fn open(bytes: &[u8], trust: &Trust) -> Result<Pack, OpenError> {
    let mut archive = Archive::open(bytes)?;
    let manifest = Manifest::decode(&archive.read(MANIFEST_PATH, MAX_MANIFEST_BYTES)?)?;
    let signer = check_signature(&mut archive, &manifest, trust)?;
    let mut files = read_files(&mut archive, &manifest)?;
    check_capability(&manifest)?;
    let flows = flows(&manifest, &mut files)?;
    let components = manifest.components.iter().map(|(key, entry)| (key, entry.path.as_str()));
    let components = by_key(components, &mut files)?;
    let assets = by_key(manifest.assets.iter().map(|(key, entry)| (key, entry.path.as_str())), &mut files)?;
    Ok(Pack { content_hash: manifest.content_hash, manifest, signer, flows, components, assets })
}

/// The signature covers the content hash, so the hash must be the manifest's own before the signature says anything.
fn check_signature(
    archive: &mut Archive<'_>,
    manifest: &Manifest,
    trust: &Trust,
) -> Result<Option<VerifyingKey>, OpenError> {
    if manifest.compute_content_hash()? != manifest.content_hash {
        return Err(OpenError::ContentHash);
    }
    let mut signature = None;
    if archive.contains(SIGNATURE_PATH) {
        let bytes = archive.read(SIGNATURE_PATH, SIGNATURE_LENGTH as u64)?;
        let bytes: [u8; SIGNATURE_LENGTH] = bytes.try_into().map_err(|_| OpenError::SignatureLength)?;
        signature = Some(Signature::from_bytes(&bytes));
    }
    let Trust::Publishers(publishers) = trust else {
        return Ok(None);
    };
    let signature = signature.ok_or(OpenError::Unsigned)?;
    // Strict: a second valid spelling of a signature, or a key for which anybody can sign, is refused.
    let signed_by = |key: &&VerifyingKey| key.verify_strict(&manifest.content_hash, &signature).is_ok();
    publishers.iter().find(signed_by).copied().map(Some).ok_or(OpenError::UntrustedSigner)
}

/// Every file of the manifest by its path, its hash checked, and none beside them.
fn read_files(archive: &mut Archive<'_>, manifest: &Manifest) -> Result<BTreeMap<String, Arc<[u8]>>, OpenError> {
    let mut hashes = manifest.files();
    hashes.insert(SBOM_PATH.to_owned(), manifest.sbom_hash);
    let known = |path: &str| hashes.contains_key(path) || path == MANIFEST_PATH || path == SIGNATURE_PATH;
    if let Some(extra) = archive.paths().find(|path| !known(path)) {
        return Err(OpenError::ExtraFile(extra.to_owned()));
    }
    let mut files = BTreeMap::new();
    for (path, expected) in hashes {
        let content = archive.read_entry(&path)?;
        if hash::of(&content) != expected {
            return Err(OpenError::FileHash(path));
        }
        files.insert(path, content.into());
    }
    Ok(files)
}

/// Only the form and the version: which capabilities a pack is used for is the bundle's to say.
fn check_capability(manifest: &Manifest) -> Result<(), OpenError> {
    let id = &manifest.capabilities.id;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name = id.strip_prefix("greentic.cap.").and_then(|rest| rest.strip_suffix(".v1"));
    if name.is_some_and(|name| name.split('.').all(|part| !part.is_empty() && part.chars().all(allowed))) {
        Ok(())
    } else {
        Err(OpenError::Capability(id.chars().take(80).flat_map(char::escape_default).collect()))
    }
}

type Files = BTreeMap<String, Arc<[u8]>>;

fn flows(manifest: &Manifest, files: &mut Files) -> Result<BTreeMap<String, FlowImage>, OpenError> {
    let mut flows = BTreeMap::new();
    for (key, entry) in &manifest.flows {
        let image = take(files, &entry.image_path())?;
        let image = FlowImage::parse(image).map_err(|source| OpenError::Flow { key: key.clone(), source })?;
        flows.insert(key.clone(), image);
    }
    Ok(flows)
}

fn by_key<'a>(entries: impl Iterator<Item = (&'a String, &'a str)>, files: &mut Files) -> Result<Files, OpenError> {
    entries.map(|(key, path)| Ok((key.clone(), take(files, path)?))).collect()
}

fn take(files: &mut Files, path: &str) -> Result<Arc<[u8]>, OpenError> {
    files.remove(path).ok_or_else(|| ArchiveError::Missing(path.to_owned()).into())
}
