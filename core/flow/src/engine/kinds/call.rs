//! `flow.call`, `flow2flow` and `flow.goto`: another flow, which may wait for the user as this one may.

use crate::budget::{Budget, MAX_CALLS, check_depth};
use crate::engine::enter::Called;
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::{Outcome, Visit};
use crate::engine::session;
use crate::engine::turn::Turn;
use crate::ir::{CallMode, NodeKind};
use greentic_types::Value;
use std::collections::BTreeMap;

pub fn run(turn: &mut Turn<'_>, visit: &Visit<'_, '_>) -> Result<Outcome, Fault> {
    let NodeKind::Call { flow, entrypoint, input, pass_context, mode } = &visit.node.kind else {
        return Ok(Outcome::Nothing);
    };
    let mut budget = Budget::default();
    let input = turn.shape(input.as_deref(), &mut budget)?;
    check_depth(&input)?;
    let called = Called {
        flow: flow.as_str().to_owned(),
        entrypoint: entrypoint.as_deref().map(str::to_owned),
        input,
        context: if *pass_context { turn.memory.variables.clone() } else { BTreeMap::new() },
    };
    if *mode != CallMode::Goto && turn.stack.len() >= MAX_CALLS {
        let detail = format!("more than {MAX_CALLS} flows are under way, each called by another");
        return Err(Fault::new(ErrorKind::CallLimit, detail));
    }
    match mode {
        CallMode::Return => {
            let frame = session::frame(&turn.at.flow_name, visit.index, &mut turn.memory);
            turn.stack.push(frame);
            Ok(Outcome::Next(turn.call(called)))
        }
        // Whoever called this flow gets the other's result.
        CallMode::Goto => Ok(Outcome::Next(turn.call(called))),
        CallMode::After => {
            // Beneath everything that is under way, and behind what was put there before it.
            turn.stack.insert(0, session::defer(called));
            Ok(Outcome::done(Value::Null))
        }
    }
}
