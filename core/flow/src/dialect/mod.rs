//! Dialects: how a flow may be written. Each loads into the same [`Draft`]; nothing after it knows which one it was.

mod fields;
mod list;
mod loader;
mod nodes;
mod programs;
mod reply;
mod triggers;

use crate::finding::{Finding, Position};
use crate::ir::{Node, Trigger};
use crate::yaml;
use fields::entry;
use greentic_types::Value;

pub use loader::Loader;

/// A flow as loaded: the IR, and beside it the places that only findings need.
pub struct Draft {
    pub name: String,
    pub variables: Value,
    /// In the order they are tried.
    pub triggers: Vec<Placed<Trigger<'static>>>,
    /// By index.
    pub nodes: Vec<Placed<Node<'static>>>,
}

pub struct Placed<T> {
    pub item: T,
    pub at: Position,
}

/// Tells the dialects apart by shape: `nodes` is a list in one and a map in the other.
pub fn load(root: &yaml::Node, loader: &mut Loader<'_>) -> Option<Draft> {
    let nodes = entry(root, "nodes");
    if let Some(yaml::Entry { at, value: yaml::Node { content: yaml::Content::Map(_), .. }, .. }) = nodes {
        let finding = Finding::error("not-yet", *at, "flows whose `nodes` are a map are not supported yet".to_owned());
        loader.findings.push(finding.hint("write `nodes` as a list of nodes with `id` and `type`"));
        return None;
    }
    list::load(root, loader)
}
