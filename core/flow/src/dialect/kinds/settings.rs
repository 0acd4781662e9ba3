//! `config` and `error`, as setup flows have them.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{NodeKind, Text};

pub static CONFIG: Table = Table { what: "a `config`", keys: &[], rest: Rest::Any };

pub static ERROR: Table = Table {
    what: "an `error`",
    keys: &[
        key("message", Kind::Template, "What went wrong, for `error.message`.").required(),
        key("code", Kind::Name, "`error.code`; `raised` when absent."),
    ],
    rest: Rest::Refused,
};

pub fn load_config(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let entries = given.config.entries();
    let values = loader.shape_of(entries.map(|entry| (entry.key.as_str(), &entry.value)), BarePaths::Text)?;
    // What is laid over it has to be there.
    loader.uses_config = true;
    Some(NodeKind::Config { values }.into())
}

pub fn load_error(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let message = loader.template_at(&given.config, "message");
    let code = given.config.get("code").and_then(|node| loader.name(node, "an error's code"));
    Some(NodeKind::Error { code: code.map(Text::from), message: message? }.into())
}
