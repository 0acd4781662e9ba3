//! From a pack directory to a pack: compiles the flows (`flow_sources`), adds the components, builds and signs.

use crate::commands::key::generate;
use crate::flow_sources::{PackSources, read};
use anyhow::Context;
use greentic_flow::Finding;
use greentic_host::load::BuiltPack;
use greentic_pack::key::SigningKey;
use greentic_pack::{BuildInput, ComponentFile, FlowFile, FlowImage};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Flows with errors: all findings of all files, as a compiler would print them.
#[derive(Debug)]
pub struct Invalid {
    files: Vec<(PathBuf, Vec<Finding>)>,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (file, findings) in &self.files {
            for finding in findings {
                writeln!(f, "{}:{finding}", file.display())?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// The plain world of node components. One of an interface of its own goes by that; any other is refused when the pack
/// is loaded, with the difference named.
const NODE_INTERFACE: &str = "greentic:component/component@1.0.0";

/// Builds a pack. The same directory gives the same bytes.
pub fn build(directory: &Path, key: Option<&SigningKey>) -> anyhow::Result<Vec<u8>> {
    let sources = PackSources::read(directory)?;
    let flows = compile_flows(&sources)?;
    let PackSources { toml, assets, .. } = sources;
    let components = toml
        .components
        .iter()
        .map(|(component, path)| {
            let bytes = read(&directory.join(path))?;
            let interface = greentic_compose::node_interface(&bytes).unwrap_or_else(|| NODE_INTERFACE.into());
            Ok(ComponentFile { key: component.clone(), path: path.clone(), bytes, interface })
        })
        .collect::<anyhow::Result<_>>()?;
    let input = BuildInput { created_at: created_at(), flows, components, assets, toml };
    greentic_pack::build(&input, key).with_context(|| directory.display().to_string())
}

/// Builds and signs with a key made on the spot: trusted by who built it, and by nobody else.
pub fn build_ephemeral(directory: &Path) -> anyhow::Result<BuiltPack> {
    let key = generate()?;
    Ok(BuiltPack { bytes: build(directory, Some(&key))?, signer: key.verifying_key() })
}

/// All flows of the pack, when none of them has an error. Warnings are told and stop nothing.
fn compile_flows(sources: &PackSources) -> anyhow::Result<Vec<FlowFile>> {
    let outcome = sources.check()?;
    if outcome.failed() {
        let files = outcome.files.into_iter().map(|checked| (checked.file, checked.findings));
        return Err(Invalid { files: files.collect() }.into());
    }
    for checked in &outcome.files {
        for warning in &checked.findings {
            crate::output::note(&format!("{}:{warning}", checked.file.display()));
        }
    }
    let files = sources.flows.iter().zip(&outcome.compiled).map(|(flow, compiled)| {
        let image = FlowImage::encode(&compiled.head, &compiled.nodes);
        FlowFile { key: flow.key.clone(), path: flow.path.clone(), source: flow.text.clone().into_bytes(), image }
    });
    Ok(files.collect())
}

/// `SOURCE_DATE_EPOCH` when set, so that builds can be repeated (reproducible-builds.org), else now.
fn created_at() -> u64 {
    greentic_host::config::environment("SOURCE_DATE_EPOCH")
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
