//! A flow's tree with every key by its right name and in the order of its table. What the tree means is not changed.

use super::kinds::{self, component};
use super::map::{self, RESERVED};
use super::table::{Kind, Table};
use super::{Dialect, list, triggers};
use crate::yaml::{Content, Entry, Node};

pub fn canonical(root: &Node, dialect: Dialect) -> Node {
    let table = match dialect {
        Dialect::List => &list::FLOW,
        Dialect::Map => &map::FLOW,
    };
    let mut root = by_table(root, table);
    for entry in entries_mut(&mut root) {
        match (entry.key.as_str(), dialect) {
            ("nodes", Dialect::List) => each(&mut entry.value, |node| *node = list_node(node)),
            ("triggers", Dialect::List) => each(&mut entry.value, |node| *node = trigger(node)),
            ("nodes", Dialect::Map) => {
                for node in entries_mut(&mut entry.value) {
                    node.value = map_node(&node.value);
                }
            }
            _ => {}
        }
    }
    root
}

fn entries_mut(node: &mut Node) -> &mut [Entry] {
    match &mut node.content {
        Content::Map(entries) => entries,
        Content::Scalar(_) | Content::List(_) => &mut [],
    }
}

fn each(node: &mut Node, change: impl FnMut(&mut Node)) {
    if let Content::List(items) = &mut node.content {
        items.iter_mut().for_each(change);
    }
}

fn trigger(node: &Node) -> Node {
    let known = node.get("type").and_then(Node::as_text);
    let known = triggers::TYPES.iter().find(|each| Some(each.name) == known);
    by_table(node, known.map_or(&triggers::ANY, |known| known.table))
}

fn list_node(node: &Node) -> Node {
    let mut node = by_table(node, &list::NODE);
    let table = match node.get("type").and_then(Node::as_text) {
        Some(name) => kinds::find(name).map_or(&component::TABLE, |known| known.table),
        None => return node,
    };
    for entry in entries_mut(&mut node).iter_mut().filter(|entry| entry.key == "config") {
        entry.value = by_table(&entry.value, table);
    }
    node
}

/// The operation stands first.
fn map_node(node: &Node) -> Node {
    let mut node = by_table(node, &RESERVED);
    if let Content::Map(entries) = &mut node.content {
        entries.sort_by_key(|entry| RESERVED.key(&entry.key).is_some());
        for entry in entries.iter_mut().filter(|entry| RESERVED.key(&entry.key).is_none()) {
            if let Some(known) = kinds::find(&entry.key) {
                entry.value = by_table(&entry.value, known.table);
            }
        }
    }
    node
}

/// Recursion is bounded by the depth of the tree, see `yaml::load`.
fn by_table(node: &Node, table: &'static Table) -> Node {
    let Content::Map(entries) = &node.content else { return node.clone() };
    let place = |entry: &Entry| table.keys.iter().position(|key| key.is(&entry.key)).unwrap_or(table.keys.len());
    let mut sorted: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let known = table.key(&entry.key);
        // A key and its alias side by side are an error, which is not hidden.
        let name = known.filter(|key| !entries.iter().any(|other| other.key == key.name)).map(|key| key.name);
        let value = known.map_or_else(|| entry.value.clone(), |key| by_kind(&entry.value, key.kind));
        sorted.push(Entry { key: name.map_or_else(|| entry.key.clone(), str::to_owned), at: entry.at, value });
    }
    sorted.sort_by_key(place);
    Node { at: node.at, content: Content::Map(sorted) }
}

fn by_kind(node: &Node, kind: Kind) -> Node {
    match (kind, &node.content) {
        (Kind::Table(table), Content::Map(_)) => by_table(node, table),
        (Kind::List(item), Content::List(items)) => {
            let items = items.iter().map(|each| by_kind(each, *item)).collect();
            Node { at: node.at, content: Content::List(items) }
        }
        (Kind::MapOf(item), Content::Map(entries)) => {
            let entry = |entry: &Entry| Entry { value: by_kind(&entry.value, *item), ..entry.clone() };
            Node { at: node.at, content: Content::Map(entries.iter().map(entry).collect()) }
        }
        (Kind::Either(kinds), _) => {
            kinds.iter().find(|kind| fits(node, **kind)).map_or_else(|| node.clone(), |kind| by_kind(node, *kind))
        }
        _ => node.clone(),
    }
}

/// Whether a value is of that kind and no other one of its key's.
fn fits(node: &Node, kind: Kind) -> bool {
    match (kind, &node.content) {
        (Kind::Table(table), Content::Map(entries)) => entries.iter().all(|entry| table.key(&entry.key).is_some()),
        (Kind::List(_), Content::List(_)) | (Kind::MapOf(_), Content::Map(_)) => true,
        _ => false,
    }
}
