//! Opens packs: whom to trust, and from bytes to a ready [`App`].

use super::Parts;
use super::plan::PlannedApp;
use crate::bundle::AppEntry;
use crate::components::{App, Loader};
use crate::imports::app_hosts::AppHosts;
use crate::texts::Texts;
use anyhow::Context;
use ed25519_dalek::VerifyingKey;
use greentic_pack::{Pack, Secrets, key};
use greentic_types::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Largest pack file; the archive's own limits hold for what is inside.
const MAX_PACK_BYTES: u64 = 256 << 20;

/// The publishers whose packs are accepted.
pub struct Trust {
    publishers: Vec<VerifyingKey>,
    reject_unsigned: bool,
}

impl Trust {
    pub fn read(parts: &Parts<'_>) -> anyhow::Result<Trust> {
        let mut publishers = Vec::new();
        for path in &parts.config.security.trusted_publishers {
            let path = parts.directory.join(path);
            let pem = std::fs::read_to_string(&path)
                .with_context(|| format!("security.trusted_publishers: can't read {}", path.display()))?;
            let publisher = key::public_from_pem(&pem)
                .with_context(|| format!("security.trusted_publishers: {} is no Ed25519 public key", path.display()))?;
            publishers.push(publisher);
        }
        Ok(Trust { publishers, reject_unsigned: parts.config.security.reject_unsigned_packs })
    }

    fn for_pack(&self, also: Option<VerifyingKey>) -> greentic_pack::Trust {
        if !self.reject_unsigned {
            return greentic_pack::Trust::AcceptUnsigned;
        }
        greentic_pack::Trust::Publishers(self.publishers.iter().copied().chain(also).collect())
    }
}

/// An opened pack of the bundle.
pub fn open_app(parts: &Parts<'_>, trust: &Trust, id: &str, entry: &AppEntry) -> anyhow::Result<Pack> {
    if let Some(pack) = &entry.pack {
        return open_file(parts, trust, pack).with_context(|| format!("apps.{id}.pack"));
    }
    let path = entry.path.as_deref().unwrap_or(Path::new("."));
    let directory = parts.directory.join(path);
    if trust.reject_unsigned && !parts.trust_directories {
        anyhow::bail!(
            "apps.{id}.path: a pack directory is unsigned, and security.reject_unsigned_packs is on.\n\
             help: greentic-edge pack build {0} --key KEY.pem -o {id}.gtpack, and name that file as apps.{id}.pack",
            directory.display()
        );
    }
    let built =
        (parts.build_directory)(&directory).with_context(|| format!("apps.{id}.path: {}", directory.display()))?;
    greentic_pack::open(&built.bytes, &trust.for_pack(Some(built.signer))).with_context(|| format!("apps.{id}.path"))
}

/// A pack file, relative to the bundle.
pub fn open_file(parts: &Parts<'_>, trust: &Trust, path: &Path) -> anyhow::Result<Pack> {
    let path = parts.directory.join(path);
    let size = std::fs::metadata(&path).with_context(|| format!("can't read {}", path.display()))?.len();
    anyhow::ensure!(size <= MAX_PACK_BYTES, "{}: {size} bytes; at most {MAX_PACK_BYTES}", path.display());
    let bytes = std::fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
    greentic_pack::open(&bytes, &trust.for_pack(None)).with_context(|| path.display().to_string())
}

/// Puts a pack's flows in order and merges its configuration with the bundle's.
pub fn plan(id: &str, pack: Pack, entry: &AppEntry, texts: Texts) -> anyhow::Result<PlannedApp> {
    let hosts = AppHosts::parse(id, &entry.allowed_hosts).context("allowed_hosts")?;
    for host in hosts.missing(&pack.manifest.capabilities.hosts) {
        tracing::warn!(
            app = id,
            host,
            "the pack asks for this host; what needs it is refused until apps.{id}.allowed_hosts names it"
        );
    }
    let mut config = match &pack.manifest.config {
        Value::Map(defaults) => defaults.clone(),
        _ => BTreeMap::new(),
    };
    config.extend(entry.config.iter().map(|(key, value)| (key.clone(), Value::from_json(value))));
    let config = minicbor::to_vec(Value::Map(config)).context("config")?;
    let name = pack.manifest.name.clone();
    let pack_version = pack.content_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let flows: Vec<_> = pack.flows.into_iter().collect();
    let default_flow = match (&entry.default_flow, flows.as_slice()) {
        (Some(wanted), flows) => flows
            .iter()
            .position(|(known, _)| known == wanted)
            .with_context(|| format!("default_flow: pack `{name}` has no flow `{wanted}`"))?,
        (None, [_]) => 0,
        (None, flows) => flows
            .iter()
            .position(|(known, _)| known == "main")
            .with_context(|| format!("pack `{name}` has several flows and none is `main`: name one as default_flow"))?,
    };
    let (components, secrets) = (pack.components, pack.manifest.secrets);
    let (hosts, texts) = (Arc::new(hosts), Arc::new(texts));
    Ok(PlannedApp { name, pack_version, flows, default_flow, components, config, secrets, hosts, texts })
}

/// Links an app's components; gives the names of its secrets beside it.
pub fn link(app: PlannedApp, loader: &Loader<'_>) -> anyhow::Result<(App, Secrets)> {
    let PlannedApp { name, pack_version, flows, default_flow, components, config, secrets, hosts, texts } = app;
    let mut nodes = BTreeMap::new();
    for (id, wasm) in &components {
        nodes.insert(id.clone(), loader.node(id, wasm)?);
    }
    Ok((App { name, pack_version, flows, default_flow, nodes, config, hosts, texts }, secrets))
}
