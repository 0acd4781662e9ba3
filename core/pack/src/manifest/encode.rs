//! Manifest to bytes. The order of the calls is the order of the keys; `decode.rs` must keep the same.

use super::{Manifest, ManifestError};
use minicbor::Encoder;
use minicbor::encode::Error;
use std::collections::BTreeMap;
use std::convert::Infallible;

type Written = Result<(), Error<Infallible>>;
type Writer = Encoder<Vec<u8>>;

/// Keys of the whole map.
pub(super) const KEYS: u64 = 19;

/// `content_hash: false` gives the form that the content hash covers.
pub(super) fn encode(manifest: &Manifest, content_hash: bool) -> Result<Vec<u8>, ManifestError> {
    let mut w = Encoder::new(Vec::new());
    w.map(if content_hash { KEYS } else { KEYS - 1 })?;
    w.str("pack_format_version")?.u32(manifest.pack_format_version)?;
    identity(&mut w, manifest)?;
    files(&mut w, manifest)?;
    w.str("dependencies")?;
    map(&mut w, &manifest.dependencies, |w, requirement| w.str(&requirement.to_string())?.ok())?;
    w.str("secrets")?.map(2)?;
    w.str("required")?;
    texts(&mut w, &manifest.secrets.required)?;
    w.str("optional")?;
    texts(&mut w, &manifest.secrets.optional)?;
    w.str("config")?.encode(&manifest.config)?;
    w.str("sbom_hash")?.bytes(&manifest.sbom_hash)?;
    w.str("created_at")?.u64(manifest.created_at)?;
    if content_hash {
        w.str("content_hash")?.bytes(&manifest.content_hash)?;
    }
    Ok(w.into_writer())
}

fn identity(w: &mut Writer, manifest: &Manifest) -> Written {
    w.str("name")?.str(&manifest.name)?;
    w.str("version")?.str(&manifest.version.to_string())?;
    optional(w, "description", manifest.description.as_deref())?;
    w.str("authors")?;
    texts(w, &manifest.authors)?;
    optional(w, "license", manifest.license.as_deref())?;
    optional(w, "repository", manifest.repository.as_deref())?;
    optional(w, "homepage", manifest.homepage.as_deref())?;
    optional(w, "readme", manifest.readme.as_deref())?;
    let capabilities = &manifest.capabilities;
    // A pack that asks for no host is written as before there was this key.
    w.str("capabilities")?.map(if capabilities.hosts.is_empty() { 2 } else { 3 })?;
    w.str("id")?.str(&capabilities.id)?;
    w.str("provides")?;
    texts(w, &capabilities.provides)?;
    if !capabilities.hosts.is_empty() {
        w.str("hosts")?;
        texts(w, &capabilities.hosts)?;
    }
    Ok(())
}

fn files(w: &mut Writer, manifest: &Manifest) -> Written {
    w.str("flows")?;
    map(w, &manifest.flows, |w, flow| {
        w.map(3)?.str("path")?.str(&flow.path)?.str("hash")?.bytes(&flow.hash)?;
        w.str("image_hash")?.bytes(&flow.image_hash)?.ok()
    })?;
    w.str("components")?;
    map(w, &manifest.components, |w, component| {
        w.map(3)?.str("path")?.str(&component.path)?.str("hash")?.bytes(&component.hash)?;
        w.str("interface")?.str(&component.interface)?.ok()
    })?;
    w.str("assets")?;
    map(w, &manifest.assets, |w, asset| w.map(2)?.str("path")?.str(&asset.path)?.str("hash")?.bytes(&asset.hash)?.ok())
}

fn map<T>(w: &mut Writer, entries: &BTreeMap<String, T>, value: impl Fn(&mut Writer, &T) -> Written) -> Written {
    w.map(entries.len() as u64)?;
    for (key, entry) in entries {
        w.str(key)?;
        value(w, entry)?;
    }
    Ok(())
}

fn texts(w: &mut Writer, texts: &[String]) -> Written {
    w.array(texts.len() as u64)?;
    for text in texts {
        w.str(text)?;
    }
    Ok(())
}

fn optional(w: &mut Writer, key: &str, text: Option<&str>) -> Written {
    w.str(key)?;
    match text {
        Some(text) => w.str(text)?.ok(),
        None => w.null()?.ok(),
    }
}
