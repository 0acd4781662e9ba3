//! `script`: Rhai, with the names of the flow's data as its variables.

use super::state;
use crate::budget::Budget;
use crate::data::{Data, Datum};
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::Outcome;
use crate::engine::session;
use crate::engine::turn::Turn;
use crate::ir::StateAction;
use crate::script;
use greentic_types::Value;
use std::collections::BTreeMap;

/// What a script may name, beside `input` and the flow's outputs. `in` is a word of Rhai.
const NAMES: [&str; 20] = [
    "message",
    "user_id",
    "channel_id",
    "session_id",
    "tenant_id",
    "locale",
    "attachments",
    "callback_data",
    "action_id",
    "state",
    "flow",
    "config",
    "entry",
    "prev",
    "node",
    "error",
    "event",
    "parameters",
    "response",
    "vars",
];

pub fn run(turn: &mut Turn<'_>, text: &str, input: Option<&[u8]>) -> Result<Outcome, Fault> {
    let scope = scope(turn, text, input)?;
    let outcome = script::run(text, &scope, turn.seed()).map_err(|error| {
        // Its message may hold data: it is for the flow, and the place is for the operator.
        let detail = format!("the script failed at its line {}", error.line);
        Fault { message: error.message, ..Fault::new(ErrorKind::ScriptFailed, detail) }
    })?;
    for change in outcome.state {
        state::check(&change.key)?;
        let action = if change.value.is_some() { StateAction::Set } else { StateAction::Delete };
        session::act(action, &change.key, change.value, &mut turn.memory, &mut turn.session);
    }
    Ok(Outcome::done(outcome.value))
}

/// Copies only what the text can name: a script that looks at nothing pays for nothing.
fn scope(turn: &Turn<'_>, text: &str, input: Option<&[u8]>) -> Result<Value, Fault> {
    let mut budget = Budget::default();
    let data = turn.scope();
    let mut members = BTreeMap::new();
    let outputs = turn.memory.outputs.keys().map(String::as_str);
    for name in NAMES.into_iter().chain(outputs).filter(|name| text.contains(name)) {
        let value = data.root(name).unwrap_or(Datum::Null).to_value(&mut budget)?;
        members.insert(name.to_owned(), value);
    }
    if text.contains("input") {
        let value = match input {
            Some(_) => turn.shape(input, &mut budget)?,
            None => data.root("prev").unwrap_or(Datum::Null).to_value(&mut budget)?,
        };
        members.insert("input".to_owned(), value);
    }
    Ok(Value::Map(members))
}
