//! `emit.response`, `log` and `emit.log`: data as a reply, and lines for the operator.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{LogLevel, NodeKind};
use crate::template;
use crate::yaml::Node;

pub static RESPONSE: Table = Table {
    what: "an `emit.response`",
    keys: &[
        key("text", Kind::Template, "The text."),
        key("messages", Kind::Data, "Several replies, each a text or a map with the members of a reply."),
    ],
    rest: Rest::Any,
};

pub static LOG: Table = Table {
    what: "a `log`",
    keys: &[
        key("message", Kind::Template, "The line.").or(&["text"]),
        key("level", Kind::OneOf(LEVELS), "`info` when absent."),
    ],
    rest: Rest::Any,
};

pub const LEVELS: &[&str] = &["debug", "info", "warn", "error"];

/// The payload as it stands: its members are known only at run.
pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    if config.entries().next().is_none() {
        loader.error("missing-key", given.at(), "an `emit.response` needs the key `text` or `messages`");
        return None;
    }
    let payload = match (config.get("messages"), config.entries().count()) {
        (Some(messages), 1) => loader.shape(messages),
        _ => loader.shape_of(config.entries().map(|entry| (entry.key.as_str(), &entry.value)), BarePaths::Text),
    };
    Some(NodeKind::Emit { payload: payload? }.into())
}

pub fn load_log(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let level = loader.word(config, "level").and_then(level).unwrap_or(LogLevel::Info);
    let rest = config.rest();
    let members: Vec<(&str, &Node)> = rest.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect();
    let message = match config.get("message") {
        Some(node) => loader.template(node, "`message`"),
        None if members.is_empty() => {
            loader.error("missing-key", given.at(), "a `log` needs the key `message`");
            None
        }
        None => template::template("").ok().map(|template| template.program),
    };
    let fields = (!members.is_empty()).then(|| loader.shape_of(members.into_iter(), BarePaths::Text)).flatten();
    Some(NodeKind::Log { level, message: message?, fields }.into())
}

pub fn level(word: &str) -> Option<LogLevel> {
    match word {
        "debug" => Some(LogLevel::Debug),
        "info" => Some(LogLevel::Info),
        "warn" => Some(LogLevel::Warn),
        "error" => Some(LogLevel::Error),
        _ => None,
    }
}
