//! A YAML document as a tree in which everything knows its place, for all dialects to read.
//!
//! The tree is untyped on purpose: which keys there are and what they mean is a dialect's knowledge.

mod load;
mod scalar;

use crate::finding::Position;

pub use load::load;
pub use scalar::Scalar;

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
