//! The node types of the list dialect.

use super::fields::Fields;
use super::loader::is_name;
use super::reply::{prompt, reply};
use super::{Loader, Placed};
use crate::budget::MAX_KEY_SEGMENTS;
use crate::data::ROOTS;
use crate::finding::Finding;
use crate::ir::{Arm, Node, NodeKind, StateAction, Text};
use crate::yaml;
use greentic_types::nearest;
use std::borrow::Cow;

const KEYS: [&str; 7] = ["id", "type", "config", "next", "on_error", "output", "timeout"];

const TYPES: [&str; 5] = ["reply", "template", "branch", "state", "wait"];

/// Types of the language (spec/flow.md) that this version does not have yet. They are never components.
const LATER: [&str; 11] =
    ["script", "http", "llm", "event", "adaptive-card", "fast2flow", "flow2flow", "mcp-tool", "log", "config", "error"];

/// Words that mean something else in an expression or a template.
const WORDS: [&str; 13] = [
    "true",
    "false",
    "null",
    "and",
    "or",
    "not",
    "contains",
    "this",
    "else",
    "uppercase",
    "lowercase",
    "capitalize",
    "truncate",
];

/// `id` is None where there is none, or a bad one, which was said already.
pub fn node(item: &yaml::Node, id: Option<&str>, loader: &mut Loader<'_>) -> Option<Placed<Node<'static>>> {
    let fields = loader.fields(item, "a node", &KEYS)?;
    loader.required(&fields, "id");
    let next = loader.optional_target(fields.get("next"));
    let on_error = loader.optional_target(fields.get("on_error"));
    if let Some(timeout) = fields.get("timeout") {
        let message = "a node's `timeout` has no effect in this version yet";
        loader.findings.push(
            Finding::warning("no-effect", timeout.at, message.to_owned())
                .hint("the host's limit on component calls holds; a `wait` has its timeout in `config`"),
        );
    }
    let named = loader.required(&fields, "type")?;
    let kind_name = &loader.scalar(named, "a node's type")?.text;
    let kind = match kind_name.as_str() {
        "reply" => NodeKind::Reply(reply(&open_config(&fields, loader)?, loader)?),
        "template" => template(&fields, loader)?,
        "branch" => branch(&fields, loader)?,
        "state" => state(&fields, loader)?,
        "wait" => wait(&fields, loader)?,
        _ => component(kind_name, named, &fields, loader)?,
    };
    let output = output(kind_name, &fields, loader);
    let id = Text(Cow::Owned(id?.to_owned()));
    let node = Node { id, kind, next, on_error, output, line: item.at.line };
    Some(Placed { item: node, at: item.at })
}

fn config<'y>(fields: &Fields<'y>, what: &'static str, known: &[&str], loader: &mut Loader<'_>) -> Option<Fields<'y>> {
    match fields.get("config") {
        Some(node) => loader.fields(node, what, known),
        None => Some(Fields::none(fields.at, what)),
    }
}

fn open_config<'y>(fields: &Fields<'y>, loader: &mut Loader<'_>) -> Option<Fields<'y>> {
    match fields.get("config") {
        Some(node) => loader.open_fields(node, "a `config`"),
        None => Some(Fields::none(fields.at, "a `config`")),
    }
}

/// The name a result is kept under: `output` of the node, or of a `state` node's config.
fn output(kind: &str, fields: &Fields<'_>, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let inner = fields.get("config").filter(|_| kind == "state").and_then(|config| super::entry(config, "output"));
    let inner = inner.map(|entry| &entry.value).filter(|value| !value.is_null());
    let node = match (fields.get("output"), inner) {
        (Some(node), Some(_)) => {
            loader.error("duplicate-key", node.at, "`output` stands in the node and in its `config`");
            return None;
        }
        (node, inner) => node.or(inner)?,
    };
    if kind == "branch" {
        loader.error("unknown-key", node.at, "a `branch` has no result to keep");
        return None;
    }
    let name = loader.name(node, "the name of an output")?;
    if ROOTS.contains(&name) || WORDS.contains(&name) {
        loader.error("bad-id", node.at, format!("`{name}` means something else already"));
        return None;
    }
    Some(name.into())
}

fn template(fields: &Fields<'_>, loader: &mut Loader<'_>) -> Option<NodeKind<'static>> {
    let known = ["template", "template_file", "data"];
    let config = config(fields, "the config of a `template`", &known, loader)?;
    if let Some(file) = config.get("template_file") {
        let message = "`template_file` is not supported by this version yet";
        loader.error_with_hint("not-yet", file.at, message, "write the text into `template`");
        return None;
    }
    let text = loader.required(&config, "template").and_then(|text| loader.template(text, "a template"));
    let data = match config.get("data") {
        Some(node) => {
            loader.open_fields(node, "`data`")?;
            Some(loader.shape(node)?)
        }
        None => None,
    };
    Some(NodeKind::Template { text: text?, data })
}

