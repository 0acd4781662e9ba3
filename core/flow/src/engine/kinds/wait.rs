//! `wait` and `session.wait`: the turn ends here and the user's next message goes on from here.

use crate::budget::Budget;
use crate::engine::error::Fault;
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::Turn;
use crate::ir::Reply;
use greentic_types::{Message, Value};

pub fn run(
    turn: &mut Turn<'_>,
    visit: &Visit<'_, '_>,
    prompt: Option<&Reply<'_>>,
    timeout_ms: Option<u64>,
) -> Result<Outcome, Fault> {
    if let Some(prompt) = prompt {
        turn.say(prompt, &mut Budget::default())?;
    }
    Ok(Outcome::Next(turn.wait_at(visit.index, timeout_ms)))
}

/// The result is what the user answered.
pub fn resume(turn: &mut Turn<'_>, on_timeout: Option<u32>) -> Result<Outcome, Fault> {
    if let Some(late) = late(turn, on_timeout)? {
        return Ok(late);
    }
    Ok(Outcome::done(Value::Text(answer(turn.inputs.message).to_owned())))
}

/// Words, or the value of the control that was worked.
pub fn answer(message: &Message) -> &str {
    let worked = message.action.as_ref().map(|action| action.value.as_str()).filter(|_| message.text.is_empty());
    worked.unwrap_or(&message.text)
}

/// Where an answer goes that came after its time: to the node that is there for it, or else it is a new message.
pub fn late(turn: &mut Turn<'_>, on_timeout: Option<u32>) -> Result<Option<Outcome>, Fault> {
    let deadline = turn.wait.as_ref().and_then(|wait| wait.deadline_ms);
    if deadline.is_none_or(|deadline| turn.inputs.now_ms < deadline) {
        return Ok(None);
    }
    let effect = match on_timeout {
        Some(index) => turn.go(index)?,
        None => turn.restart("its time to answer had passed"),
    };
    Ok(Some(Outcome::Next(effect)))
}
