//! From a pack directory to a pack: reads the files that pack.toml names, compiles the flows, builds and signs.

use crate::commands::key::generate;
use anyhow::Context;
use greentic_flow::{Context as FlowContext, Finding, compile};
use greentic_host::load::BuiltPack;
use greentic_pack::key::SigningKey;
use greentic_pack::{AssetFile, BuildInput, ComponentFile, FlowFile, FlowImage, PackToml};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Flows with errors: all findings of one file, as a compiler would print them.
#[derive(Debug)]
pub struct Invalid {
    file: PathBuf,
    findings: Vec<Finding>,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{}:{finding}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// The world that node components are built against. A component of another world is refused when the pack is loaded,
/// with the difference named.
const NODE_INTERFACE: &str = "greentic:component/component@1.0.0";

/// Builds a pack. The same directory gives the same bytes.
pub fn build(directory: &Path, key: Option<&SigningKey>) -> anyhow::Result<Vec<u8>> {
    let text = read_text(&directory.join("pack.toml"))?;
    let toml = PackToml::parse(&text).with_context(|| directory.join("pack.toml").display().to_string())?;
    let components: Vec<&str> = toml.components.keys().map(String::as_str).collect();
    let flows = toml
        .flows
        .iter()
        .map(|(flow, path)| compile_flow(directory, flow, path, &components))
        .collect::<anyhow::Result<_>>()?;
    let components = toml
        .components
        .iter()
        .map(|(component, path)| {
            let bytes = read(&directory.join(path))?;
            Ok(ComponentFile { key: component.clone(), path: path.clone(), bytes, interface: NODE_INTERFACE.into() })
        })
        .collect::<anyhow::Result<_>>()?;
    let mut assets = Vec::new();
    for (asset, path) in &toml.assets {
        collect_assets(directory, asset, Path::new(path), &mut assets)?;
    }
    let input = BuildInput { created_at: created_at(), flows, components, assets, toml };
    greentic_pack::build(&input, key).with_context(|| directory.display().to_string())
}

/// Builds and signs with a key made on the spot: trusted by who built it, and by nobody else.
pub fn build_ephemeral(directory: &Path) -> anyhow::Result<BuiltPack> {
    let key = generate()?;
    Ok(BuiltPack { bytes: build(directory, Some(&key))?, signer: key.verifying_key() })
}

fn compile_flow(directory: &Path, key: &str, path: &str, components: &[&str]) -> anyhow::Result<FlowFile> {
    let file = directory.join(path);
    let text = read_text(&file)?;
    match compile(&text, &FlowContext { components }) {
        Ok(compiled) => {
            for warning in &compiled.warnings {
                crate::output::note(&format!("{}:{warning}", file.display()));
            }
            let image = FlowImage::encode(&compiled.head, &compiled.nodes);
            Ok(FlowFile { key: key.to_owned(), path: path.to_owned(), source: text.into_bytes(), image })
        }
        Err(findings) => Err(Invalid { file, findings }.into()),
    }
}

/// Files of an asset directory (or the one file), by their path in the pack.
fn collect_assets(directory: &Path, key: &str, path: &Path, assets: &mut Vec<AssetFile>) -> anyhow::Result<()> {
    let full = directory.join(path);
    if full.is_file() {
        let bytes = read(&full)?;
        assets.push(AssetFile { key: key.to_owned(), path: path.display().to_string(), bytes });
        return Ok(());
    }
    let entries = std::fs::read_dir(&full).with_context(|| format!("can't read {}", full.display()))?;
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let name = name.to_string_lossy().into_owned();
        collect_assets(directory, &format!("{key}/{name}"), &path.join(&name), assets)?;
    }
    Ok(())
}

/// `SOURCE_DATE_EPOCH` when set, so that builds can be repeated (reproducible-builds.org), else now.
fn created_at() -> u64 {
    greentic_host::config::environment("SOURCE_DATE_EPOCH")
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}
