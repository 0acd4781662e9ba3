//! The dialect whose `nodes` are a map: YGTc, of the second version and of the first (spec/flow.md, "Dialect map").

use super::fields::{Fields, short};
use super::kinds::{self, Given, Made, component};
use super::node::{self, Beside, RETRY, TIMEOUT};
use super::routing::{self, Ways, routing};
use super::table::{Kind, MILLISECONDS, Rest, Table, key};
use super::{Draft, Loader, MAX_NODES, Placed};
use crate::finding::{Finding, Position};
use crate::ir::{Entrypoint, Node, Text, Trigger, TriggerKind};
use crate::yaml::{self, Entry};
use greentic_types::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Types of flows. `events` is how many public flows write `event`.
pub const FLOW_TYPES: &[&str] =
    &["messaging", "event", "events", "webhook", "timer", "job", "component-config", "http", "pubsub", "websocket"];

const SLOT_TYPES: &[&str] = &["string", "enum", "number", "date", "boolean"];
const MAX_SLOTS: usize = 200;

static SLOT: Table = Table {
    what: "a slot",
    keys: &[
        key("name", Kind::Name, "The slot's name.").required(),
        key("slot_type", Kind::OneOf(SLOT_TYPES), "What it holds.").required(),
        key("pattern", Kind::Pattern, "Where a string stands in what the user says."),
        key("required", Kind::Flag, "Whether it has to be filled."),
        key("enum_values", Kind::List(&Kind::Text), "What an `enum` can be."),
        key("default_value", Kind::Literal, "What it is when nothing was found."),
    ],
    rest: Rest::Refused,
};

static TELEMETRY: Table = Table {
    what: "a `telemetry`",
    keys: &[
        key("span_name", Kind::Text, "Name of the node's span."),
        key("attributes", Kind::LiteralMap, "Attributes of the span."),
        key("sampling", Kind::Text, "Which spans are kept."),
    ],
    rest: Rest::Refused,
};

/// What may stand beside a node's operation.
pub static RESERVED: Table = Table {
    what: "a node",
    keys: &[
        key(
            "routing",
            Kind::Either(&[Kind::OneOf(routing::WORDS), Kind::List(&Kind::Table(&routing::ARM))]),
            "Where to go on; the flow ends when absent.",
        ),
        key("on_error", Kind::Target, "Where to go on when it fails."),
        key("operation", Kind::Text, "The component's operation."),
        key("in_map", Kind::Data, "Takes the place of the component's input."),
        key("out_map", Kind::Data, "Takes the place of the result, whose members it reads by their bare names."),
        key("err_map", Kind::Data, "Takes the place of `error` and of the result when the node fails."),
        key("vars_out", Kind::Map, "Variables of the flow that are set from the result."),
        key("output", Kind::Either(&[Kind::Name, Kind::Map]), "The name of the result, or the same as `out_map`."),
        key("timeout", Kind::Either(&[MILLISECONDS, Kind::Table(&TIMEOUT)]), "Milliseconds for one try."),
        key("retry", Kind::Table(&RETRY), "Further tries after a failure that may pass."),
        key(
            "when",
            Kind::Either(&[Kind::Expression, Kind::LiteralMap]),
            "When it does not hold, the node is passed over.",
        ),
        key("telemetry", Kind::Table(&TELEMETRY), "Has no effect here: every node has its span."),
        key("meta", Kind::LiteralMap, "For other tools."),
        key("annotations", Kind::LiteralMap, "For other tools."),
    ],
    rest: Rest::Any,
};

pub static FLOW: Table = Table {
    what: "a flow",
    keys: &[
        key("id", Kind::Name, "The flow's name.").required(),
        key("type", Kind::OneOf(FLOW_TYPES), "What begins the flow.").required().or(&["kind"]),
        key("title", Kind::Text, "The flow's title, for people."),
        key("description", Kind::Text, "What the flow is for, for people."),
        key("start", Kind::Target, "The first node; `in` when absent, else the first of the map.").or(&["in", "entry"]),
        key("entrypoints", Kind::MapOf(&Kind::Target), "Other ways in, by name."),
        key(
            "parameters",
            Kind::LiteralMap,
            "What `parameters.*` is. `vars_init` in it says what `flow.*` is at the beginning.",
        ),
        key("tags", Kind::List(&Kind::Text), "For people and search."),
        key("schema_version", Kind::Whole(1, 1_000), "The version of the dialect; 2 when absent."),
        key("slot_schema", Kind::List(&Kind::Table(&SLOT)), "What is to be found in what the user says."),
        key("meta", Kind::LiteralMap, "For other tools."),
        key("nodes", Kind::MapOf(&Kind::Table(&RESERVED)), "What the flow does, by node id.").required(),
    ],
    rest: Rest::Refused,
};

