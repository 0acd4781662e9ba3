//! From one dialect to the other, tree by tree. What the other one can't say is a finding that names it. What only people
//! read and the other one has no key for goes into an extension key (`x-title`), and comes back from there.

use super::kinds::{self, NodeType};
use super::map::{RESERVED, operations};
use super::{Dialect, entry};
use crate::finding::{Finding, Findings, Position};
use crate::yaml::{Content, Entry, Node, Scalar};
use greentic_types::Value;

/// Keys of a map of nodes that only people and tools read.
const FOR_PEOPLE: [&str; 4] = ["title", "tags", "meta", "schema_version"];

/// Keys of a node that both dialects have.
const SHARED: [&str; 5] = ["on_error", "output", "timeout", "when", "retry"];

/// Keys of a node that only a map has.
const MAP_ONLY: [&str; 7] = ["in_map", "out_map", "err_map", "vars_out", "telemetry", "meta", "annotations"];

/// `root` is canonical, of the other dialect, and has no errors.
pub fn convert(root: &Node, to: Dialect, findings: &mut Findings) -> Node {
    let mut converter = Converter { findings };
    match to {
        Dialect::Map => converter.map(root),
        Dialect::List => converter.list(root),
    }
}

struct Converter<'f> {
    findings: &'f mut Findings,
}

fn plain(text: &str) -> Node {
    Node { at: Position::NOWHERE, content: Content::Scalar(Scalar::plain(text)) }
}

/// An entry under another key, at its old place.
fn renamed(entry: &Entry, key: &str) -> Entry {
    Entry { key: key.to_owned(), ..entry.clone() }
}

fn has_entries(node: &Node) -> bool {
    !node.entries().is_empty()
}

