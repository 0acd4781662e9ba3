//! `state` and `var.set`: what the session, or one run of the flow, remembers.

use crate::budget::{Budget, MAX_KEY_SEGMENTS};
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::Outcome;
use crate::engine::session;
use crate::engine::turn::Turn;
use crate::ir::StateAction;

pub fn run(turn: &mut Turn<'_>, action: StateAction, key: &str, value: Option<&[u8]>) -> Result<Outcome, Fault> {
    check(key)?;
    let value = match value {
        Some(value) => Some(turn.shape(Some(value), &mut Budget::default())?),
        None => None,
    };
    Ok(Outcome::done(session::act(action, key, value, &mut turn.memory, &mut turn.session)))
}

/// The result is what was set.
pub fn assign(turn: &mut Turn<'_>, name: &str, value: &[u8]) -> Result<Outcome, Fault> {
    check(name)?;
    let value = turn.shape(Some(value), &mut Budget::default())?;
    session::assign(name, value.clone(), &mut turn.memory);
    Ok(Outcome::done(value))
}

/// The compiler refuses such keys; walking one recurses, so bytes that it did not make, and keys that a script made,
/// are checked here.
pub fn check(key: &str) -> Result<(), Fault> {
    if key.split('.').count() > MAX_KEY_SEGMENTS {
        return Err(Fault::new(ErrorKind::BadFlow, "a key of `state` or `flow` has too many segments"));
    }
    Ok(())
}
