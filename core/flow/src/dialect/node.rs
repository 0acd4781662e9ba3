//! A node from what its type made and what stands beside the type: one way for both dialects, so that the same node is
//! the same record.

use super::kinds::Made;
use super::routing::Ways;
use super::table::{Kind, MILLISECONDS, Rest, Table, key};
use super::{Loader, Placed};
use crate::data::ROOTS;
use crate::expr;
use crate::finding::{Finding, Position};
use crate::ir::{Arm, Exit, Extras, Node, NodeKind, Retry, Routing, Text};
use crate::yaml;
use crate::yaml::Content;

/// Further tries of one node. Each pause is twice the one before.
const MAX_RETRIES: i64 = 10;
const MAX_BACKOFF_MS: i64 = 60_000;
pub const DEFAULT_BACKOFF_MS: u32 = 250;

/// Words that mean something else in an expression or a template.
const WORDS: [&str; 9] = ["true", "false", "null", "and", "or", "not", "contains", "this", "else"];

pub static RETRY: Table =
    Table {
        what: "a `retry`",
        keys: &[
            key("max", Kind::Whole(0, MAX_RETRIES), "Tries after the first.").required().or(&[
                "max_retries",
                "max_attempts",
                "attempts",
            ]),
            key("backoff_ms", Kind::Whole(0, MAX_BACKOFF_MS), "Pause before the second try; it doubles each time.")
                .or(&["backoff", "delay_ms", "base_delay_ms"]),
            key(
                "kinds",
                Kind::List(&Kind::Text),
                "Codes or kinds of errors worth another try; all that may pass when absent.",
            )
            .or(&["on"]),
        ],
        rest: Rest::Refused,
    };

/// `timeout` as a map, as the public schema has it.
pub static TIMEOUT: Table = Table {
    what: "a `timeout`",
    keys: &[key("ms", MILLISECONDS, "Milliseconds.").required().or(&["timeout_ms"])],
    rest: Rest::Refused,
};

/// What holds for nodes that state nothing of their own.
#[derive(Default)]
pub struct Defaults {
    pub timeout_ms: Option<u32>,
    pub retry: Option<Retry<'static>>,
}

/// What stands beside a node's type.
#[derive(Default, Clone, Copy)]
pub struct Beside<'y> {
    pub when: Option<&'y yaml::Node>,
    pub timeout: Option<&'y yaml::Node>,
    pub retry: Option<&'y yaml::Node>,
    pub in_map: Option<&'y yaml::Node>,
    pub out_map: Option<&'y yaml::Node>,
    pub err_map: Option<&'y yaml::Node>,
    pub vars_out: Option<&'y yaml::Node>,
    pub output: Option<&'y yaml::Node>,
    pub on_error: Option<&'y yaml::Node>,
}

/// `made` is None where the type could not be read; the node keeps its place, so that edges to it are still known.
pub fn finish(
    id: Option<&str>,
    at: Position,
    made: Option<Made>,
    beside: &Beside<'_>,
    ways: Ways,
    loader: &mut Loader<'_>,
) -> Placed<Node<'static>> {
    let broken = made.is_none();
    loader.graph_complete &= !broken;
    let mut made = made.unwrap_or_else(|| NodeKind::Branch.into());
    if let Some(node) = beside.in_map.filter(|_| !made.maps_input && !broken) {
        loader.error("unknown-key", node.at, "a node of this type has no input that `in_map` could take the place of");
    }
    let output = output(&mut made, beside, broken, loader);
    let on_error = loader.optional_target(beside.on_error);
    let extras = extras(&made, beside, broken, loader);
    let said_at_end = made.said_at_end;
    let has_own_arms = !made.arms.is_empty();
    let mut arms = std::mem::take(&mut made.arms);
    arms.extend(ways.arms);
    if said_at_end {
        say_at_end(&mut arms);
    }
    // A branch decides by what is known; anything else with arms about the user's answer waits for it.
    let waits = match made.kind {
        NodeKind::Branch => arms.iter().any(|arm| arm.on_message == Some(true)),
        _ => ways.waits,
    };
    let routing = Routing::of(arms, waits);
    if !broken {
        check_ways(&made.kind, &routing, has_own_arms, at, loader);
    }
    let id = Text::from(id.unwrap_or_default());
    Placed { item: Node { id, kind: made.kind, routing, on_error, output, extras: extras.if_any() }, at }
}

/// What must lead somewhere.
fn check_ways(kind: &NodeKind<'_>, routing: &Routing<'_>, has_own_arms: bool, at: Position, loader: &mut Loader<'_>) {
    let leads_on = match routing {
        Routing::End => false,
        Routing::To(_) => true,
        Routing::Arms { arms, .. } => arms.iter().any(|arm| arm.exit != Exit::End),
    };
    match kind {
        // An edge that leads nowhere was reported as that.
        NodeKind::Wait { .. } if !leads_on && loader.graph_complete => {
            let message = "a node that waits needs a successor: where the user's answer goes on";
            loader.error_with_hint("no-successor", at, message, "give it `next`, or `routing` in a map of nodes");
        }
        NodeKind::Branch if !has_own_arms && !matches!(routing, Routing::Arms { .. }) && loader.graph_complete => {
            loader.error("missing-key", at, "a `branch` needs at least one condition");
        }
        _ => {}
    }
}