pub fn load(root: &yaml::Node, loader: &mut Loader<'_>) -> Option<Draft> {
    let fields = loader.fields(root, &FLOW)?;
    let name = fields.get("id").and_then(|name| loader.flow_name(name)).map(str::to_owned);
    loader.flow_name.clone_from(&name);
    about(&fields, loader);
    let kind = fields.get("type").and_then(|node| flow_type(node, loader));
    let first_version = loader.whole(&fields, "schema_version").is_some_and(|version| version < 2);
    let mut parameters =
        fields.get("parameters").map_or_else(BTreeMap::new, |node| loader.literal_map(node, "`parameters`"));
    let (variables, required) = vars_init(fields.get("parameters"), &mut parameters, loader);
    loader.parameters.clone_from(&parameters);
    let nodes = fields.get("nodes").map_or_else(Vec::new, |node| nodes(node, first_version, loader));
    let entrypoints = entrypoints(&fields, loader);
    let start = start(&fields, &entrypoints, loader);
    let at = fields.get("start").or(fields.get("nodes")).map_or(root.at, |node| node.at);
    let trigger = Trigger {
        kind: kind.unwrap_or(TriggerKind::Default),
        target: start,
        pattern: None,
        name: None,
        timezone: None,
    };
    Some(Draft {
        name: name?,
        start,
        triggers: vec![Placed { item: trigger, at }],
        variables: Value::Map(variables),
        parameters: (!parameters.is_empty()).then_some(Value::Map(parameters)),
        entrypoints: (!entrypoints.is_empty()).then_some(entrypoints),
        required: (!required.is_empty()).then_some(required),
        log_level: None,
        nodes,
    })
}

/// What is for people and tools only has the right shape, nevertheless.
fn about(fields: &Fields<'_>, loader: &mut Loader<'_>) {
    loader.text(fields, "title");
    loader.text(fields, "description");
    if let Some(tags) = fields.get("tags") {
        for tag in loader.list(tags, "`tags`") {
            loader.scalar(tag, "a tag");
        }
    }
    if let Some(meta) = fields.get("meta") {
        loader.literal_map(meta, "`meta`");
    }
    if let Some(slots) = fields.get("slot_schema") {
        let mut names = BTreeSet::new();
        for slot in loader.filled_list(slots, "`slot_schema`", MAX_SLOTS) {
            check_slot(slot, &mut names, loader);
        }
    }
}

/// Who fills slots is a component; what they are is checked here.
fn check_slot(slot: &yaml::Node, names: &mut BTreeSet<String>, loader: &mut Loader<'_>) {
    let Some(fields) = loader.fields(slot, &SLOT) else { return };
    if let Some(node) = fields.get("name")
        && let Some(name) = loader.name(node, "a slot's name")
        && !names.insert(name.to_owned())
    {
        loader.error("duplicate-id", node.at, format!("there is a slot `{name}` already"));
    }
    let slot_type = loader.word(&fields, "slot_type");
    loader.flag(&fields, "required");
    if let Some(pattern) = fields.get("pattern") {
        loader.check_pattern(pattern);
    } else if slot_type == Some("string") {
        loader.error("missing-key", slot.at, "a slot of type `string` needs the key `pattern`");
    }
    if let Some(values) = fields.get("enum_values") {
        for value in loader.filled_list(values, "`enum_values`", MAX_SLOTS) {
            loader.scalar(value, "a value of an enum");
        }
    } else if slot_type == Some("enum") {
        loader.error("missing-key", slot.at, "a slot of type `enum` needs the key `enum_values`");
    }
}