impl Converter<'_> {
    fn refuse(&mut self, at: Position, message: String) {
        self.findings.push(Finding::error("not-convertible", at, message));
    }

    // ---- a list becomes a map

    fn map(&mut self, root: &Node) -> Node {
        let mut flow = Vec::new();
        let config = root.get("config");
        if let Some(logging) = config.and_then(|config| config.get("logging")) {
            self.refuse(logging.at, "a map of nodes has no `logging`".to_owned());
        }
        for entry in root.entries() {
            match entry.key.as_str() {
                "name" => {
                    flow.push(renamed(entry, "id"));
                    flow.push(Entry::new("type", Node { at: entry.at, ..plain("messaging") }));
                }
                "version" => flow.push(renamed(entry, "x-version")),
                "description" => flow.push(entry.clone()),
                "variables" if has_entries(&entry.value) => flow.push(variables_to_parameters(entry)),
                "triggers" => flow.extend(self.start(&entry.value)),
                "nodes" => flow.push(self.nodes_to_map(entry, config)),
                key => match key.strip_prefix("x-").filter(|key| FOR_PEOPLE.contains(key)) {
                    Some(known) => flow.push(renamed(entry, known)),
                    None if key.starts_with("x-") => flow.push(entry.clone()),
                    None => {}
                },
            }
        }
        Node { at: root.at, content: Content::Map(flow) }
    }

    /// A flow of messages begins at one node, whatever the user says.
    fn start(&mut self, triggers: &Node) -> Option<Entry> {
        let Content::List(items) = &triggers.content else { return None };
        let is_default = |item: &&Node| item.get("type").and_then(Node::as_text) == Some("default");
        for item in items.iter().filter(|item| !is_default(item)) {
            let name = item.get("type").and_then(Node::as_text).unwrap_or_default();
            self.refuse(item.at, format!("a map of nodes has no trigger `{name}`: it begins at one node"));
        }
        let mut defaults = items.iter().filter(is_default);
        let found = defaults.next().and_then(|item| entry(item, "target"));
        if let Some(second) = defaults.next() {
            self.refuse(second.at, "a map of nodes begins at one node".to_owned());
        }
        found.map(|target| renamed(target, "start"))
    }

    fn nodes_to_map(&mut self, nodes: &Entry, config: Option<&Node>) -> Entry {
        let Content::List(items) = &nodes.value.content else { return nodes.clone() };
        let entries = items.iter().filter_map(|item| self.node_to_map(item, config)).collect();
        Entry { value: Node { at: nodes.value.at, content: Content::Map(entries) }, ..nodes.clone() }
    }

    fn node_to_map(&mut self, node: &Node, config: Option<&Node>) -> Option<Entry> {
        let id = node.get("id")?.as_text()?;
        let named = entry(node, "type")?;
        let name = named.value.as_text()?;
        if RESERVED.key(name).is_some() || name.starts_with("x-") {
            self.refuse(named.at, format!("in a map of nodes, `{name}` is no operation"));
        }
        let known = kinds::find(name);
        let payload = node.get("config");
        let empty = Node { at: named.value.at, ..Node::map(Vec::new()) };
        let branches = name == "branch";
        let operation = if branches { empty } else { payload.cloned().unwrap_or(empty) };
        let mut entries = vec![Entry { key: name.to_owned(), at: named.at, value: operation }];
        let arms = if branches { payload.map(branch_arms).unwrap_or_default() } else { Vec::new() };
        let next = entry(node, "next").filter(|next| !next.value.is_null());
        entries.push(Entry::new("routing", routing(arms, next, named.at)));
        for key in SHARED {
            let own = entry(node, key).filter(|entry| !entry.value.is_null());
            entries.extend(own.cloned().or_else(|| default_of(key, known, config)));
        }
        Some(Entry { key: id.to_owned(), at: node.at, value: Node { at: node.at, content: Content::Map(entries) } })
    }

    // ---- a map becomes a list

    fn list(&mut self, root: &Node) -> Node {
        let mut flow = Vec::new();
        for entry in root.entries() {
            match entry.key.as_str() {
                "id" => flow.push(renamed(entry, "name")),
                "type" if entry.value.as_text() != Some("messaging") => {
                    let name = entry.value.as_text().unwrap_or_default();
                    self.refuse(entry.value.at, format!("a list of nodes can't be a flow of the type `{name}`"));
                }
                "description" => flow.push(entry.clone()),
                "x-version" => flow.push(renamed(entry, "version")),
                key if FOR_PEOPLE.contains(&key) => flow.push(renamed(entry, &format!("x-{key}"))),
                key if key.starts_with("x-") => flow.push(entry.clone()),
                "parameters" => flow.extend(self.parameters_to_variables(entry)),
                "entrypoints" | "slot_schema" if !is_empty(&entry.value) => {
                    self.refuse(entry.at, format!("a list of nodes has no `{}`", entry.key));
                }
                _ => {}
            }
        }
        if !flow.iter().any(|entry| entry.key == "version") {
            flow.push(Entry::new("version", Node::text("1")));
        }
        let nodes = root.get("nodes");
        let ids: Vec<&Entry> = nodes.map(|nodes| nodes.entries().iter().collect()).unwrap_or_default();
        let start = entry(root, "start").filter(|start| !start.value.is_null());
        let first = ids.iter().find(|entry| entry.key == "in").or(ids.first());
        if let Some(target) = start.map(|start| renamed(start, "target")).or_else(|| {
            first.map(|first| Entry::new("target", Node { at: Position::NOWHERE, ..Node::text(first.key.as_str()) }))
        }) {
            let trigger = Node::map(vec![Entry::new("type", plain("default")), target]);
            flow.push(Entry::new("triggers", Node::list(vec![trigger])));
        }
        if let Some(nodes) = entry(root, "nodes") {
            let items = ids.iter().map(|entry| self.node_to_list(entry)).collect();
            let value = Node { at: nodes.value.at, content: Content::List(items) };
            flow.push(Entry { value, ..nodes.clone() });
        }
        Node { at: root.at, content: Content::Map(flow) }
    }

    fn parameters_to_variables(&mut self, parameters: &Entry) -> Option<Entry> {
        let mut variables = Vec::new();
        for entry in parameters.value.entries() {
            if entry.key != "vars_init" {
                self.refuse(entry.at, format!("a list of nodes has no parameter `{}`", entry.key));
                continue;
            }
            for variable in entry.value.entries() {
                if variable.value.get("required").is_some_and(|node| node.literal() == Value::Bool(true)) {
                    self.refuse(variable.at, "a list of nodes can't ask for a variable".to_owned());
                }
                let is_map = matches!(variable.value.content, Content::Map(_));
                let default = variable.value.get("default").cloned().unwrap_or_else(|| plain("null"));
                let value = if is_map { default } else { variable.value.clone() };
                variables.push(Entry { value, ..variable.clone() });
            }
        }
        let value = Node { at: parameters.value.at, content: Content::Map(variables) };
        has_entries(&value).then(|| Entry { key: "variables".to_owned(), at: parameters.at, value })
    }

    fn node_to_list(&mut self, node: &Entry) -> Node {
        for key in MAP_ONLY {
            if let Some(entry) = entry(&node.value, key).filter(|entry| !entry.value.is_null()) {
                self.refuse(entry.at, format!("a node of a list has no `{key}`"));
            }
        }
        let mut entries =
            vec![Entry { key: "id".to_owned(), at: node.at, value: Node { at: node.at, ..Node::text(&node.key) } }];
        let operations = operations(&node.value);
        let Some(operation) = operations.first() else { return Node::map(entries) };
        let routing = node.value.get("routing");
        let (next, arms) = self.ways(routing);
        let branches = operation.key == "branch";
        if !branches && let Some(arm) = arms.first() {
            let message = "only a `branch` has conditions in a list of nodes".to_owned();
            self.refuse(arm.at, message);
        }
        let typed = self.typed(operation, &node.value);
        entries.push(Entry {
            key: "type".to_owned(),
            at: operation.at,
            value: plain_or_quoted(&typed.0, operation.at),
        });
        let config = if branches { conditions(&arms, &operation.value) } else { typed.1 };
        entries.extend(config.filter(has_entries).map(|config| Entry::new("config", config)));
        entries.extend(next.map(|next| Entry { key: "next".to_owned(), at: next.at, value: next }));
        for key in SHARED {
            let Some(entry) = entry(&node.value, key).filter(|entry| !entry.value.is_null()) else { continue };
            match (key, &entry.value.content) {
                ("output", Content::Map(_)) => {
                    self.refuse(entry.at, "a node of a list has no `out_map`, which this `output` is".to_owned());
                }
                ("timeout", Content::Map(inner)) => {
                    entries.extend(inner.first().map(|inner| renamed(inner, "timeout")));
                }
                ("when", Content::Map(inner)) => entries.extend(inner.first().map(|inner| renamed(inner, "when"))),
                _ => entries.push(entry.clone()),
            }
        }
        Node { at: node.at, content: Content::Map(entries) }
    }

    /// The type and config that an operation is.
    fn typed(&mut self, operation: &Entry, node: &Node) -> (String, Option<Node>) {
        let payload = (!operation.value.is_null()).then(|| operation.value.clone());
        let name = operation.key.as_str();
        if let Some(known) = kinds::find(name) {
            let payload = payload.map(|payload| kinds::as_map(&payload, known).into_owned());
            let Some(stated) = entry(node, "operation").filter(|_| name == "component.exec") else {
                return (name.to_owned(), payload);
            };
            let mut entries = payload.map(|payload| payload.entries().to_vec()).unwrap_or_default();
            entries.push(stated.clone());
            return (name.to_owned(), Some(Node { at: operation.value.at, content: Content::Map(entries) }));
        }
        if !name.contains('.') && node.get("operation").is_none() {
            let message = format!("`{name}` is an operation of the component that the sidecar binds to the node");
            self.refuse(operation.at, message);
        }
        let payload = payload.unwrap_or_else(|| Node { at: operation.at, ..Node::map(Vec::new()) });
        let inner = entry(&payload, "operation").or_else(|| entry(node, "operation"));
        let rest: Vec<Entry> = payload.entries().iter().filter(|entry| entry.key != "operation").cloned().collect();
        let input = match (&payload.content, rest.as_slice()) {
            (Content::Scalar(_) | Content::List(_), _) => Some(payload.clone()),
            (Content::Map(_), []) => None,
            (Content::Map(_), [only]) if only.key == "input" => Some(only.value.clone()),
            (Content::Map(_), _) => Some(Node { at: payload.at, content: Content::Map(rest) }),
        };
        let input = input.map(|input| Entry { key: "input".to_owned(), at: input.at, value: input });
        match inner {
            None => (name.to_owned(), input.map(|input| Node { at: payload.at, content: Content::Map(vec![input]) })),
            Some(stated) => {
                let component = Entry::new("component", plain_or_quoted(name, operation.at));
                let entries = [component, stated.clone()].into_iter().chain(input).collect();
                ("component.exec".to_owned(), Some(Node { at: payload.at, content: Content::Map(entries) }))
            }
        }
    }

    /// Where a node leads: on, and by which conditions.
    fn ways(&mut self, routing: Option<&Node>) -> (Option<Node>, Vec<Node>) {
        let Some(routing) = routing else { return (None, Vec::new()) };
        let Content::List(items) = &routing.content else {
            if routing.as_text() == Some("reply") {
                self.refuse(routing.at, "a node of a list can't say its result by `reply`".to_owned());
            }
            return (None, Vec::new());
        };
        let (mut next, mut arms) = (None, Vec::new());
        for item in items {
            let leads = item.get("to").filter(|to| to.as_text() != Some("out"));
            for key in ["status", "reply", "on_message"] {
                let set = item.get(key).filter(|node| node.literal() != Value::Bool(false));
                if let Some(node) = set {
                    self.refuse(node.at, format!("a node of a list has no arm with `{key}`"));
                }
            }
            match (item.get("condition"), leads) {
                (Some(_), Some(_)) => arms.push(item.clone()),
                (Some(condition), None) => {
                    self.refuse(condition.at, "in a list of nodes, a condition leads to a node".to_owned());
                }
                (None, leads) if next.is_none() => next = leads.cloned(),
                (None, _) => {}
            }
        }
        (next, arms)
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.content {
        Content::Scalar(scalar) => scalar.is_null(),
        Content::List(items) => items.is_empty(),
        Content::Map(entries) => entries.is_empty(),
    }
}

