//! A YAML document as a tree in which everything knows its place, for all dialects to read.
//!
//! The tree is untyped on purpose: which keys there are and what they mean is a dialect's knowledge.

mod load;
mod scalar;
mod write;

use crate::finding::Position;
use greentic_types::Value;

pub use load::{Comment, load, load_with_comments};
pub use scalar::Scalar;
pub use write::write;

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub at: Position,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the text, no key twice.
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub at: Position,
    pub value: Node,
}

impl Node {
    /// What no file holds: text made by a conversion.
    pub fn text(text: impl Into<String>) -> Node {
        Node { at: Position::NOWHERE, content: Content::Scalar(Scalar::quoted(text.into())) }
    }

    pub fn list(items: Vec<Node>) -> Node {
        Node { at: Position::NOWHERE, content: Content::List(items) }
    }

    pub fn map(entries: Vec<Entry>) -> Node {
        Node { at: Position::NOWHERE, content: Content::Map(entries) }
    }

    /// Entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar(_) | Content::List(_) => &[],
        }
    }

    /// The value of that key, where this is a map that has it and it is not null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The data as it stands. Recursion is bounded by the depth of the tree, see `load`.
    pub fn literal(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.value(),
            Content::List(items) => Value::List(items.iter().map(Node::literal).collect()),
            Content::Map(entries) => {
                Value::Map(entries.iter().map(|entry| (entry.key.clone(), entry.value.literal())).collect())
            }
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "nothing",
            Content::Scalar(_) => "a scalar",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

impl Entry {
    /// What no file holds.
    pub fn new(key: &str, value: Node) -> Entry {
        Entry { key: key.to_owned(), at: value.at, value }
    }
}
