//! `docs/flow-reference.md`, made from the tables that the loaders read by: every key there is, and no other.

use super::kinds::{self, NodeType, component};
use super::table::{Kind, Rest, Table};
use super::{list, map, triggers};
use crate::expr;

/// How deep tables in tables are shown; none is deeper.
const MAX_DEPTH: usize = 4;

/// The reference of both dialects.
pub fn reference_markdown() -> String {
    let mut out = String::from(HEAD);
    section(&mut out, 2, "A flow whose `nodes` are a list", None);
    table(&mut out, &list::FLOW);
    section(&mut out, 3, "Its nodes", None);
    table(&mut out, &list::NODE);
    section(&mut out, 3, "Its triggers", Some("First match in file order; `default` is tried last."));
    for known in triggers::TYPES {
        section(&mut out, 4, &format!("`{}`", known.name), None);
        table(&mut out, known.table);
    }
    section(&mut out, 2, "A flow whose `nodes` are a map", None);
    table(&mut out, &map::FLOW);
    section(&mut out, 3, "Its nodes", Some("Beside exactly one operation key, whose name is a node type:"));
    table(&mut out, &map::RESERVED);
    section(&mut out, 2, "Node types", Some(NODE_TYPES));
    for known in kinds::TYPES {
        node_type(&mut out, known);
    }
    section(&mut out, 3, "Components", Some("Any other type is a component of the pack. In a list, under `config`:"));
    table(&mut out, &component::TABLE);
    out.push_str("\nIn a map, under the operation key:\n");
    table(&mut out, &component::PAYLOAD);
    helpers(&mut out);
    out
}

const HEAD: &str = "\
# Reference of flows

Made from the tables in `core/flow/src/dialect`, by which flows are read; a test compares the two. How flows are written is
told in [flows.md](flows.md), what is said of their mistakes in [flow-diagnostics.md](flow-diagnostics.md).

A key in *italics* behind another is read as that one, with a warning. Keys that begin with `x-` are left alone.
";

const NODE_TYPES: &str = "\
In a list they are the node's `type`, with their keys under `config`; in a map they are the operation key, with their keys
under it.";

fn section(out: &mut String, level: usize, title: &str, text: Option<&str>) {
    out.push_str(&format!("\n{} {title}\n", "#".repeat(level)));
    if let Some(text) = text {
        out.push_str(&format!("\n{text}\n"));
    }
}

fn node_type(out: &mut String, known: &NodeType) {
    section(out, 3, &format!("`{}`", known.name), Some(known.about));
    if let Some(key) = known.bare {
        out.push_str(&format!("A bare text in place of the keys is its `{key}`.\n"));
    }
    table(out, known.table);
}

fn helpers(out: &mut String) {
    section(out, 2, "Helpers of templates", None);
    let names: Vec<String> = expr::helpers().map(|name| format!("`{name}`")).collect();
    out.push_str(&format!("\n{}\n", names.join(", ")));
}

fn table(out: &mut String, table: &Table) {
    if !table.keys.is_empty() {
        out.push_str("\n| key | takes | meaning |\n|---|---|---|\n");
        rows(out, table, "", 0);
    }
    match table.rest {
        Rest::Refused => {}
        Rest::Any if table.keys.is_empty() => out.push_str("\nAny keys.\n"),
        Rest::Any => out.push_str("\nOther keys are data.\n"),
        Rest::Data => out.push_str("\nOther keys are passed on as they are.\n"),
    }
}

/// Keys of a table within another stand below their own, with the way to them before their name.
fn rows(out: &mut String, table: &Table, before: &str, depth: usize) {
    for key in table.keys {
        let required = if key.required { " (required)" } else { "" };
        let aliases: Vec<String> = key.aliases.iter().map(|alias| format!(" *{alias}*")).collect();
        let takes = takes(&key.kind);
        let about = key.about.replace('|', "\\|");
        out.push_str(&format!("| `{before}{}`{required}{} | {takes} | {about} |\n", key.name, aliases.concat()));
        // What nodes and triggers are is told in sections of their own.
        if depth < MAX_DEPTH && !["nodes", "triggers"].contains(&key.name) {
            for (inner, way) in inner(&key.kind, "") {
                rows(out, inner, &format!("{before}{}{way}.", key.name), depth + 1);
            }
        }
    }
}

/// The tables that a value can be, and how one gets to them.
fn inner(kind: &Kind, way: &'static str) -> Vec<(&'static Table, &'static str)> {
    match kind {
        Kind::Table(table) => vec![(*table, way)],
        Kind::List(item) => inner(item, "[]"),
        Kind::MapOf(item) => inner(item, ".*"),
        Kind::Either(kinds) => kinds.iter().flat_map(|kind| inner(kind, way)).collect(),
        _ => Vec::new(),
    }
}

fn takes(kind: &Kind) -> String {
    let word = match kind {
        Kind::Name => "name",
        Kind::Target => "node id",
        Kind::Text => "text",
        Kind::Template => "template",
        Kind::Expression => "expression",
        Kind::Script => "Rhai script",
        Kind::Pattern => "regular expression",
        Kind::Flag => "true or false",
        Kind::Whole(min, max) => return format!("whole number, {min} to {max}"),
        Kind::Number(min, max) if max.abs() > 1e12 && min.abs() > 1e12 => "number",
        Kind::Number(min, max) => return format!("number, {min} to {max}"),
        Kind::OneOf(words) => {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        Kind::Data => "data with templates",
        Kind::Literal => "data",
        Kind::Map => "map with templates",
        Kind::LiteralMap => "map",
        Kind::List(item) => return format!("list: {}", takes(item)),
        Kind::MapOf(item) => return format!("map: {}", takes(item)),
        Kind::Table(_) => "keys",
        Kind::Either(kinds) => return kinds.iter().map(takes).collect::<Vec<_>>().join("; or "),
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_nested_key_has_its_place() {
        let text = reference_markdown();
        for known in kinds::TYPES {
            assert!(text.contains(&format!("\n### `{}`\n", known.name)), "{}", known.name);
        }
        assert!(text.contains("| `conditions[].expression` (required) *condition* | expression | Holds or not. |"));
        assert!(text.contains("`formatDate`"));
    }
}
