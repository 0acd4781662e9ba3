//! `wait` and `session.wait`: the turn ends here; the user's next message goes on.

use super::{Given, Made, reply};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, MILLISECONDS, Rest, Table, key};
use crate::ir::NodeKind;

pub static TABLE: Table = Table {
    what: "the config of a `wait`",
    keys: &[
        key("prompt", Kind::Either(&[Kind::Template, Kind::Table(&reply::TABLE)]), "Said before waiting."),
        key("timeout", MILLISECONDS, "Milliseconds after which an answer comes too late."),
        key("on_timeout", Kind::Target, "Where a late answer goes on; the entry of the flow when absent."),
        key("reason", Kind::Text, "What is waited for, for whoever reads the flow."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    loader.text(config, "reason");
    let timeout_ms = loader.whole(config, "timeout").map(u64::from);
    let on_timeout = loader.optional_target(config.get("on_timeout"));
    if let (Some(node), None) = (config.get("on_timeout"), config.get("timeout")) {
        loader.error("missing-key", node.at, "`on_timeout` needs a `timeout`");
    }
    let prompt = config.get("prompt").and_then(|node| reply::prompt(node, loader));
    Some(NodeKind::Wait { prompt, timeout_ms, on_timeout }.into())
}
