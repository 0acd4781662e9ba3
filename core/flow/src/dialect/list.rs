//! The dialect whose `nodes` are a list: the documented one (spec/flow.md, "Dialect list").

use super::kinds::{self, Given, Made, component, emit};
use super::node::{self, Beside, RETRY};
use super::routing::Ways;
use super::table::{Kind, MILLISECONDS, Rest, Table, key};
use super::triggers::triggers;
use super::{Draft, Loader, MAX_NODES, Placed, entry};
use crate::finding::Position;
use crate::ir::{LogLevel, Node, TriggerKind};
use crate::yaml;
use greentic_types::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

static RETRY_POLICY: Table = Table {
    what: "a `retry_policy`",
    keys: &[
        key("max_retries", Kind::Whole(0, 10), "Tries after the first.").required().or(&["max", "max_attempts"]),
        key("backoff", Kind::Whole(0, 60_000), "Milliseconds before the second try; they double each time.")
            .or(&["backoff_ms"]),
    ],
    rest: Rest::Refused,
};

static LOGGING: Table = Table {
    what: "a `logging`",
    keys: &[key("level", Kind::OneOf(emit::LEVELS), "`log` nodes below it say nothing.")],
    rest: Rest::Refused,
};

static CONFIG: Table = Table {
    what: "the config of a flow",
    keys: &[
        key("timeout", MILLISECONDS, "Milliseconds for each node that reaches out and states none."),
        key("retry_policy", Kind::Table(&RETRY_POLICY), "For each node that reaches out and states none."),
        key("logging", Kind::Table(&LOGGING), "What `log` nodes say."),
    ],
    rest: Rest::Refused,
};

pub static NODE: Table = Table {
    what: "a node",
    keys: &[
        key("id", Kind::Name, "The node's name.").required(),
        key("type", Kind::Text, "What it does: a type of the language, or `component-id.operation`.").required(),
        key("config", Kind::Map, "What its type needs to know."),
        key("next", Kind::Target, "Where to go on; the flow ends when absent.").or(&["to"]),
        key("on_error", Kind::Target, "Where to go on when it fails."),
        key("output", Kind::Name, "The name under which its result is kept, beside `node.<id>`."),
        key("timeout", MILLISECONDS, "Milliseconds for one try."),
        key("when", Kind::Expression, "When it does not hold, the node is passed over."),
        key("retry", Kind::Table(&RETRY), "Further tries after a failure that may pass."),
    ],
    rest: Rest::Refused,
};

/// `nodes` and `triggers` have tables of their own, by their types.
pub static FLOW: Table = Table {
    what: "a flow",
    keys: &[
        key("name", Kind::Name, "The flow's name.").required(),
        key("version", Kind::Text, "The flow's version, for people.").required(),
        key("description", Kind::Text, "What the flow is for, for people."),
        key("variables", Kind::LiteralMap, "What `flow.*` is at the beginning."),
        key("config", Kind::Table(&CONFIG), "What holds for all nodes."),
        key("triggers", Kind::List(&Kind::Literal), "What begins the flow, and where.").required(),
        key("nodes", Kind::List(&Kind::Table(&NODE)), "What the flow does.").required(),
    ],
    rest: Rest::Refused,
};

pub fn load(root: &yaml::Node, loader: &mut Loader<'_>) -> Option<Draft> {
    let fields = loader.fields(root, &FLOW)?;
    let name = fields.get("name").and_then(|name| loader.flow_name(name)).map(str::to_owned);
    loader.flow_name.clone_from(&name);
    loader.text(&fields, "version");
    loader.text(&fields, "description");
    let log_level = fields.get("config").and_then(|config| settings(config, loader));
    let variables = fields.get("variables").map_or_else(BTreeMap::new, |node| loader.literal_map(node, "`variables`"));
    loader.variables.extend(variables.keys().cloned());
    let nodes = match fields.get("nodes") {
        Some(list) => nodes(loader.list(list, "`nodes`"), list, loader),
        None => Vec::new(),
    };
    let triggers = match fields.get("triggers") {
        Some(list) => triggers(list, loader),
        None => {
            loader.graph_complete = false;
            Vec::new()
        }
    };
    let default = triggers.iter().find(|trigger| trigger.item.kind == TriggerKind::Default);
    let start = default.or(triggers.first()).map_or(0, |trigger| trigger.item.target);
    Some(Draft { name: name?, start, triggers, variables: Value::Map(variables), log_level, nodes, ..Draft::default() })
}

/// What holds for nodes that state nothing of their own. The level of `log` nodes comes back.
fn settings(config: &yaml::Node, loader: &mut Loader<'_>) -> Option<LogLevel> {
    let fields = loader.fields(config, &CONFIG)?;
    loader.defaults.timeout_ms = loader.whole(&fields, "timeout");
    if let Some(policy) = fields.get("retry_policy").and_then(|node| loader.fields(node, &RETRY_POLICY)) {
        let max = loader.whole(&policy, "max_retries");
        let backoff_ms = loader.whole(&policy, "backoff").unwrap_or(node::DEFAULT_BACKOFF_MS);
        loader.defaults.retry = max.map(|max| crate::ir::Retry { max, backoff_ms, kinds: Vec::new() });
    }
    let logging = loader.fields(fields.get("logging")?, &LOGGING)?;
    loader.word(&logging, "level").and_then(emit::level)
}

/// First every name, then every node: an edge may lead forward.
fn nodes(items: &[yaml::Node], list: &yaml::Node, loader: &mut Loader<'_>) -> Vec<Placed<Node<'static>>> {
    if items.is_empty() && matches!(list.content, yaml::Content::List(_)) {
        loader.error("shape", list.at, "a flow has at least one node");
    }
    if items.len() > MAX_NODES {
        loader.error("too-large", list.at, format!("a flow has at most {MAX_NODES} nodes"));
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
    items.iter().zip(ids).map(|(item, id)| node(item, id, loader)).collect()
}

/// `id` is None where there is none, or a bad one, which was said already.
fn node(item: &yaml::Node, id: Option<&str>, loader: &mut Loader<'_>) -> Placed<Node<'static>> {
    let Some(fields) = loader.fields(item, &NODE) else {
        return node::finish(id, item.at, None, &Beside::default(), Ways::default(), loader);
    };
    let beside = Beside {
        when: fields.get("when"),
        timeout: fields.get("timeout"),
        retry: fields.get("retry"),
        output: fields.get("output"),
        on_error: fields.get("on_error"),
        ..Beside::default()
    };
    if let Some(output) = beside.output
        && matches!(output.content, yaml::Content::Map(_))
    {
        loader.shape_error(output, "an output is a name");
    }
    let made = fields.get("type").and_then(|named| typed(named, fields.get("config"), item.at, loader));
    let next = fields.get("next");
    let ways = Ways::to(loader.optional_target(next));
    node::finish(id, item.at, made, &beside, ways, loader)
}

fn typed(named: &yaml::Node, config: Option<&yaml::Node>, at: Position, loader: &mut Loader<'_>) -> Option<Made> {
    let name = loader.scalar(named, "a node's type")?.text.as_str();
    let Some(known) = kinds::find(name) else { return component::load_named(name, named, config, loader) };
    let config = config.map(|node| kinds::as_map(node, known));
    let config = loader.fields_or_none(config.as_ref().map(Cow::as_ref), at, known.table)?;
    (known.load)(&Given { config, operation: None, in_map: None }, loader)
}
