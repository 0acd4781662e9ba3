//! `branch`: conditions, tried in order.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{Arm, Exit, NodeKind};
use crate::yaml::Node;

/// Conditions of one branch.
pub const MAX_ARMS: usize = 200;

static CONDITION: Table = Table {
    what: "a condition",
    keys: &[
        key("expression", Kind::Expression, "Holds or not.").required().or(&["condition"]),
        key("next", Kind::Target, "Where to go when it holds.").required().or(&["to"]),
    ],
    rest: Rest::Refused,
};

pub static TABLE: Table = Table {
    what: "the config of a `branch`",
    keys: &[
        key("conditions", Kind::List(&Kind::Table(&CONDITION)), "Tried in order; the first that holds is taken."),
        key("default", Kind::Target, "Where to go when none holds; the node's `next` when absent."),
    ],
    rest: Rest::Refused,
};

/// Without conditions of its own it needs other ways on, see `node`.
pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let mut arms = Vec::new();
    if let Some(conditions) = given.config.get("conditions") {
        let items = loader.filled_list(conditions, "`conditions`", MAX_ARMS);
        arms.extend(items.iter().filter_map(|item| arm(item, loader)));
    }
    if let Some(default) = loader.optional_target(given.config.get("default")) {
        arms.push(Arm::to(Exit::Node(default)));
    }
    Some(Made { arms, ..NodeKind::Branch.into() })
}

fn arm(item: &Node, loader: &mut Loader<'_>) -> Option<Arm<'static>> {
    let fields = loader.fields(item, &CONDITION)?;
    let condition = fields.get("expression").and_then(|node| loader.expression(node));
    let next = fields.get("next").and_then(|node| loader.target(node));
    Some(Arm { condition: Some(condition?), ..Arm::to(Exit::Node(next?)) })
}
