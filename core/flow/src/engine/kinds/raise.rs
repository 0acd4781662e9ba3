//! `error`: the flow gives up, in words of its own.

use crate::budget::Budget;
use crate::data::View;
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use crate::template::render;

pub fn run(turn: &Turn<'_>, code: Option<&str>, message: &[u8]) -> Result<Outcome, Fault> {
    let message = render(message, View::of(&turn.scope()), &mut Budget::default())?;
    // What a flow says of itself may hold what the user wrote, which an operator's log should not.
    let detail = format!("the flow raised `{}`", code.unwrap_or(ErrorKind::Raised.code()));
    Err(Fault { message, code: code.map(str::to_owned), ..Fault::new(ErrorKind::Raised, detail) })
}
