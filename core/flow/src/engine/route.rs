//! Where a node leads.

use super::error::Fault;
use super::node::Visit;
use super::scope::Scope;
use super::turn::Turn;
use super::{Effect, say};
use crate::budget::Budget;
use crate::data::{Data, Datum, View};
use crate::expr;
use crate::ir::{Arm, Exit, Routing};
use greentic_types::{MessageKind, Value};

/// How a node came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Done,
    Skipped,
    Failed,
}

impl Turn<'_> {
    /// `said`: the node has spoken itself, so that an arm's `reply` has nothing to add.
    pub(super) fn route(&mut self, visit: &Visit<'_, '_>, status: Status, said: bool) -> Result<Effect, Fault> {
        let (arms, waits) = match &visit.node.routing {
            Routing::End => return Ok(self.leave()),
            Routing::To(index) => return self.go(*index),
            Routing::Arms { arms, waits } => (arms, *waits),
        };
        if waits && status == Status::Done && !visit.answered {
            return Ok(self.wait_at(visit.index, None));
        }
        let Some(arm) = self.choose(arms, visit, status)? else { return Ok(self.leave()) };
        if arm.reply == Some(true) && !said {
            let mut budget = Budget::default();
            let value = self.memory.results.get(visit.node.id.as_str()).unwrap_or(&Value::Null);
            let reply = say::from_value(value, &mut budget)?;
            self.push(reply)?;
        }
        match arm.exit {
            Exit::End => Ok(self.leave()),
            Exit::Node(index) => self.go(index),
        }
    }

    /// The first arm that holds.
    fn choose<'a, 'b>(
        &self,
        arms: &'a [Arm<'b>],
        visit: &Visit<'_, '_>,
        status: Status,
    ) -> Result<Option<&'a Arm<'b>>, Fault> {
        let result = self.memory.results.get(visit.node.id.as_str()).unwrap_or(&Value::Null);
        let data = Judged { scope: self.scope(), result };
        for arm in arms {
            let spoken = visit.answered && self.inputs.message.kind != MessageKind::Interaction;
            if arm.on_message == Some(true) && !spoken {
                continue;
            }
            if arm.status.as_ref().is_some_and(|wanted| !is(status, wanted, result)) {
                continue;
            }
            let holds = match &arm.condition {
                Some(condition) => expr::condition(condition, View::of(&data))?,
                None => true,
            };
            if holds {
                return Ok(Some(arm));
            }
        }
        Ok(None)
    }
}

/// Whether a node's status is the one an arm names. A result may have a `status` of its own, a word or a number as of
/// HTTP; it came out well all the same unless that number says otherwise.
fn is(status: Status, wanted: &str, result: &Value) -> bool {
    let number = match result.get("status") {
        Some(Value::Text(own)) if status == Status::Done && own == wanted => return true,
        Some(Value::Int(number)) if status == Status::Done => {
            if number.to_string() == wanted {
                return true;
            }
            Some(*number)
        }
        _ => None,
    };
    let own_word = matches!(result.get("status"), Some(Value::Text(_)));
    match wanted {
        "skipped" => status == Status::Skipped,
        "error" | "failed" => status == Status::Failed || number.is_some_and(|number| number >= 400),
        "ok" | "success" => status == Status::Done && !own_word && number.is_none_or(|number| number < 400),
        _ => false,
    }
}

/// Whether any arm takes care of a failure.
pub fn takes_failures(routing: &Routing<'_>) -> bool {
    match routing {
        Routing::Arms { arms, .. } => {
            arms.iter().any(|arm| arm.status.as_deref().is_some_and(|status| is(Status::Failed, status, &Value::Null)))
        }
        Routing::End | Routing::To(_) => false,
    }
}

/// What conditions of an arm see: the members of the node's result by their bare names, then what any node sees.
struct Judged<'a> {
    scope: Scope<'a>,
    result: &'a Value,
}

impl Data for Judged<'_> {
    fn root(&self, name: &str) -> Option<Datum<'_>> {
        // Names by which conditions have always reached beyond the result.
        let beyond = ["entry", "in", "response", "node", "prev", "state", "flow", "vars", "event"].contains(&name);
        match self.result.get(name) {
            Some(member) if !beyond => Some(Datum::of(member)),
            _ => self.scope.root(name),
        }
    }

    fn now_ms(&self) -> u64 {
        self.scope.now_ms()
    }

    fn locale(&self) -> &str {
        self.scope.locale()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: &str) -> Value {
        Value::from_json(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_a_status_is() {
        for (how, wanted, result, expected) in [
            (Status::Done, "ok", "{}", true),
            (Status::Done, "ok", "3", true),
            (Status::Done, "error", "{}", false),
            (Status::Failed, "error", "{}", true),
            (Status::Failed, "ok", r#"{"status":"ok"}"#, false),
            (Status::Skipped, "skipped", "null", true),
            (Status::Skipped, "ok", "null", false),
            (Status::Done, "paid", r#"{"status":"paid"}"#, true),
            (Status::Done, "ok", r#"{"status":"paid"}"#, false),
            (Status::Done, "404", r#"{"status":404}"#, true),
            (Status::Done, "error", r#"{"status":404}"#, true),
            (Status::Done, "ok", r#"{"status":204}"#, true),
            (Status::Done, "ok", r#"{"status":404}"#, false),
        ] {
            assert_eq!(is(how, wanted, &status(result)), expected, "{how:?} {wanted} {result}");
        }
    }
}