fn plain_or_quoted(text: &str, at: Position) -> Node {
    Node { at, ..Node::text(text) }
}

fn variables_to_parameters(variables: &Entry) -> Entry {
    let entries = variables.value.entries().iter().map(|variable| {
        let default = Entry { key: "default".to_owned(), at: variable.value.at, value: variable.value.clone() };
        Entry { value: Node { at: variable.value.at, content: Content::Map(vec![default]) }, ..variable.clone() }
    });
    let at = variables.value.at;
    let all = Node { at, content: Content::Map(entries.collect()) };
    let init = Entry { key: "vars_init".to_owned(), at, value: all };
    Entry { key: "parameters".to_owned(), at: variables.at, value: Node { at, content: Content::Map(vec![init]) } }
}

/// Conditions of a branch as arms, its `default` last.
fn branch_arms(config: &Node) -> Vec<Node> {
    let conditions = match config.get("conditions").map(|node| &node.content) {
        Some(Content::List(items)) => items.as_slice(),
        _ => &[],
    };
    let arm = |item: &Node| {
        let condition = entry(item, "expression").map(|entry| renamed(entry, "condition"));
        let to = entry(item, "next").map(|entry| renamed(entry, "to"));
        Node { at: item.at, content: Content::Map(condition.into_iter().chain(to).collect()) }
    };
    let default = entry(config, "default").filter(|entry| !entry.value.is_null());
    let default = default.map(|entry| Node { at: entry.at, content: Content::Map(vec![renamed(entry, "to")]) });
    conditions.iter().map(arm).chain(default).collect()
}

