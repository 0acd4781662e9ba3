//! `log` and `emit.log`: a line for the operator.

use crate::budget::{Budget, MAX_LOGS};
use crate::data::View;
use crate::engine::LogLine;
use crate::engine::error::Fault;
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use crate::ir::LogLevel;
use crate::template::render;
use greentic_types::Value;

/// The result is the message. Below the flow's level nothing is rendered.
pub fn run(turn: &mut Turn<'_>, level: LogLevel, message: &[u8], fields: Option<&[u8]>) -> Result<Outcome, Fault> {
    if level < turn.log_level {
        return Ok(Outcome::done(Value::Null));
    }
    let mut budget = Budget::default();
    let message = render(message, View::of(&turn.scope()), &mut budget)?;
    let fields = turn.shape(fields, &mut budget)?;
    if turn.logs.len() < MAX_LOGS {
        let (flow, node) = (turn.at.flow_name.clone(), turn.at.node.clone());
        turn.logs.push(LogLine { level, flow, node, message: message.clone(), fields });
    } else {
        turn.note(format!("node `{}` logs more than {MAX_LOGS} lines in one turn", turn.at.node));
    }
    Ok(Outcome::done(Value::Text(message)))
}