/// The result is said wherever the flow would end.
fn say_at_end(arms: &mut Vec<Arm<'static>>) {
    for arm in arms.iter_mut().filter(|arm| arm.exit == Exit::End) {
        arm.reply = Some(true);
    }
    let always = |arm: &Arm<'_>| arm.condition.is_none() && arm.status.is_none() && arm.on_message != Some(true);
    if !arms.iter().any(always) {
        arms.push(Arm { reply: Some(true), ..Arm::to(Exit::End) });
    }
}

/// Whether a node can fail for a reason that passes, and can be timed.
fn reaches_out(kind: &NodeKind<'_>) -> bool {
    matches!(kind, NodeKind::Component { .. } | NodeKind::Http(_) | NodeKind::Llm(_))
}

fn output(made: &mut Made, beside: &Beside<'_>, broken: bool, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let inner = made.output.take();
    // A map is what other tools call a mapping of the output.
    let Some(node) = beside.output.filter(|node| !matches!(node.content, Content::Map(_))) else { return inner };
    if matches!(made.kind, NodeKind::Branch) && !broken {
        loader.error("unknown-key", node.at, "a `branch` has no result to keep");
        return None;
    }
    if inner.is_some() {
        loader.error("duplicate-key", node.at, "`output` stands beside the type and within it");
        return None;
    }
    loader.output_name(node)
}

fn extras(made: &Made, beside: &Beside<'_>, broken: bool, loader: &mut Loader<'_>) -> Extras<'static> {
    let when = beside.when.and_then(|node| when(node, loader));
    let own_timeout = beside.timeout.and_then(|node| timeout(node, loader));
    let own_retry = beside.retry.and_then(|node| retry(node, loader));
    let out_map = beside.out_map.or(beside.output.filter(|node| matches!(node.content, Content::Map(_))));
    let (out_map, err_map, vars_out) = loader.given_names(|loader| {
        let out_map = out_map.and_then(|node| loader.shape(node));
        let err_map = beside.err_map.and_then(|node| loader.shape(node));
        (out_map, err_map, beside.vars_out.and_then(|node| vars_out(node, loader)))
    });
    let reaches_out = reaches_out(&made.kind);
    if !reaches_out && !broken {
        for (name, node) in [("timeout", beside.timeout), ("retry", beside.retry)] {
            if let Some(node) = node {
                let message = format!("`{name}` changes nothing for a node that does not reach out");
                let hint = match made.kind {
                    NodeKind::Wait { .. } => "how long an answer is waited for stands within the type",
                    _ => "components, `http` and `llm` reach out",
                };
                loader.findings.push(Finding::warning("no-effect", node.at, message).hint(hint));
            }
        }
    }
    let (timeout_ms, retry) = if reaches_out {
        (
            made.timeout_ms.or(own_timeout).or(loader.defaults.timeout_ms),
            own_retry.or_else(|| loader.defaults.retry.clone()),
        )
    } else {
        (None, None)
    };
    let texts: Vec<Text<'static>> = std::mem::take(&mut loader.texts).iter().map(|key| key.as_str().into()).collect();
    let texts = (!texts.is_empty()).then_some(texts);
    Extras { when, timeout_ms, retry, out_map, err_map, vars_out, texts }
}

/// Text, or a map with the text, as the public schema has it.
fn when(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<crate::ir::Program<'static>> {
    let inner = ["condition", "expression"].into_iter().find_map(|key| node.get(key));
    loader.expression(inner.unwrap_or(node))
}

fn timeout(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<u32> {
    if matches!(node.content, Content::Map(_)) {
        let fields = loader.fields(node, &TIMEOUT)?;
        return loader.whole(&fields, "ms");
    }
    loader.whole_of(node, "`timeout`", 1, 30 * 24 * 3_600_000)
}

pub fn retry(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<Retry<'static>> {
    let fields = loader.fields(node, &RETRY)?;
    let mut kinds = Vec::new();
    if let Some(list) = fields.get("kinds") {
        for item in loader.filled_list(list, "`kinds`", 20) {
            kinds.extend(loader.name(item, "a kind of error").map(Text::from));
        }
    }
    let max = loader.whole(&fields, "max")?;
    let backoff_ms = loader.whole(&fields, "backoff_ms").unwrap_or(DEFAULT_BACKOFF_MS);
    Some(Retry { max, backoff_ms, kinds })
}

fn vars_out(node: &yaml::Node, loader: &mut Loader<'_>) -> Option<crate::ir::Program<'static>> {
    if !matches!(node.content, Content::Map(_)) {
        loader.shape_error(node, "`vars_out` is a map");
        return None;
    }
    loader.variables.extend(node.entries().iter().map(|entry| entry.key.clone()));
    loader.shape(node)
}

impl Loader<'_> {
    /// The name that a result is kept under.
    pub fn output_name(&mut self, node: &yaml::Node) -> Option<Text<'static>> {
        let name = self.name(node, "the name of an output")?;
        if ROOTS.contains(&name) || WORDS.contains(&name) || expr::helpers().any(|helper| helper == name) {
            self.error("bad-id", node.at, format!("`{name}` means something else already"));
            return None;
        }
        self.outputs.entry(name.to_owned()).or_insert(node.at);
        Some(name.into())
    }
}