/// What a branch of a list has as config.
fn conditions(arms: &[Node], payload: &Node) -> Option<Node> {
    if arms.is_empty() {
        return (!payload.is_null()).then(|| payload.clone());
    }
    let condition = |arm: &Node| {
        let expression = entry(arm, "condition").map(|entry| renamed(entry, "expression"));
        let next = entry(arm, "to").map(|entry| renamed(entry, "next"));
        Node { at: arm.at, content: Content::Map(expression.into_iter().chain(next).collect()) }
    };
    let list = Node { at: Position::NOWHERE, content: Content::List(arms.iter().map(condition).collect()) };
    Some(Node::map(vec![Entry::new("conditions", list)]))
}

/// Arms of a node of a map. `next` is what none of them takes.
fn routing(mut arms: Vec<Node>, next: Option<&Entry>, at: Position) -> Node {
    let has_default = arms.last().is_some_and(|arm| arm.get("condition").is_none());
    if let Some(next) = next.filter(|_| !has_default) {
        arms.push(Node { at: next.at, content: Content::Map(vec![renamed(next, "to")]) });
    }
    if arms.is_empty() {
        return Node { at, ..plain("out") };
    }
    Node { at, content: Content::List(arms) }
}

/// What the flow's `config` says of nodes that reach out and state nothing.
fn default_of(key: &str, known: Option<&NodeType>, config: Option<&Node>) -> Option<Entry> {
    if !known.is_none_or(|known| known.reaches_out()) {
        return None;
    }
    match key {
        "timeout" => config.and_then(|config| entry(config, "timeout")).filter(|entry| !entry.value.is_null()).cloned(),
        "retry" => {
            let policy = config?.get("retry_policy")?;
            let max = entry(policy, "max_retries").map(|entry| renamed(entry, "max"));
            let backoff = entry(policy, "backoff").map(|entry| renamed(entry, "backoff_ms"));
            let value = Node { at: policy.at, content: Content::Map(max.into_iter().chain(backoff).collect()) };
            Some(Entry { key: "retry".to_owned(), at: policy.at, value })
        }
        _ => None,
    }
}
