//! `component`, `component.exec` and the tools of MCP: a call of a custom component.

use crate::budget::Budget;
use crate::data::json;
use crate::engine::Effect;
use crate::engine::error::Fault;
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::{Phase, Turn};
use greentic_types::Value;

pub fn run(
    turn: &mut Turn<'_>,
    visit: &Visit<'_, '_>,
    component: &str,
    operation: &str,
    input: Option<&[u8]>,
) -> Result<Outcome, Fault> {
    let content = content(turn, input)?;
    turn.phase = Phase::Invoke(visit.again());
    let (component, operation) = (component.to_owned(), operation.to_owned());
    Ok(Outcome::Next(Effect::Invoke { component, operation, content, timeout_ms: visit.timeout_ms() }))
}

/// Text as it is, anything else as JSON, the message's text by default.
fn content(turn: &Turn<'_>, input: Option<&[u8]>) -> Result<String, Fault> {
    if input.is_none() {
        return Ok(turn.inputs.message.text.clone());
    }
    match turn.shape(input, &mut Budget::default())? {
        Value::Text(text) => Ok(text),
        other => Ok(json(&other)?),
    }
}
