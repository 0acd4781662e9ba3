//! From a flow's text to its records, or to everything that is wrong with it.

use crate::dialect::{self, Draft, Loader};
use crate::finding::{Finding, Findings, Position};
use crate::ir::{Head, IR_VERSION, Lines, Text, append};
use crate::{validate, yaml};
use minicbor::Encode;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the pack around the flow has. What is None is not known, as when a flow is checked without its pack; then a flow
/// that needs it gets a warning in place of an error, and what was compiled must not run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'c> {
    /// Ids of its components.
    pub components: Option<&'c [&'c str]>,
    /// Operations of those components that list theirs.
    pub operations: Option<&'c BTreeMap<String, Vec<String>>>,
    /// Names of its flows (see [`flow_name`]).
    pub flows: Option<&'c [&'c str]>,
    /// Files that flows may name, by name. One file may stand under several names.
    pub assets: Option<&'c BTreeMap<&'c str, &'c [u8]>>,
    /// Node to component, from the flow's `.resolve.json` (see [`crate::Sidecar`]).
    pub bindings: Option<&'c BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    pub name: String,
    /// See [`crate::ir::Head`].
    pub head: Vec<u8>,
    /// See [`crate::ir::Node`]; the place is the index. Behind the last node stands one more record,
    /// [`crate::ir::Lines`]: the only one that says where anything stands in the text.
    pub nodes: Vec<Vec<u8>>,
    /// Components the flow may call, with the operation (empty where it names none), sorted.
    pub components: Vec<(String, String)>,
    /// Flows that it calls and comes back from, sorted, with the place of the first call.
    pub calls: Vec<(String, Position)>,
    pub warnings: Vec<Finding>,
}

/// Compiles one flow. On failure, all findings, warnings among them, in the order of the text.
pub fn compile(text: &str, context: &Context<'_>) -> Result<Compiled, Vec<Finding>> {
    let mut loader = Loader::new(context);
    let root = yaml::load(text, &mut loader.findings);
    let draft = root.and_then(|root| dialect::load(&root, &mut loader));
    if let Some(draft) = &draft {
        validate::triggers(draft, &mut loader.findings);
        if loader.graph_complete {
            validate::graph(draft, &mut loader.findings);
        }
        validate::names(draft, &mut loader);
    }
    let findings = std::mem::take(&mut loader.findings);
    let failed = findings.failed();
    let findings = findings.into_sorted();
    match draft {
        Some(draft) if !failed => Ok(encode(draft, loader, findings)),
        _ => Err(findings),
    }
}

/// The name of a flow, where its text has one: for the list of all flows that each of them is compiled with.
pub fn flow_name(text: &str) -> Option<String> {
    let root = yaml::load(text, &mut Findings::default())?;
    root.get("name").or_else(|| root.get("id")).and_then(yaml::Node::as_text).map(str::to_owned)
}

/// Flows of one pack that call each other in a circle: index of the flow, and what is wrong in it.
pub fn recursion(flows: &[&Compiled]) -> Vec<(usize, Finding)> {
    let index: BTreeMap<&str, usize> = (0..).zip(flows).map(|(index, flow)| (flow.name.as_str(), index)).collect();
    let calls = |flow: usize| {
        let calls = flows.get(flow).map(|flow| flow.calls.as_slice()).unwrap_or_default();
        calls.iter().filter_map(|(name, _)| index.get(name.as_str()).copied()).collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for circle in validate::circles(flows.len(), &calls) {
        let names: Vec<&str> = circle.iter().filter_map(|flow| Some(flows.get(*flow)?.name.as_str())).collect();
        let (Some(first), Some(second)) = (circle.first(), names.get(1)) else { continue };
        let Some(flow) = flows.get(*first) else { continue };
        let Some((_, at)) = flow.calls.iter().find(|(name, _)| name == second) else { continue };
        let message = format!("flows call each other in a circle: {}", names.join(" → "));
        let hint = "go over to one of them by `flow.goto`, which does not come back";
        found.push((*first, Finding::error("flow-recursion", *at, message).hint(hint)));
    }
    found
}

fn encode(draft: Draft, loader: Loader<'_>, warnings: Vec<Finding>) -> Compiled {
    let mut nodes: Vec<Vec<u8>> = draft.nodes.iter().map(|node| record(&node.item)).collect();
    let head = record(&Head {
        ir_version: IR_VERSION,
        name: Text(Cow::Borrowed(&draft.name)),
        nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        start: draft.start,
        triggers: draft.triggers.into_iter().map(|trigger| trigger.item).collect(),
        variables: draft.variables,
        uses_config: loader.uses_config,
        parameters: draft.parameters,
        entrypoints: draft.entrypoints,
        required: draft.required,
        log_level: draft.log_level,
    });
    nodes.push(record(&Lines(draft.nodes.iter().map(|node| node.at.line).collect())));
    Compiled {
        head,
        nodes,
        components: loader.components.into_iter().collect(),
        calls: loader.calls.into_iter().collect(),
        warnings,
        name: draft.name,
    }
}

fn record<T: Encode<()>>(item: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, item);
    bytes
}
