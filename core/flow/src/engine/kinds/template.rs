//! `template`: a text, or a single value, filled in.

use crate::budget::{Budget, check_depth};
use crate::data::{Datum, Locals, View};
use crate::engine::error::Fault;
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use crate::template::render_value;

pub fn run(turn: &Turn<'_>, text: &[u8], data: Option<&[u8]>) -> Result<Outcome, Fault> {
    let mut budget = Budget::default();
    let data = turn.shape(data, &mut budget)?;
    let scope = turn.scope();
    let locals = Locals::of(Datum::of(&data), None);
    let value = render_value(text, View { data: &scope, locals: Some(&locals) }, &mut budget)?;
    check_depth(&value)?;
    Ok(Outcome::done(value))
}
