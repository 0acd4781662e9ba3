//! `flow fmt`: flows written again, canonically or in the other dialect.

use super::check::stdin;
use super::paint::Paint;
use super::schema::DialectName;
use super::{Rejected, report};
use crate::flow_sources::{Checked, read_text};
use crate::output;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Fmt {
    /// Flows (.ygtc), or `-` to read standard input and write standard output
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write them in this dialect; a flow that can't be said in it the same way is refused
    #[arg(long, value_enum)]
    dialect: Option<DialectName>,
    /// Write nothing; name the files that would change
    #[arg(long)]
    check: bool,
}

impl Fmt {
    /// Every file is formatted before one is written, so that a mistake in one changes none.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut changed = Vec::new();
        let mut wrong = Vec::new();
        for file in &self.files {
            let text = if is_stdin(file) { stdin()? } else { read_text(file)? };
            match greentic_flow::format(&text, self.dialect.map(Into::into)) {
                Ok(written) if is_stdin(file) && !self.check => output::line(written.trim_end_matches('\n')),
                Ok(written) if written != text => changed.push((file, written)),
                Ok(_) => {}
                Err(findings) => wrong.push(Checked { file: file.clone(), text, findings }),
            }
        }
        if !wrong.is_empty() {
            for checked in &wrong {
                output::line(&report::render(checked, Paint::of_stdout())?);
            }
            return Err(Rejected(format!("{}; nothing was written", report::summary(&wrong))).into());
        }
        for (file, written) in &changed {
            if self.check {
                output::line(&file.display().to_string());
            } else {
                write(file, written)?;
            }
        }
        if self.check && !changed.is_empty() {
            let them = if changed.len() == 1 { "1 file".to_owned() } else { format!("{} files", changed.len()) };
            anyhow::bail!("`flow fmt` would change {them}");
        }
        Ok(())
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// Beside it first and then in its place, so that a flow is never half written.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let target = file.canonicalize().with_context(|| format!("can't read {}", file.display()))?;
    let directory = target.parent().context("a file has a directory")?;
    let cannot = || format!("can't write {}", file.display());
    let temporary = tempfile::NamedTempFile::new_in(directory).with_context(cannot)?;
    std::fs::write(temporary.path(), text).with_context(cannot)?;
    let permissions = std::fs::metadata(&target).with_context(cannot)?.permissions();
    std::fs::set_permissions(temporary.path(), permissions).with_context(cannot)?;
    temporary.persist(&target).with_context(cannot)?;
    output::note(&format!("wrote {}", file.display()));
    Ok(())
}