/// What begins the flow. Only a flow of messages takes what a user says.
fn flow_type(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<TriggerKind> {
    let name = loader.scalar(node, "`type`")?.text.as_str();
    match name {
        "messaging" => Some(TriggerKind::Default),
        "timer" => Some(TriggerKind::Timer),
        "job" | "component-config" => Some(TriggerKind::Setup),
        "event" | "events" | "webhook" | "http" | "pubsub" | "websocket" => Some(TriggerKind::Event),
        _ => {
            let near = loader.nearest(name, FLOW_TYPES.iter().copied());
            let hint = near.map_or_else(
                || format!("known are {}", FLOW_TYPES.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            loader.error_with_hint("unknown-type", node.at, format!("there is no flow type `{}`", short(name)), hint);
            None
        }
    }
}

/// Takes `vars_init` out of the parameters: what `flow.*` begins with, and what a caller has to give.
fn vars_init(
    node: Option<&yaml::Node>,
    parameters: &mut BTreeMap<String, Value>,
    loader: &mut Loader<'_>,
) -> (BTreeMap<String, Value>, Vec<Text<'static>>) {
    let (mut variables, mut required) = (BTreeMap::new(), Vec::new());
    let node = node.and_then(|node| node.get("vars_init"));
    parameters.remove("vars_init");
    let Some(node) = node else { return (variables, required) };
    if !matches!(node.content, yaml::Content::Map(_)) {
        loader.shape_error(node, "`vars_init` is a map");
    }
    for entry in node.entries() {
        let default = entry.value.get("default").map(|node| loader.literal(node));
        if entry.value.get("required").is_some_and(|node| node.literal() == Value::Bool(true)) {
            required.push(entry.key.as_str().into());
        }
        let stated = matches!(entry.value.content, yaml::Content::Map(_));
        let value = if stated { default } else { Some(loader.literal(&entry.value)) };
        variables.insert(entry.key.clone(), value.unwrap_or_default());
        loader.variables.insert(entry.key.clone());
    }
    (variables, required)
}

fn entrypoints(fields: &Fields<'_>, loader: &mut Loader<'_>) -> Vec<Entrypoint<'static>> {
    let Some(node) = fields.get("entrypoints") else { return Vec::new() };
    if !matches!(node.content, yaml::Content::Map(_)) {
        loader.shape_error(node, "`entrypoints` is a map");
    }
    let mut entrypoints: Vec<_> = node
        .entries()
        .iter()
        .filter_map(|entry| Some(Entrypoint { target: loader.target(&entry.value)?, name: entry.key.as_str().into() }))
        .collect();
    entrypoints.sort_by(|a, b| a.name.cmp(&b.name));
    entrypoints
}

/// `start`, else the entrypoint `default`, else the node `in`, else the first.
fn start(fields: &Fields<'_>, entrypoints: &[Entrypoint<'_>], loader: &mut Loader<'_>) -> u32 {
    if let Some(node) = fields.get("start") {
        return loader.target(node).unwrap_or_default();
    }
    let default = entrypoints.iter().find(|entrypoint| entrypoint.name.as_str() == "default");
    default.map(|entrypoint| entrypoint.target).or_else(|| loader.index("in")).unwrap_or_default()
}

/// First every name, then every node: an edge may lead forward.
fn nodes(map: &yaml::Node, first_version: bool, loader: &mut Loader<'_>) -> Vec<Placed<Node<'static>>> {
    let entries = map.entries();
    if entries.is_empty() {
        loader.error("shape", map.at, "`nodes` is a map of at least one node");
    }
    if entries.len() > MAX_NODES {
        loader.error("too-large", map.at, format!("a flow has at most {MAX_NODES} nodes"));
        loader.graph_complete = false;
        return Vec::new();
    }
    for (index, entry) in (0..).zip(entries) {
        let named = yaml::Node { at: entry.at, ..yaml::Node::text(entry.key.as_str()) };
        if let Some(id) = loader.name(&named, "a node's id") {
            loader.declare(id, index, entry.at);
        }
    }
    entries.iter().map(|entry| node(entry, first_version, loader)).collect()
}

fn node(entry: &Entry, first_version: bool, loader: &mut Loader<'_>) -> Placed<Node<'static>> {
    let id = Some(entry.key.as_str());
    let Some(fields) = loader.fields(&entry.value, &RESERVED) else {
        return node::finish(id, entry.at, None, &Beside::default(), Ways::default(), loader);
    };
    let beside = Beside {
        when: fields.get("when"),
        timeout: fields.get("timeout"),
        retry: fields.get("retry"),
        in_map: fields.get("in_map"),
        out_map: fields.get("out_map"),
        err_map: fields.get("err_map"),
        vars_out: fields.get("vars_out"),
        output: fields.get("output"),
        on_error: fields.get("on_error"),
    };
    if let Some(telemetry) = fields.get("telemetry") {
        loader.fields(telemetry, &TELEMETRY);
        loader.warning("no-effect", telemetry.at, "`telemetry` has no effect here: every node has its span");
    }
    let mut operations = operations(&entry.value);
    if operations.len() > 1 {
        operations.retain(|operation| !is_misspelt(operation, loader));
    }
    let made = match operations.as_slice() {
        [operation] => made(operation, &entry.key, first_version, &fields, loader),
        found => {
            wrong_count(found, entry.at, loader);
            None
        }
    };
    let ways = routing(fields.get("routing"), loader);
    node::finish(id, entry.at, made, &beside, ways, loader)
}

/// Entries of a node that are none of the reserved ones. One without a payload counts, as in `done: {noop: }`.
pub fn operations(node: &yaml::Node) -> Vec<&Entry> {
    let own = |entry: &&Entry| RESERVED.key(&entry.key).is_none() && !entry.key.starts_with("x-");
    node.entries().iter().filter(own).collect()
}

/// Whether a key that stands beside others is nearly a reserved one; then that is said.
fn is_misspelt(entry: &Entry, loader: &mut Loader<'_>) -> bool {
    if kinds::find(&entry.key).is_some() || entry.key.contains('.') {
        return false;
    }
    let Some(near) = loader.nearest(&entry.key, RESERVED.names()) else { return false };
    let hint = format!("did you mean `{near}`?");
    loader.error_with_hint("unknown-key", entry.at, format!("a node has no key `{}`", short(&entry.key)), hint);
    true
}

fn wrong_count(found: &[&Entry], at: Position, loader: &mut Loader<'_>) {
    let finding = match found.get(1) {
        None => Finding::error("operation-count", at, "this node has no operation".to_owned())
            .hint("beside `routing` and the like, a node has one key: what it does"),
        Some(second) => {
            let names: Vec<String> = found.iter().map(|entry| format!("`{}`", short(&entry.key))).collect();
            let message = format!("this node has {} operations: {}", found.len(), names.join(", "));
            let known: Vec<&str> = RESERVED.names().collect();
            Finding::error("operation-count", second.at, message)
                .hint(format!("make a node of each; keys that may stand beside one are {}", known.join(", ")))
        }
    };
    loader.findings.push(finding);
}

fn made(
    operation: &Entry,
    id: &str,
    first_version: bool,
    beside: &Fields<'_>,
    loader: &mut Loader<'_>,
) -> Option<Made> {
    let name = operation.key.as_str();
    let bound = loader.context.bindings.and_then(|bindings| bindings.get(id)).map(String::as_str);
    // A binding says that the key is an operation, whatever else it could be. Dots only components and the language have.
    if let Some(known) = kinds::find(name).filter(|known| bound.is_none() || known.name.contains('.')) {
        let payload = (!operation.value.is_null()).then(|| kinds::as_map(&operation.value, known));
        let config = loader.fields_or_none(payload.as_ref().map(Cow::as_ref), operation.at, known.table)?;
        return (known.load)(&given(config, beside), loader);
    }
    let good = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !good || name.starts_with(['.', '-']) {
        loader.error("bad-id", operation.at, format!("`{}` can't be an operation", short(name)));
        return None;
    }
    let scalar = matches!(operation.value.content, yaml::Content::Scalar(_) | yaml::Content::List(_));
    let payload = match scalar && !operation.value.is_null() {
        // A payload that is no map is the input itself.
        true => Some(Cow::Owned(yaml::Node {
            at: operation.value.at,
            ..yaml::Node::map(vec![Entry::new("input", operation.value.clone())])
        })),
        false => (!operation.value.is_null()).then_some(Cow::Borrowed(&operation.value)),
    };
    let config = loader.fields_or_none(payload.as_ref().map(Cow::as_ref), operation.at, &component::PAYLOAD)?;
    component::misplaced(&config, loader);
    component::load_key(operation, bound, first_version, &given(config, beside), loader)
}

fn given<'y>(config: Fields<'y>, beside: &Fields<'y>) -> Given<'y> {
    Given { config, operation: beside.get("operation"), in_map: beside.get("in_map") }
}
