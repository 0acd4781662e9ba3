//! The dialect whose `nodes` are a list: the documented one (spec/flow.md, "Dialect list").

use super::nodes::node;
use super::triggers::triggers;
use super::{Draft, Loader, Placed, entry};
use crate::ir::Node;
use crate::yaml;
use greentic_types::Value;
use std::collections::BTreeMap;

const KEYS: [&str; 7] = ["name", "version", "description", "nodes", "triggers", "variables", "config"];

/// Nodes of one flow. Far beyond what a person writes; it bounds the work of validating.
const MAX_NODES: usize = 5_000;

pub fn load(root: &yaml::Node, loader: &mut Loader<'_>) -> Option<Draft> {
    let fields = loader.fields(root, "a flow", &KEYS)?;
    let name = loader.required(&fields, "name").and_then(|name| loader.name(name, "a flow's name"));
    if let Some(version) = loader.required(&fields, "version") {
        loader.scalar(version, "a version");
    }
    if let Some(description) = fields.get("description") {
        loader.scalar(description, "a description");
    }
    if let Some(config) = fields.get("config") {
        settings(config, loader);
    }
    let variables = fields.get("variables").map_or_else(BTreeMap::new, |node| variables(node, loader));
    let nodes = match loader.required(&fields, "nodes") {
        Some(list) => nodes(loader.list(list, "`nodes`"), list, loader),
        None => Vec::new(),
    };
    let triggers = match loader.required(&fields, "triggers") {
        Some(list) => triggers(list, loader),
        None => {
            loader.graph_complete = false;
            Vec::new()
        }
    };
    Some(Draft { name: name?.to_owned(), variables: Value::Map(variables), triggers, nodes })
}

/// Settings of the documented language that nothing obeys yet. Their author is told rather than surprised.
fn settings(config: &yaml::Node, loader: &mut Loader<'_>) {
    let Some(fields) = loader.fields(config, "the config of a flow", &["timeout", "retry_policy", "logging"]) else {
        return;
    };
    for entry in fields.entries() {
        loader.warning("no-effect", entry.at, format!("`{}` has no effect in this version yet", entry.key));
    }
}

fn variables(node: &yaml::Node, loader: &mut Loader<'_>) -> BTreeMap<String, Value> {
    let Some(fields) = loader.open_fields(node, "`variables`") else { return BTreeMap::new() };
    let mut variables = BTreeMap::new();
    for entry in fields.entries() {
        variables.insert(entry.key.clone(), loader.literal(&entry.value));
    }
    variables
}

/// First every name, then every node: an edge may lead forward.
fn nodes(items: &[yaml::Node], list: &yaml::Node, loader: &mut Loader<'_>) -> Vec<Placed<Node<'static>>> {
    if items.is_empty() {
        loader.error("shape", list.at, "a flow has at least one node");
    }
    if items.len() > MAX_NODES {
        loader.error("shape", list.at, format!("a flow has at most {MAX_NODES} nodes"));
        loader.graph_complete = false;
        return Vec::new();
    }
    let mut ids = Vec::new();
    for (index, item) in (0..).zip(items) {
        let named = entry(item, "id").map(|entry| &entry.value).filter(|value| !value.is_null());
        let id = named.and_then(|value| Some((loader.name(value, "a node's id")?, value.at)));
        if let Some((id, at)) = id {
            loader.declare(id, index, at);
        }
        ids.push(id.map(|(id, _)| id));
    }
    let mut nodes = Vec::new();
    for (item, id) in items.iter().zip(ids) {
        match node(item, id, loader) {
            Some(item) => nodes.push(item),
            // The indices behind it are off by one now, so nothing more is said about edges.
            None => loader.graph_complete = false,
        }
    }
    nodes
}
