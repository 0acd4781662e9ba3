//! What every dialect needs while it loads: findings, the nodes' indices, and what the flow turned out to use.

use crate::compile::Context;
use crate::finding::{Finding, Position};
use crate::yaml::Node;
use greentic_types::nearest;
use std::collections::{BTreeMap, BTreeSet};

pub struct Loader<'c> {
    pub context: &'c Context<'c>,
    pub findings: Vec<Finding>,
    pub uses_config: bool,
    /// Component and operation of each component node.
    pub components: BTreeSet<(String, String)>,
    indices: BTreeMap<String, u32>,
    /// False as soon as an edge leads nowhere: what is reachable can't be said then.
    pub graph_complete: bool,
}

impl<'c> Loader<'c> {
    pub fn new(context: &'c Context<'c>) -> Self {
        Loader {
            context,
            findings: Vec::new(),
            uses_config: false,
            components: BTreeSet::new(),
            indices: BTreeMap::new(),
            graph_complete: true,
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

    /// The index of the node that this names.
    pub fn target(&mut self, node: &Node) -> Option<u32> {
        let Some(scalar) = self.scalar(node, "a target") else {
            self.graph_complete = false;
            return None;
        };
        let found = self.indices.get(&scalar.text).copied();
        if found.is_none() {
            self.graph_complete = false;
            let near = nearest(&scalar.text, self.indices.keys().map(String::as_str));
            let finding = Finding::error("unknown-target", node.at, format!("there is no node `{}`", scalar.text));
            let finding = finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?")));
            self.findings.push(finding);
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
        let message = format!("`{}` can't be {what}", scalar.text.chars().take(80).collect::<String>());
        self.error_with_hint(
            "bad-id",
            node.at,
            message,
            "use 1 to 63 of A-Z, a-z, 0-9, `_`, `-`, not beginning with `-`",
        );
        None
    }
}

/// Wider than ids of the bundle: these never stand in keys or subjects, only in paths.
pub fn is_name(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    plain && !text.is_empty() && !text.starts_with('-') && text.len() <= 63
}
