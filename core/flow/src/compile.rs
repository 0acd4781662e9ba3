//! From a flow's text to its records, or to everything that is wrong with it.

use crate::dialect::{self, Draft, Loader};
use crate::finding::{Finding, Severity, sort};
use crate::ir::{Head, IR_VERSION, Text, append};
use crate::{validate, yaml};
use minicbor::Encode;
use std::borrow::Cow;

/// What the pack around the flow has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'c> {
    /// Ids of its components.
    pub components: &'c [&'c str],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    pub name: String,
    /// See [`crate::ir::Head`].
    pub head: Vec<u8>,
    /// See [`crate::ir::Node`]; the place is the index.
    pub nodes: Vec<Vec<u8>>,
    /// Components the flow may call, with the operation (empty where it names none), sorted.
    pub components: Vec<(String, String)>,
    pub warnings: Vec<Finding>,
}

/// Compiles one flow. On failure, all findings, warnings among them, in the order of the text.
pub fn compile(text: &str, context: &Context<'_>) -> Result<Compiled, Vec<Finding>> {
    let mut loader = Loader::new(context);
    let root = yaml::load(text, &mut loader.findings);
    let draft = root.and_then(|root| dialect::load(&root, &mut loader));
    let mut findings = std::mem::take(&mut loader.findings);
    if let Some(draft) = &draft {
        validate::triggers(draft, &mut findings);
        if loader.graph_complete {
            validate::graph(draft, &mut findings);
        }
    }
    sort(&mut findings);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    match draft {
        Some(draft) if !failed => Ok(encode(draft, loader, findings)),
        _ => Err(findings),
    }
}

fn encode(draft: Draft, loader: Loader<'_>, warnings: Vec<Finding>) -> Compiled {
    let head = record(&Head {
        ir_version: IR_VERSION,
        name: Text(Cow::Borrowed(&draft.name)),
        triggers: draft.triggers.into_iter().map(|trigger| trigger.item).collect(),
        variables: draft.variables,
        uses_config: loader.uses_config,
    });
    let nodes = draft.nodes.iter().map(|node| record(&node.item)).collect();
    Compiled { head, nodes, components: loader.components.into_iter().collect(), warnings, name: draft.name }
}

fn record<T: Encode<()>>(item: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, item);
    bytes
}
