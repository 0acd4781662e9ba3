//! `flow test`: conversations with an app, each with what it expects the bot to say.

mod diff;
mod expect;
mod fakes;
mod file;
mod part;
mod play;

use super::paint::{Paint, harmless};
use super::{Rejected, app};
use crate::chat::App;
use crate::flow_sources::{PackSources, read_text};
use crate::output;
use anyhow::Context;
use clap::Args;
use file::Conversation;
use play::Failure;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Where a pack has its conversations.
const FOLDER: &str = "tests";

#[derive(Args)]
pub struct Test {
    /// A pack directory, or one conversation in its tests folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// One JSON list of all conversations, for machines
    #[arg(long)]
    json: bool,
}

/// What became of one file.
struct Played {
    file: PathBuf,
    name: String,
    failure: Option<Failure>,
}

impl Test {
    pub fn run(&self) -> anyhow::Result<()> {
        let (directory, files) = conversations(&self.path)?;
        let app = app::of_pack(&PackSources::read(&directory)?)?;
        // All are read before one is played, so that a mistake in one is told at once.
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for file in files {
            match conversation(&file, &app) {
                Ok(conversation) => read.push((file, conversation)),
                Err(problem) => wrong.push(format!("{}: {problem:#}", file.display())),
            }
        }
        wrong.iter().for_each(|problem| output::note(&format!("error: {problem}")));
        if !wrong.is_empty() {
            return Err(Rejected(format!("{} of the conversations can't be read", wrong.len())).into());
        }
        let played = |(file, (conversation, begin)): (PathBuf, (Conversation, usize))| {
            let name = conversation.name.clone();
            Played { file, name, failure: play::play(conversation, &app, begin) }
        };
        let all: Vec<Played> = read.into_iter().map(played).collect();
        self.report(&all)
    }

    fn report(&self, all: &[Played]) -> anyhow::Result<()> {
        if self.json {
            output::line(&serde_json::to_string(&all.iter().map(Played::to_json).collect::<Vec<_>>())?);
        } else {
            let paint = Paint::of_stdout();
            all.iter().for_each(|played| played.show(paint));
        }
        let failed = all.iter().filter(|played| played.failure.is_some()).count();
        let summary = format!("{} passed, {failed} failed", all.len() - failed);
        anyhow::ensure!(failed == 0, "{summary}");
        output::note(&summary);
        Ok(())
    }
}

/// The pack directory of a path, and the conversations that are meant, in the order of their names.
fn conversations(path: &Path) -> anyhow::Result<(PathBuf, Vec<PathBuf>)> {
    if !path.is_dir() {
        let full = path.canonicalize().with_context(|| format!("can't read {}", path.display()))?;
        let directory = full.ancestors().find(|directory| directory.join("pack.toml").is_file());
        let directory = directory.with_context(|| format!("no directory above {} has a pack.toml", path.display()))?;
        return Ok((directory.to_owned(), vec![path.to_owned()]));
    }
    let folder = path.join(FOLDER);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?;
    let files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let is_ours = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    let mut files: Vec<PathBuf> = files.into_iter().filter(is_ours).collect();
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} has no conversation: write one as a .yaml file", folder.display());
    Ok((path.to_owned(), files))
}

/// A conversation, and the place of the flow that it is with.
fn conversation(file: &Path, app: &App) -> anyhow::Result<(Conversation, usize)> {
    let conversation = Conversation::parse(&read_text(file)?).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let begin = app::begin(app, conversation.flow.as_deref()).context("flow")?;
    Ok((conversation, begin))
}

impl Played {
    fn show(&self, paint: Paint) {
        let Some(failure) = &self.failure else {
            output::line(&format!("{} {}", paint.green("ok    "), harmless(&self.name)));
            return;
        };
        let place = self.file.display();
        output::line(&format!("{} {}  ({place})", paint.red("FAILED"), harmless(&self.name)));
        for line in failure.lines() {
            let shown = harmless(&line);
            output::line(&match line.chars().next() {
                Some('-') => paint.red(&shown),
                Some('+') => paint.green(&shown),
                Some('@') => paint.bold(&shown),
                _ => shown,
            });
        }
    }

    fn to_json(&self) -> Json {
        let failure = self.failure.as_ref().map(|failure| {
            json!({ "step": failure.step, "about": failure.about, "diff": failure.diff, "missing_fakes": failure.missing })
        });
        let (file, passed) = (self.file.display().to_string(), self.failure.is_none());
        json!({ "file": file, "name": self.name, "passed": passed, "failure": failure })
    }
}
