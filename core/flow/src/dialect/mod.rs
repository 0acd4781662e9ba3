//! Dialects: how a flow may be written. Each loads into the same [`Draft`]; nothing after it knows which one it was.

mod canonical;
mod convert;
mod fields;
mod kinds;
mod list;
mod loader;
mod map;
mod node;
mod programs;
mod reads;
mod reference;
mod routing;
mod schema;
mod table;
mod triggers;

use crate::finding::Position;
use crate::ir::{Entrypoint, LogLevel, Node, Text, Trigger};
use crate::yaml;
use fields::entry;
use greentic_types::Value;

pub use canonical::canonical;
pub use convert::convert;
pub use loader::Loader;
pub use reference::reference_markdown;
pub use schema::schema;

/// Nodes of one flow. Far beyond what a person writes; it bounds the work of validating.
const MAX_NODES: usize = 5_000;

/// A flow as loaded: the IR, and beside it the places that only findings need.
#[derive(Default)]
pub struct Draft {
    pub name: String,
    pub start: u32,
    /// In the order they are tried.
    pub triggers: Vec<Placed<Trigger<'static>>>,
    pub variables: Value,
    pub parameters: Option<Value>,
    pub entrypoints: Option<Vec<Entrypoint<'static>>>,
    pub required: Option<Vec<Text<'static>>>,
    pub log_level: Option<LogLevel>,
    /// By index.
    pub nodes: Vec<Placed<Node<'static>>>,
}

pub struct Placed<T> {
    pub item: T,
    pub at: Position,
}

/// How a flow is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `nodes` is a list.
    List,
    /// `nodes` is a map.
    Map,
}

impl Dialect {
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::List => "list",
            Dialect::Map => "map",
        }
    }

    /// Tells the dialects apart by shape, and where that says nothing by the keys that only one of them has.
    pub fn of(root: &yaml::Node) -> Dialect {
        match entry(root, "nodes").map(|entry| &entry.value.content) {
            Some(yaml::Content::Map(_)) => Dialect::Map,
            Some(yaml::Content::List(_)) => Dialect::List,
            _ if root.get("id").is_some() && root.get("name").is_none() => Dialect::Map,
            _ => Dialect::List,
        }
    }
}

pub fn load(root: &yaml::Node, loader: &mut Loader<'_>) -> Option<Draft> {
    match Dialect::of(root) {
        Dialect::List => list::load(root, loader),
        Dialect::Map => map::load(root, loader),
    }
}
