//! The app that `flow run` and `flow test` talk to: a pack directory, or a flow that stands alone.

use super::paint::Paint;
use super::{Rejected, report};
use crate::chat::App;
use crate::flow_sources::{Outcome, PackSources, check_alone, pack_of, read_text};
use crate::output;
use anyhow::Context as _;
use greentic_flow::{Context, flow_name};
use greentic_types::{Value, nearest};
use std::collections::BTreeMap;
use std::path::Path;

/// The flow that runs where none is named and there are several, as a host has it.
const MAIN: &str = "main";

/// A pack directory, or a flow with the pack that has it, and the place of the flow to begin in: the one that is named,
/// or the one whose file it is. Warnings are left to `flow validate`.
pub fn load(path: &Path, flow: Option<&str>) -> anyhow::Result<(App, usize)> {
    let (app, of_file) = if path.is_dir() {
        (of_pack(&PackSources::read(path)?)?, None)
    } else {
        match pack_of(path)? {
            None => (alone(path)?, None),
            Some(directory) => {
                let sources = PackSources::read(&directory)?;
                let wanted = path.canonicalize().with_context(|| format!("can't read {}", path.display()))?;
                let is_it = |file: &Path| file.canonicalize().is_ok_and(|file| file == wanted);
                let of_file = sources.flows.iter().find(|flow| is_it(&flow.file)).map(|flow| flow.key.clone());
                (of_pack(&sources)?, of_file)
            }
        }
    };
    let begin = begin(&app, flow.or(of_file.as_deref()))?;
    Ok((app, begin))
}

pub fn of_pack(sources: &PackSources) -> anyhow::Result<App> {
    let outcome = good(sources.check()?)?;
    let keys = sources.flows.iter().map(|flow| flow.key.clone());
    Ok(App { flows: keys.zip(outcome.compiled).collect(), config: sources.toml.config.clone() })
}

/// Its components are not known, so that it can call any and be told that none is there; other flows and assets would
/// be missing for good.
fn alone(path: &Path) -> anyhow::Result<App> {
    let text = read_text(path)?;
    let name = flow_name(&text).unwrap_or_default();
    let (flows, assets) = ([name.as_str()], BTreeMap::new());
    let context = Context { flows: Some(&flows), assets: Some(&assets), ..Context::default() };
    let outcome = good(check_alone(path, &text, &context))?;
    let flows = outcome.compiled.into_iter().map(|compiled| (compiled.name.clone(), compiled)).collect();
    Ok(App { flows, config: Value::Map(BTreeMap::new()) })
}

/// Shows what is wrong where something is.
fn good(outcome: Outcome) -> anyhow::Result<Outcome> {
    if !outcome.failed() {
        return Ok(outcome);
    }
    for checked in outcome.files.iter().filter(|checked| !checked.findings.is_empty()) {
        output::note(&report::render(checked, Paint::of_stderr())?);
    }
    Err(Rejected(report::summary(&outcome.files)).into())
}

/// The place of the flow to begin in: the one that is named, the only one, or `main`.
pub fn begin(app: &App, flow: Option<&str>) -> anyhow::Result<usize> {
    let keys = || app.flows.iter().map(|(key, _)| key.as_str());
    match flow {
        Some(name) => app.place(name).with_context(|| {
            let near = nearest(name, keys()).map(|near| format!("; did you mean `{near}`?"));
            format!("there is no flow `{name}`{}", near.unwrap_or_default())
        }),
        None if app.flows.len() == 1 => Ok(0),
        None => app.place(MAIN).with_context(|| {
            let keys: Vec<&str> = keys().collect();
            format!("there are several flows and none is `{MAIN}`: name one of {}", keys.join(", "))
        }),
    }
}
