//! `flow validate`: every finding of every file, at once.

use super::paint::Paint;
use super::{Rejected, report};
use crate::flow_sources::{Checked, Outcome, PackSources, check_alone, pack_of, read_text};
use crate::output;
use clap::Args;
use greentic_flow::{Context, Severity};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes that are read from standard input: more than a flow may have, so that the compiler says so.
const MAX_INPUT: u64 = 2 * 1024 * 1024;

#[derive(Args)]
pub struct Validate {
    /// Flows (.ygtc), pack directories, or `-` for a flow from standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// One JSON list of all findings, for machines
    #[arg(long)]
    json: bool,
    /// Exit with 4 also when there are only warnings
    #[arg(long)]
    deny_warnings: bool,
}

impl Validate {
    pub fn run(&self) -> anyhow::Result<()> {
        let mut files = Vec::new();
        for path in &self.paths {
            files.extend(check(path)?);
        }
        // A flow that was named beside its pack is not told of twice.
        let mut seen = BTreeSet::new();
        files.retain(|checked: &Checked| seen.insert(checked.file.clone()));
        if self.json {
            output::line(&json(&files));
        } else {
            let paint = Paint::of_stdout();
            for checked in files.iter().filter(|checked| !checked.findings.is_empty()) {
                output::line(&report::render(checked, paint)?);
            }
        }
        let summary = report::summary(&files);
        let bad = |severity: Severity| severity == Severity::Error || self.deny_warnings;
        if files.iter().flat_map(|file| &file.findings).any(|finding| bad(finding.severity)) {
            return Err(Rejected(summary).into());
        }
        output::note(&summary);
        Ok(())
    }
}

/// The files at a path, checked with all that is known around them.
fn check(path: &Path) -> anyhow::Result<Vec<Checked>> {
    if path.is_dir() {
        let files = PackSources::read(path)?.check()?.files;
        anyhow::ensure!(!files.is_empty(), "{} names no flows", path.join("pack.toml").display());
        return Ok(files);
    }
    if path == Path::new("-") {
        return Ok(check_alone(Path::new("<stdin>"), &stdin()?, &Context::default()).files);
    }
    Ok(with_its_pack(path, &Context::default())?.files)
}

/// A flow checked as a part of the pack that has it, where there is one. What was found in other files is left out.
pub fn with_its_pack(path: &Path, alone: &Context<'_>) -> anyhow::Result<Outcome> {
    let Some(directory) = pack_of(path)? else {
        return Ok(check_alone(path, &read_text(path)?, alone));
    };
    let mut outcome = PackSources::read(&directory)?.check()?;
    let is_it = |file: &Path| file.canonicalize().is_ok_and(|file| path.canonicalize().is_ok_and(|path| file == path));
    let sidecar = |file: &Path| file.to_str().and_then(|name| name.strip_suffix(".resolve.json")).map(PathBuf::from);
    outcome.files.retain(|checked| is_it(&checked.file) || sidecar(&checked.file).is_some_and(|flow| is_it(&flow)));
    for checked in &mut outcome.files {
        // Under the name it was asked for by.
        if is_it(&checked.file) {
            checked.file = path.to_owned();
        }
    }
    Ok(outcome)
}

pub fn stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?;
    Ok(text)
}

/// A list of findings with their files.
fn json(files: &[Checked]) -> String {
    let findings = files.iter().flat_map(|checked| {
        checked.findings.iter().map(|finding| {
            let mut json = finding.to_json();
            if let Json::Object(members) = &mut json {
                members.insert("file".to_owned(), checked.file.display().to_string().into());
            }
            json
        })
    });
    Json::Array(findings.collect()).to_string()
}
