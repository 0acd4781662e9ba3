//! `event`: something told to the rest of the world.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::NodeKind;

pub static TABLE: Table = Table {
    what: "the config of an `event`",
    keys: &[
        key("event_type", Kind::Template, "Names with dots between them, as in `order.shipped`.").required(),
        key("payload", Kind::Data, "What goes with it; the result before it when absent."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let event_type = loader.template_at(&given.config, "event_type");
    let payload = loader.shape_at(&given.config, "payload");
    Some(NodeKind::Event { event_type: event_type?, payload }.into())
}
