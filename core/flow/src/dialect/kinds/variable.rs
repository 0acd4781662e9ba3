//! `var.set`: a variable of the flow.

use super::state::path;
use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::NodeKind;

pub static TABLE: Table = Table {
    what: "a `var.set`",
    keys: &[
        key("name", Kind::Text, "A path below `flow`.").required().or(&["key"]),
        key("value", Kind::Data, "What to set.").required(),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let value = loader.shape_at(&given.config, "value");
    let name = path(given.config.get("name")?, "flow", loader)?;
    loader.variables.extend(name.split('.').next().map(str::to_owned));
    Some(NodeKind::Variable { name, value: value? }.into())
}
