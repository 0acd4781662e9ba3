//! What every dialect needs while it loads: findings, the nodes' indices, and what the flow turned out to use.

use super::fields::short;
use super::node::Defaults;
use super::programs::Names;
use super::reads::Reads;
use crate::compile::Context;
use crate::finding::{Finding, Findings, Position};
use crate::yaml::Node;
use greentic_types::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names that are looked for to make a hint, see [`Loader::nearest`].
const MAX_HINTS: u32 = 100;

pub struct Loader<'c> {
    pub context: &'c Context<'c>,
    pub findings: Findings,
    pub uses_config: bool,
    /// Component and operation of each component node.
    pub components: BTreeSet<(String, String)>,
    /// Flows that are called and come back, with the first place of each.
    pub calls: BTreeMap<String, Position>,
    pub reads: Reads,
    /// Keys of translated texts in the node that is being loaded.
    pub texts: BTreeSet<String>,
    /// Name of the flow, where it has a good one.
    pub flow_name: Option<String>,
    /// `parameters` of the flow, for bare paths that are known at build.
    pub parameters: BTreeMap<String, Value>,
    /// What `flow.*` has from the beginning, or from a node that sets it.
    pub variables: BTreeSet<String>,
    /// Names that results are kept under, with the first place of each.
    pub outputs: BTreeMap<String, Position>,
    pub defaults: Defaults,
    /// Whose the bare names of what is being loaded are.
    pub names: Names,
    /// False as soon as an edge leads nowhere: what is reachable can't be said then.
    pub graph_complete: bool,
    pub hints_left: u32,
    indices: BTreeMap<String, u32>,
}

impl<'c> Loader<'c> {
    pub fn new(context: &'c Context<'c>) -> Self {
        Loader {
            context,
            findings: Findings::default(),
            uses_config: false,
            components: BTreeSet::new(),
            calls: BTreeMap::new(),
            reads: Reads::default(),
            texts: BTreeSet::new(),
            flow_name: None,
            parameters: BTreeMap::new(),
            variables: BTreeSet::new(),
            outputs: BTreeMap::new(),
            defaults: Defaults::default(),
            names: Names::Flow,
            graph_complete: true,
            hints_left: MAX_HINTS,
            indices: BTreeMap::new(),
        }
    }

    pub fn error(&mut self, code: &'static str, at: Position, message: impl Into<String>) {
        self.findings.push(Finding::error(code, at, message.into()));
    }

    pub fn error_with_hint(
        &mut self,
        code: &'static str,
        at: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Finding::error(code, at, message.into()).hint(hint));
    }

    pub fn warning(&mut self, code: &'static str, at: Position, message: impl Into<String>) {
        self.findings.push(Finding::warning(code, at, message.into()));
    }

    /// Gives the next node its index. A second node of the same name keeps its index but can't be a target.
    pub fn declare(&mut self, id: &str, index: u32, at: Position) {
        if self.indices.contains_key(id) {
            self.error("duplicate-id", at, format!("there is a node `{id}` already"));
        } else {
            self.indices.insert(id.to_owned(), index);
        }
    }

    pub fn index(&self, id: &str) -> Option<u32> {
        self.indices.get(id).copied()
    }

    /// The index of the node that this names.
    pub fn target(&mut self, node: &Node) -> Option<u32> {
        let Some(scalar) = self.scalar(node, "a target") else {
            self.graph_complete = false;
            return None;
        };
        let found = self.index(&scalar.text);
        if found.is_none() {
            self.graph_complete = false;
            let indices = std::mem::take(&mut self.indices);
            let near = self.nearest(&scalar.text, indices.keys().map(String::as_str));
            let message = format!("there is no node `{}`", short(&scalar.text));
            let finding = Finding::error("unknown-target", node.at, message);
            self.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
            self.indices = indices;
        }
        found
    }

    /// The same for a key that may be absent.
    pub fn optional_target(&mut self, node: Option<&Node>) -> Option<u32> {
        node.and_then(|node| self.target(node))
    }

    /// A name that can stand in a path: of a flow, a node, or an output.
    pub fn name<'y>(&mut self, node: &'y Node, what: &str) -> Option<&'y str> {
        let scalar = self.scalar(node, what)?;
        if is_name(&scalar.text) {
            return Some(&scalar.text);
        }
        let message = format!("`{}` can't be {what}", short(&scalar.text));
        self.error_with_hint(
            "bad-id",
            node.at,
            message,
            "use 1 to 63 of A-Z, a-z, 0-9, `_`, `-`, not beginning with `-`",
        );
        None
    }

    /// The id of a flow. Public ones have dots, as in `component-qa.custom`.
    pub fn flow_name<'y>(&mut self, node: &'y Node) -> Option<&'y str> {
        let scalar = self.scalar(node, "a flow's name")?;
        let good = scalar.text.split('.').all(is_name) && scalar.text.len() <= MAX_FLOW_NAME;
        if !good {
            let message = format!("`{}` can't be a flow's name", short(&scalar.text));
            let hint = format!("use up to {MAX_FLOW_NAME} of A-Z, a-z, 0-9, `_`, `-`, and dots between them");
            self.error_with_hint("bad-id", node.at, message, hint);
            return None;
        }
        Some(&scalar.text)
    }
}

const MAX_FLOW_NAME: usize = 127;

/// Wider than ids of the bundle: these never stand in keys or subjects, only in paths.
pub fn is_name(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    plain && !text.is_empty() && !text.starts_with('-') && text.len() <= 63
}
