//! `routing` of the map dialect: `out`, `reply`, or a list of arms.

use super::Loader;
use super::fields::short;
use super::kinds::BRANCH_ARMS;
use super::table::{Kind, Rest, Table, key};
use crate::ir::{Arm, Exit, Text};
use crate::yaml::{Content, Node};

pub static ARM: Table = Table {
    what: "an arm of a `routing`",
    keys: &[
        key("to", Kind::Text, "The node to go to, or `out`.").or(&["next"]),
        key("out", Kind::Flag, "The flow ends."),
        key("status", Kind::Text, "`ok`, `error`, `skipped`, or the `status` of the result."),
        key("reply", Kind::Flag, "The result is said; without `to` the flow ends."),
        key("condition", Kind::Expression, "Reads the result's members by their bare names, and the flow's data.")
            .or(&["when"]),
        key("on_message", Kind::Flag, "Only for a message that the user wrote while the node waited."),
    ],
    rest: Rest::Refused,
};

/// The words that `routing` can be.
pub const WORDS: &[&str] = &["out", "reply"];

/// Where a node leads.
#[derive(Default)]
pub struct Ways {
    pub arms: Vec<Arm<'static>>,
    /// See [`crate::ir::Routing::Arms`].
    pub waits: bool,
}

impl Ways {
    pub fn to(target: Option<u32>) -> Ways {
        Ways { arms: target.map(|index| Arm::to(Exit::Node(index))).into_iter().collect(), waits: false }
    }
}

pub fn routing(node: Option<&Node>, loader: &mut Loader<'_>) -> Ways {
    let Some(node) = node else { return Ways::default() };
    let end = Arm::to(Exit::End);
    match &node.content {
        Content::Scalar(scalar) => match scalar.text.as_str() {
            "out" => Ways { arms: vec![end], waits: false },
            "reply" => Ways { arms: vec![Arm { reply: Some(true), ..end }], waits: false },
            other => {
                let hint = match loader.index(other) {
                    Some(_) => format!("write a list of arms: `- to: {}`", short(other)),
                    None => "known are out, reply, and a list of arms".to_owned(),
                };
                loader.error_with_hint("bad-value", node.at, format!("`routing` can't be `{}`", short(other)), hint);
                loader.graph_complete = false;
                Ways::default()
            }
        },
        Content::List(items) if items.len() > BRANCH_ARMS => {
            loader.error("too-large", node.at, format!("`routing` has at most {BRANCH_ARMS} arms"));
            loader.graph_complete = false;
            Ways::default()
        }
        Content::List(items) => arms(items, loader),
        Content::Map(_) => {
            loader.shape_error(node, "`routing` is `out`, `reply`, or a list of arms");
            loader.graph_complete = false;
            Ways::default()
        }
    }
}

/// In the order of the text, but an arm that always holds last, wherever it stands: it is what the others leave.
fn arms(items: &[Node], loader: &mut Loader<'_>) -> Ways {
    let mut ways = Ways::default();
    for item in items {
        match arm(item, loader) {
            Some((arm, reads_response)) => {
                ways.waits |= reads_response || arm.on_message == Some(true);
                ways.arms.push(arm);
            }
            None => loader.graph_complete = false,
        }
    }
    let always = |arm: &Arm<'_>| arm.condition.is_none() && arm.status.is_none() && arm.on_message != Some(true);
    ways.arms.sort_by_key(always);
    ways
}

fn arm(item: &Node, loader: &mut Loader<'_>) -> Option<(Arm<'static>, bool)> {
    let fields = loader.fields(item, &ARM)?;
    let out = loader.flag(&fields, "out").unwrap_or_default();
    let reply = loader.flag(&fields, "reply").unwrap_or_default();
    let on_message = loader.flag(&fields, "on_message").unwrap_or_default();
    let status = loader.text(&fields, "status").map(Text::from);
    let (condition, reads_response) = match fields.get("condition") {
        Some(node) => {
            let read = loader.given_names(|loader| loader.expression_reading(node, "response"));
            read.map(|(program, reads)| (Some(program), reads))?
        }
        None => (None, false),
    };
    let exit = match fields.get("to") {
        Some(node) if node.as_text() == Some("out") && loader.index("out").is_none() => Exit::End,
        Some(node) => Exit::Node(loader.target(node)?),
        None if out || reply => Exit::End,
        None => {
            loader.error_with_hint("missing-key", fields.at, "an arm needs the key `to`", "or `out: true`");
            return None;
        }
    };
    if out && exit != Exit::End {
        loader.error("duplicate-key", fields.at, "an arm leads to a node or out, not both");
    }
    let on = |flag: bool| flag.then_some(true);
    Some((Arm { exit, condition, status, on_message: on(on_message), reply: on(reply) }, reads_response))
}
