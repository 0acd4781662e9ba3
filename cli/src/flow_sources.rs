//! Flows as their authors have them: a file, or a pack directory whose flows are checked against what the whole pack has.
//!
//! Everything that compiles flows begins here, so that `flow validate`, `flow run`, `flow test` and `pack build` find the
//! same mistakes. What is done with a finding is theirs.

use anyhow::Context as _;
use greentic_flow::{Compiled, Context, Finding, Severity, Sidecar, compile, recursion};
use greentic_pack::{AssetFile, PackToml, component_at};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A pack directory, read.
pub struct PackSources {
    pub toml: PackToml,
    pub assets: Vec<AssetFile>,
    operations: BTreeMap<String, Vec<String>>,
    /// In the order of pack.toml's keys.
    pub flows: Vec<FlowSource>,
}

pub struct FlowSource {
    /// As pack.toml has it.
    pub key: String,
    /// From the root of the pack.
    pub path: String,
    pub file: PathBuf,
    pub text: String,
}

/// A file with all that was found in it.
pub struct Checked {
    pub file: PathBuf,
    pub text: String,
    pub findings: Vec<Finding>,
}

/// Flows that were checked together.
#[derive(Default)]
pub struct Outcome {
    /// Each file that was looked at, whether or not something was found.
    pub files: Vec<Checked>,
    /// The flows that compiled: all of them, in their order, when nothing failed.
    pub compiled: Vec<Compiled>,
}

impl Outcome {
    pub fn failed(&self) -> bool {
        let mut findings = self.files.iter().flat_map(|file| &file.findings);
        findings.any(|finding| finding.severity == Severity::Error)
    }

    fn add(&mut self, file: &Path, text: &str, result: Result<Compiled, Vec<Finding>>) {
        let findings = match result {
            Ok(mut compiled) => {
                let warnings = std::mem::take(&mut compiled.warnings);
                self.compiled.push(compiled);
                warnings
            }
            Err(findings) => findings,
        };
        self.files.push(Checked { file: file.to_owned(), text: text.to_owned(), findings });
    }
}

/// A flow without a pack, with what is known of one all the same.
pub fn check_alone(file: &Path, text: &str, context: &Context<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(file, text, compile(text, context));
    outcome
}

/// The pack directory whose pack.toml names this flow, where one of the directories above it has one.
pub fn pack_of(flow: &Path) -> anyhow::Result<Option<PathBuf>> {
    let flow = flow.canonicalize().with_context(|| format!("can't read {}", flow.display()))?;
    for directory in flow.ancestors().skip(1) {
        let file = directory.join("pack.toml");
        if file.is_file() {
            let toml = read_toml(&file)?;
            let mut paths = toml.flows.values().filter_map(|path| directory.join(path).canonicalize().ok());
            return Ok(paths.any(|path| path == flow).then(|| directory.to_owned()));
        }
    }
    Ok(None)
}

impl PackSources {
    pub fn read(directory: &Path) -> anyhow::Result<PackSources> {
        let toml = read_toml(&directory.join("pack.toml"))?;
        let mut assets = Vec::new();
        for (asset, path) in &toml.assets {
            collect_assets(directory, asset, Path::new(path), &mut assets)?;
        }
        let flow = |(key, path): (&String, &String)| {
            let file = directory.join(path);
            let text = read_text(&file)?;
            Ok(FlowSource { key: key.clone(), path: path.clone(), file, text })
        };
        let flows = toml.flows.iter().map(flow).collect::<anyhow::Result<_>>()?;
        let operations = operations(directory, &toml)?;
        Ok(PackSources { toml, assets, operations, flows })
    }

    /// Each flow against what the whole pack has, and all of them against each other.
    pub fn check(&self) -> anyhow::Result<Outcome> {
        let components: Vec<&str> = self.toml.components.keys().map(String::as_str).collect();
        // An asset is known by its key and by its path in the pack.
        let assets: BTreeMap<&str, &[u8]> = self
            .assets
            .iter()
            .flat_map(|asset| [asset.key.as_str(), asset.path.as_str()].map(|name| (name, asset.bytes.as_slice())))
            .collect();
        // In a pack a flow goes by its key, and whoever calls it does: what its file calls itself is for its readers.
        let names: Vec<&str> = self.flows.iter().map(|flow| flow.key.as_str()).collect();
        let context = Context {
            components: Some(&components),
            operations: Some(&self.operations),
            flows: Some(&names),
            assets: Some(&assets),
            bindings: None,
        };
        let mut outcome = Outcome::default();
        for flow in &self.flows {
            let bindings = self.bindings(flow, &mut outcome)?;
            let mut result = compile(&flow.text, &Context { bindings: bindings.as_ref(), ..context });
            if let Ok(compiled) = &mut result {
                compiled.name.clone_from(&flow.key);
            }
            outcome.add(&flow.file, &flow.text, result);
        }
        // Circles can be told only where every flow is there.
        if !outcome.failed() {
            for (index, finding) in recursion(&outcome.compiled.iter().collect::<Vec<_>>()) {
                let file = self.flows.get(index).map(|flow| &flow.file);
                let checked = outcome.files.iter_mut().find(|checked| Some(&checked.file) == file);
                checked.into_iter().for_each(|checked| checked.findings.push(finding.clone()));
            }
        }
        Ok(outcome)
    }

    /// What the file `<flow>.resolve.json` beside a flow says, where there is one. What is wrong in it is a finding; the
    /// flow is then checked without it.
    fn bindings(&self, flow: &FlowSource, outcome: &mut Outcome) -> anyhow::Result<Option<BTreeMap<String, String>>> {
        let mut name = flow.file.as_os_str().to_owned();
        name.push(".resolve.json");
        let file = PathBuf::from(name);
        if !file.is_file() {
            return Ok(Some(BTreeMap::new()));
        }
        let text = read_text(&file)?;
        match Sidecar::parse(&text) {
            Ok(sidecar) => {
                let find = |location: &str| component_at(location, &flow.path, &self.toml.components);
                Ok(Some(sidecar.bindings(find)))
            }
            Err(finding) => {
                outcome.files.push(Checked { file, text, findings: vec![finding] });
                Ok(None)
            }
        }
    }
}

fn read_toml(file: &Path) -> anyhow::Result<PackToml> {
    PackToml::parse(&read_text(file)?).with_context(|| file.display().to_string())
}

/// Operations of the components that have a manifest beside them (`x.manifest.json` for `x.wasm`), as public component
/// tools write it.
fn operations(directory: &Path, toml: &PackToml) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut operations = BTreeMap::new();
    for (component, path) in &toml.components {
        let file = directory.join(path).with_extension("manifest.json");
        if !file.is_file() {
            continue;
        }
        let manifest: serde_json::Value =
            serde_json::from_str(&read_text(&file)?).with_context(|| format!("{} is no JSON", file.display()))?;
        let Some(listed) = manifest.get("operations").and_then(serde_json::Value::as_array) else { continue };
        let names = listed.iter().filter_map(|item| item.get("name").unwrap_or(item).as_str());
        operations.insert(component.clone(), names.map(str::to_owned).collect());
    }
    Ok(operations)
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

pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

pub fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}