fn branch(fields: &Fields<'_>, loader: &mut Loader<'_>) -> Option<NodeKind<'static>> {
    let config = config(fields, "the config of a `branch`", &["conditions", "default"], loader)?;
    let default = loader.optional_target(config.get("default"));
    let conditions = loader.required(&config, "conditions")?;
    let items = loader.list(conditions, "`conditions`");
    let arms: Vec<_> = items.iter().filter_map(|item| arm(item, loader)).collect();
    if items.is_empty() {
        loader.error("shape", conditions.at, "a branch has at least one condition");
    }
    (!items.is_empty() && arms.len() == items.len()).then_some(NodeKind::Branch { arms, default })
}

fn arm(item: &yaml::Node, loader: &mut Loader<'_>) -> Option<Arm<'static>> {
    let fields = loader.fields(item, "a condition", &["expression", "next"])?;
    let condition = loader.required(&fields, "expression").and_then(|node| loader.expression(node));
    let next = loader.required(&fields, "next").and_then(|node| loader.target(node));
    Some(Arm { condition: condition?, next: next? })
}

fn state(fields: &Fields<'_>, loader: &mut Loader<'_>) -> Option<NodeKind<'static>> {
    let known = ["action", "key", "value", "output"];
    let config = config(fields, "the config of a `state`", &known, loader)?;
    let action = loader.required(&config, "action").and_then(|node| action(node, loader));
    let key = loader.required(&config, "key").and_then(|node| key(node, loader));
    let value = match (action?, config.get("value")) {
        (StateAction::Set, _) => Some(loader.required(&config, "value").and_then(|node| loader.shape(node))?),
        (StateAction::Get | StateAction::Delete, Some(node)) => {
            loader.error("unknown-key", node.at, "only the action `set` has a `value`");
            return None;
        }
        (StateAction::Get | StateAction::Delete, None) => None,
    };
    Some(NodeKind::State { action: action?, key: key?, value })
}

fn action(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<StateAction> {
    match loader.scalar(node, "an action")?.text.as_str() {
        "get" => Some(StateAction::Get),
        "set" => Some(StateAction::Set),
        "delete" => Some(StateAction::Delete),
        unknown => {
            let message = format!("there is no action `{unknown}`");
            loader.error_with_hint("bad-value", node.at, message, "known are get, set, delete");
            None
        }
    }
}

/// A path below `state`, dots between its segments.
fn key(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let key = &loader.scalar(node, "a key")?.text;
    let good = key.split('.').all(is_name) && key.split('.').count() <= MAX_KEY_SEGMENTS;
    if !good {
        let message = format!("`{}` can't be a key of `state`", key.chars().take(80).collect::<String>());
        let hint = format!("use up to {MAX_KEY_SEGMENTS} names of A-Z, a-z, 0-9, `_`, `-` with dots between them");
        loader.error_with_hint("bad-id", node.at, message, hint);
        return None;
    }
    if let Some(rest) = key.strip_prefix("state.") {
        let message = "a key stands below `state` already";
        loader.error_with_hint("bad-id", node.at, message, format!("write `{rest}`"));
        return None;
    }
    Some(key.as_str().into())
}

fn wait(fields: &Fields<'_>, loader: &mut Loader<'_>) -> Option<NodeKind<'static>> {
    let config = config(fields, "the config of a `wait`", &["prompt", "timeout", "on_timeout"], loader)?;
    if fields.get("next").is_none() {
        let message = "a `wait` needs `next`: where the user's answer goes on";
        loader.error("no-successor", fields.at, message);
    }
    let timeout_ms = loader.milliseconds(config.get("timeout"), "`timeout`");
    let on_timeout = loader.optional_target(config.get("on_timeout"));
    if let (Some(node), None) = (config.get("on_timeout"), config.get("timeout")) {
        loader.error("missing-key", node.at, "`on_timeout` needs a `timeout`");
    }
    let prompt = match config.get("prompt") {
        Some(node) => Some(prompt(node, loader)?),
        None => None,
    };
    Some(NodeKind::Wait { prompt, timeout_ms, on_timeout })
}

/// `component-id`, or `component-id.operation`, split at the last dot, as ids may have dots themselves.
fn component(
    name: &str,
    named: &yaml::Node,
    fields: &Fields<'_>,
    loader: &mut Loader<'_>,
) -> Option<NodeKind<'static>> {
    if LATER.contains(&name) {
        loader.error("not-yet", named.at, format!("the node type `{name}` is not supported by this version yet"));
        return None;
    }
    let known = loader.context.components;
    let found = match name.rsplit_once('.') {
        _ if known.contains(&name) => Some((name, "")),
        Some((component, operation)) if known.contains(&component) && !operation.is_empty() => {
            Some((component, operation))
        }
        _ => None,
    };
    let Some((component, operation)) = found else {
        let near = nearest(name, TYPES.into_iter().chain(LATER).chain(known.iter().copied()));
        let hint = near.map_or_else(
            || "it is no type of the language, and this pack has no such component".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        loader.error_with_hint("unknown-type", named.at, format!("there is no node type `{name}`"), hint);
        return None;
    };
    let config = config(fields, "the config of a component", &["input"], loader)?;
    let input = match config.get("input") {
        Some(node) => Some(loader.shape(node)?),
        None => None,
    };
    loader.components.insert((component.to_owned(), operation.to_owned()));
    Some(NodeKind::Component { component: component.into(), operation: operation.into(), input })
}
