//! `flow2flow`, `flow.call` and `flow.goto`: other flows.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::short;
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::finding::{Finding, Position};
use crate::ir::{CallMode, NodeKind, Program, Text};

const ABOUT_INPUT: &str = "What the called flow knows as `input`.";
const ABOUT_ENTRYPOINT: &str = "One of the called flow's `entrypoints`; its start when absent.";

pub static TABLE: Table = Table {
    what: "the config of a `flow2flow`",
    keys: &[
        key("target_flow", Kind::Text, "The flow's name.").required().or(&["flow", "flow_id"]),
        key("entrypoint", Kind::Text, ABOUT_ENTRYPOINT),
        key("pass_context", Kind::Flag, "The called flow begins with this one's variables."),
        key("input", Kind::Data, ABOUT_INPUT),
        key(
            "wait_for_completion",
            Kind::Flag,
            "`false`: the other flow runs when this one is over. `true` when absent.",
        ),
    ],
    rest: Rest::Refused,
};

pub static CALL: Table = Table {
    what: "a `flow.call`",
    keys: &[
        key("flow", Kind::Text, "The flow's name.").required().or(&["flow_id"]),
        key("entrypoint", Kind::Text, ABOUT_ENTRYPOINT),
        key("pass_context", Kind::Flag, "The called flow begins with this one's variables."),
        key("input", Kind::Data, ABOUT_INPUT).or(&["params"]),
    ],
    rest: Rest::Refused,
};

pub static GOTO: Table = Table {
    what: "a `flow.goto`",
    keys: &[
        key("flow", Kind::Text, "The flow's name.").required().or(&["flow_id"]),
        key("entrypoint", Kind::Text, ABOUT_ENTRYPOINT),
        key("input", Kind::Data, ABOUT_INPUT).or(&["params"]),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let waits = loader.flag(&given.config, "wait_for_completion").unwrap_or(true);
    let pass_context = loader.flag(&given.config, "pass_context").unwrap_or_default();
    call(given, "target_flow", pass_context, if waits { CallMode::Return } else { CallMode::After }, loader)
}

pub fn load_call(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let pass_context = loader.flag(&given.config, "pass_context").unwrap_or_default();
    call(given, "flow", pass_context, CallMode::Return, loader)
}

pub fn load_goto(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    call(given, "flow", false, CallMode::Goto, loader)
}

fn call(
    given: &Given<'_>,
    key: &'static str,
    pass_context: bool,
    mode: CallMode,
    loader: &mut Loader<'_>,
) -> Option<Made> {
    let entrypoint = loader.text(&given.config, "entrypoint").map(Text::from);
    let input = input(given, loader);
    let node = loader.constant(given.config.get(key)?, "a flow's name")?;
    let flow = loader.flow_name(&node)?;
    known_flow(flow, node.at, mode, loader);
    let kind = NodeKind::Call { flow: flow.into(), entrypoint, input, pass_context, mode };
    Some(Made { maps_input: true, ..kind.into() })
}

fn input(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Program<'static>> {
    let node = given.in_map.or_else(|| given.config.get("input"))?;
    loader.shape_with(node, BarePaths::Path)
}

/// Whether the pack has the flow, and whether it may come back to this one.
pub fn known_flow(flow: &str, at: Position, mode: CallMode, loader: &mut Loader<'_>) {
    if mode != CallMode::Goto {
        if loader.flow_name.as_deref() == Some(flow) {
            let finding = Finding::error("flow-recursion", at, format!("`{flow}` calls itself"));
            return loader.findings.push(finding.hint("go over to it by `flow.goto`, or lead back to a node"));
        }
        loader.calls.entry(flow.to_owned()).or_insert(at);
    }
    match loader.context.flows {
        None => {
            loader.warning("unverified", at, format!("without the pack, the flow `{}` can't be checked", short(flow)))
        }
        Some(flows) if flows.contains(&flow) => {}
        Some(flows) => {
            let near = loader.nearest(flow, flows.iter().copied());
            let finding = Finding::error("missing-flow", at, format!("the pack has no flow `{}`", short(flow)));
            loader.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
        }
    }
}
