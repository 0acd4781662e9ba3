//! Reading a map whose keys are known: each missing or unknown key is a finding, with the nearest known name.

use super::Loader;
use crate::finding::{Finding, Position};
use crate::yaml::{Content, Entry, Node, Scalar};
use greentic_types::nearest;

/// A map under one name for messages, such as "a node".
#[derive(Clone, Copy)]
pub struct Fields<'y> {
    entries: &'y [Entry],
    pub at: Position,
    what: &'static str,
}

/// The entry of that key, when the node is a map that has it.
pub fn entry<'y>(node: &'y Node, key: &str) -> Option<&'y Entry> {
    match &node.content {
        Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
        Content::Scalar(_) | Content::List(_) => None,
    }
}

impl<'y> Fields<'y> {
    /// What an absent map reads as.
    pub fn none(at: Position, what: &'static str) -> Self {
        Fields { entries: &[], at, what }
    }

    /// The value of that key; a null one counts as absent.
    pub fn get(&self, key: &str) -> Option<&'y Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    pub fn entries(&self) -> impl Iterator<Item = &'y Entry> {
        self.entries.iter().filter(|entry| !entry.value.is_null())
    }
}

impl Loader<'_> {
    /// The map's fields with no other keys than `known`.
    pub fn fields<'y>(&mut self, node: &'y Node, what: &'static str, known: &[&str]) -> Option<Fields<'y>> {
        let fields = self.open_fields(node, what)?;
        for entry in fields.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let finding = Finding::error("unknown-key", entry.at, format!("{what} has no key `{}`", entry.key));
            self.findings.push(match nearest(&entry.key, known.iter().copied()) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None if known.is_empty() => finding.hint("it has none"),
                None => finding.hint(format!("known are {}", known.join(", "))),
            });
        }
        Some(fields)
    }

    /// The map's fields, whatever its keys.
    pub fn open_fields<'y>(&mut self, node: &'y Node, what: &'static str) -> Option<Fields<'y>> {
        match &node.content {
            Content::Map(entries) => Some(Fields { entries, at: node.at, what }),
            Content::Scalar(_) | Content::List(_) => {
                self.shape_error(node, &format!("{what} is a map"));
                None
            }
        }
    }

    pub fn required<'y>(&mut self, fields: &Fields<'y>, key: &str) -> Option<&'y Node> {
        let found = fields.get(key);
        if found.is_none() {
            let message = format!("{} needs the key `{key}`", fields.what);
            self.findings.push(Finding::error("missing-key", fields.at, message));
        }
        found
    }

    pub fn list<'y>(&mut self, node: &'y Node, what: &str) -> &'y [Node] {
        match &node.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => {
                self.shape_error(node, &format!("{what} is a list"));
                &[]
            }
        }
    }

    /// Text, as it stands: `42` and `true` are text too where text is wanted.
    pub fn scalar<'y>(&mut self, node: &'y Node, what: &str) -> Option<&'y Scalar> {
        match &node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => {
                self.shape_error(node, &format!("{what} is text"));
                None
            }
        }
    }

    pub fn shape_error(&mut self, node: &Node, wanted: &str) {
        let message = format!("{wanted}, but {} stands here", node.kind());
        self.findings.push(Finding::error("shape", node.at, message));
    }
}
