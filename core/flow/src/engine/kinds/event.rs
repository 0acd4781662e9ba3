//! `event`: something told to the rest of the world, published with the turn's replies.

use crate::budget::{Budget, check_depth};
use crate::data::{Data, Datum, View};
use crate::engine::Event;
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::Outcome;
use crate::engine::turn::Turn;
use crate::template::render;

const MAX_TYPE_LENGTH: usize = 100;

/// The result is the payload.
pub fn run(turn: &mut Turn<'_>, event_type: &[u8], payload: Option<&[u8]>) -> Result<Outcome, Fault> {
    let mut budget = Budget::default();
    let scope = turn.scope();
    let event_type = render(event_type, View::of(&scope), &mut budget)?;
    check(&event_type)?;
    let payload = match payload {
        Some(_) => turn.shape(payload, &mut budget)?,
        None => scope.root("prev").unwrap_or(Datum::Null).to_value(&mut budget)?,
    };
    check_depth(&payload)?;
    let limit = turn.inputs.limits.outgoing;
    if turn.events.len() as u64 >= u64::from(limit) {
        return Err(Fault::new(ErrorKind::OutgoingLimit, format!("more than {limit} events of one message")));
    }
    turn.events.push(Event { event_type, payload: payload.clone() });
    Ok(Outcome::done(payload))
}

/// It becomes part of a subject, where dots separate and wildcards select.
fn check(event_type: &str) -> Result<(), Fault> {
    let token =
        |token: &str| !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if event_type.len() <= MAX_TYPE_LENGTH && event_type.split('.').all(token) {
        return Ok(());
    }
    let shown: String = event_type.chars().take(MAX_TYPE_LENGTH).collect();
    let message = format!("`{shown}` can't be the type of an event: use names of A-Z, a-z, 0-9, `_`, `-` with dots");
    // It may hold what the user wrote, which an operator's log should not.
    Err(Fault { message, ..Fault::new(ErrorKind::BadRequest, "the type of an event is no name with dots") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_part_of_a_subject() {
        for good in ["order", "order.shipped", "a_b.c-d.1"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "a..b", "a.*", "a.>", "a b", "é", &"x".repeat(MAX_TYPE_LENGTH + 1), "{\"a\":1}"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
