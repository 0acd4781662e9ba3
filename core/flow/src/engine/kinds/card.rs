//! `adaptive-card`: a card, filled in at run and carried to the channel as JSON.

use crate::budget::Budget;
use crate::card;
use crate::data::{Datum, Locals, View};
use crate::engine::error::Fault;
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use crate::template::render;
use greentic_types::{Reply, Value};

/// The result is the text that went with the card.
pub fn run(turn: &mut Turn<'_>, program: &[u8], data: Option<&[u8]>, text: Option<&[u8]>) -> Result<Outcome, Fault> {
    let mut budget = Budget::default();
    let data = turn.shape(data, &mut budget)?;
    let scope = turn.scope();
    let locals = Locals::of(Datum::of(&data), None);
    let view = View { data: &scope, locals: Some(&locals) };
    let text = match text {
        Some(text) => render(text, view, &mut budget)?,
        None => String::new(),
    };
    let card = card::render(program, view, &mut budget)?;
    let text = turn.push(Some(Reply { text, card: Some(card), ..Reply::default() }))?;
    Ok(Outcome::Done { value: Value::Text(text), said: true })
}
