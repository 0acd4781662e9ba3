//! `reply` and `emit.response`: something said to the user, as its author wrote it or as data has it.

use crate::budget::Budget;
use crate::engine::error::Fault;
use crate::engine::node::Outcome;
use crate::engine::say;
use crate::engine::turn::Turn;
use crate::ir::Reply;
use greentic_types::Value;

/// The result is the text that was said.
pub fn run(turn: &mut Turn<'_>, said: &Reply<'_>) -> Result<Outcome, Fault> {
    let text = turn.say(said, &mut Budget::default())?;
    Ok(Outcome::Done { value: Value::Text(text), said: true })
}

/// The result is the data that was said. A list is one reply after another.
pub fn emit(turn: &mut Turn<'_>, payload: &[u8]) -> Result<Outcome, Fault> {
    let mut budget = Budget::default();
    let value = turn.shape(Some(payload), &mut budget)?;
    let items = if let Value::List(items) = &value { items.as_slice() } else { std::slice::from_ref(&value) };
    for item in items {
        let reply = say::from_value(item, &mut budget)?;
        turn.push(reply)?;
    }
    Ok(Outcome::Done { value, said: true })
}
