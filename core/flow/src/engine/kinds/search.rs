//! `fast2flow`: the intent that fits the user's words best decides where the flow goes.

use crate::budget::Budget;
use crate::data::View;
use crate::engine::enter::Called;
use crate::engine::error::Fault;
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::Turn;
use crate::ir::{SearchExit, SearchTarget};
use crate::search;
use crate::template::render;
use greentic_types::Value;

/// Fail-open: where nothing fits, or the index can't be read, the result is null and the node's own routing goes on.
pub fn run(
    turn: &mut Turn<'_>,
    visit: &Visit<'_, '_>,
    index: &[u8],
    targets: &[SearchTarget<'_>],
    text: Option<&[u8]>,
) -> Result<Outcome, Fault> {
    let text = match text {
        Some(text) => render(text, View::of(&turn.scope()), &mut Budget::default())?,
        None => turn.inputs.message.text.clone(),
    };
    let Some(hit) = search::rank(index, &text) else { return Ok(Outcome::done(Value::Null)) };
    let found = [
        ("intent", Value::Text(hit.intent.clone())),
        ("target", Value::Text(hit.target.clone())),
        ("score", Value::Float(f64::from(hit.score))),
    ];
    let value = Value::Map(found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let exit = targets.iter().find(|target| target.name.as_str() == hit.target).map(|target| &target.goes_to);
    let Some(exit) = exit else { return Ok(Outcome::done(value)) };
    turn.settle(visit.node, value)?;
    let effect = match exit {
        SearchExit::Node(index) => turn.go(*index)?,
        SearchExit::Flow(flow) => turn.call(Called { flow: flow.as_str().to_owned(), ..Called::default() }),
    };
    Ok(Outcome::Next(effect))
}
