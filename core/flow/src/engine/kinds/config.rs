//! `config`: settings that hold for the rest of the turn, laid over those of the bundle. They are not stored.

use crate::budget::Budget;
use crate::engine::error::Fault;
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use greentic_types::Value;
use std::collections::BTreeMap;

/// The result is what was set.
pub fn run(turn: &mut Turn<'_>, values: &[u8]) -> Result<Outcome, Fault> {
    let value = turn.shape(Some(values), &mut Budget::default())?;
    if let Value::Map(values) = &value {
        if !matches!(turn.memory.config, Value::Map(_)) {
            turn.memory.config = Value::Map(BTreeMap::new());
        }
        if let Value::Map(config) = &mut turn.memory.config {
            config.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    Ok(Outcome::done(value))
}
