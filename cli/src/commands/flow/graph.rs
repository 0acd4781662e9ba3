//! `flow graph`: a flow as a drawing.

use super::check::{stdin, with_its_pack};
use super::paint::Paint;
use super::{Rejected, report};
use crate::flow_sources::{Outcome, check_alone};
use crate::output;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use greentic_flow::{Compiled, Context};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Graph {
    /// The flow (.ygtc), or `-` for one from standard input
    flow: PathBuf,
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Markdown and mermaid.live
    Mermaid,
    /// For Graphviz
    Dot,
}

impl Graph {
    pub fn run(&self) -> anyhow::Result<()> {
        let (text, compiled) = self.compiled()?;
        let graph = greentic_flow::Graph::of(&text, &compiled).context("the compiled flow can't be read back")?;
        let drawn = match self.format {
            Format::Mermaid => graph.mermaid(),
            Format::Dot => graph.dot(),
        };
        output::line(drawn.trim_end_matches('\n'));
        Ok(())
    }

    fn compiled(&self) -> anyhow::Result<(String, Compiled)> {
        anyhow::ensure!(!self.flow.is_dir(), "{} is a directory: name one of its flows", self.flow.display());
        let outcome = if self.flow == Path::new("-") {
            check_alone(Path::new("<stdin>"), &stdin()?, &Context::default())
        } else {
            with_its_pack(&self.flow, &Context::default())?
        };
        let wrong = outcome.failed();
        let Outcome { files, compiled } = outcome;
        if wrong {
            for checked in &files {
                output::line(&report::render(checked, Paint::of_stdout())?);
            }
            return Err(Rejected(report::summary(&files)).into());
        }
        let text = files.into_iter().next_back().map(|checked| checked.text).unwrap_or_default();
        // Of all flows of a pack, the one with this text.
        let name = greentic_flow::flow_name(&text);
        let found = compiled.into_iter().find(|compiled| Some(&compiled.name) == name.as_ref());
        let found = found.context("the compiled flow is not among the pack's")?;
        Ok((text, found))
    }
}
