//! `state`, `state.get` and `state.set`: values that the user's session keeps.

use super::{Given, Made};
use crate::budget::MAX_KEY_SEGMENTS;
use crate::dialect::Loader;
use crate::dialect::fields::short;
use crate::dialect::loader::is_name;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{NodeKind, StateAction, Text};
use crate::yaml;

const ABOUT_KEY: &str = "A path below `state`, as in `cart.items`.";

pub static TABLE: Table = Table {
    what: "the config of a `state`",
    keys: &[
        key("action", Kind::OneOf(&["get", "set", "delete"]), "What to do.").required(),
        key("key", Kind::Text, ABOUT_KEY).required(),
        key("value", Kind::Data, "What to set."),
        key("output", Kind::Name, "The name under which the value is kept for later nodes."),
    ],
    rest: Rest::Refused,
};

pub static GET: Table =
    Table { what: "a `state.get`", keys: &[key("key", Kind::Text, ABOUT_KEY).required()], rest: Rest::Refused };

pub static SET: Table = Table {
    what: "a `state.set`",
    keys: &[key("key", Kind::Text, ABOUT_KEY).required(), key("value", Kind::Data, "What to set.").required()],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let output = config.get("output").and_then(|node| loader.output_name(node));
    let action = loader.word(config, "action");
    let key = key_of(given, loader);
    let value = loader.shape_at(config, "value");
    let action = match action? {
        "get" => StateAction::Get,
        "set" => StateAction::Set,
        _ => StateAction::Delete,
    };
    match (action, config.get("value")) {
        (StateAction::Set, None) => {
            loader.error("missing-key", config.at, "the action `set` needs the key `value`");
        }
        (StateAction::Get | StateAction::Delete, Some(node)) => {
            loader.error("unknown-key", node.at, "only the action `set` has a `value`");
        }
        _ => {}
    }
    Some(Made { output, ..NodeKind::State { action, key: key?, value }.into() })
}

pub fn load_get(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    Some(NodeKind::State { action: StateAction::Get, key: key_of(given, loader)?, value: None }.into())
}

pub fn load_set(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let value = loader.shape_at(&given.config, "value");
    Some(NodeKind::State { action: StateAction::Set, key: key_of(given, loader)?, value }.into())
}

fn key_of(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let node = loader.constant(given.config.get("key")?, "a key")?;
    path(&node, "state", loader)
}

/// A path below a root, dots between its segments.
pub fn path(node: &yaml::Node, root: &str, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let key = loader.scalar(node, "a key")?.text.as_str();
    let good = key.split('.').all(is_name) && key.split('.').count() <= MAX_KEY_SEGMENTS;
    if !good {
        let message = format!("`{}` can't be a key of `{root}`", short(key));
        let hint = format!("use up to {MAX_KEY_SEGMENTS} names of A-Z, a-z, 0-9, `_`, `-` with dots between them");
        loader.error_with_hint("bad-id", node.at, message, hint);
        return None;
    }
    if let Some(rest) = key.strip_prefix(root).and_then(|rest| rest.strip_prefix('.')) {
        let message = format!("a key stands below `{root}` already");
        loader.error_with_hint("bad-id", node.at, message, format!("write `{rest}`"));
        return None;
    }
    Some(key.into())
}
