//! What becomes of a node's failure: another try, a place in the flow that takes care of it, or the end of the flow.

use super::Effect;
use super::error::Fault;
use super::node::Visit;
use super::route::{Status, takes_failures};
use super::turn::{Phase, Turn};
use crate::budget::{Budget, MAX_PAUSE_MS, MAX_RETRIES};
use greentic_types::Value;

impl Turn<'_> {
    pub(super) fn failed(&mut self, visit: &Visit<'_, '_>, mut fault: Fault) -> Result<Effect, Fault> {
        let at = &self.at;
        fault.place.get_or_insert_with(|| Box::new(at.clone()));
        if !fault.kind.can_be_handled() {
            return Err(fault);
        }
        if let Some(ms) = self.pause_before_retry(visit, &fault) {
            return Ok(self.retry(visit, ms));
        }
        let node = visit.node;
        let error = described(&fault);
        let map = node.extras.as_ref().and_then(|extras| extras.err_map.as_ref());
        let error = match map {
            Some(map) => {
                self.memory.error = error.clone();
                self.with(&error, map, &mut Budget::default())?
            }
            None => error,
        };
        self.memory.error = error.clone();
        if let Some(index) = node.on_error {
            return self.go(index);
        }
        if map.is_some() || takes_failures(&node.routing) {
            self.keep(node, error);
            return self.route(visit, Status::Failed, false);
        }
        Err(fault)
    }

    /// How long to wait, where the node wants another try after this failure and the turn has the time.
    pub(super) fn pause_before_retry(&self, visit: &Visit<'_, '_>, fault: &Fault) -> Option<u32> {
        let retry = visit.node.extras.as_ref()?.retry.as_ref()?;
        let worth = match retry.kinds.as_slice() {
            [] => fault.may_pass,
            kinds => kinds.iter().any(|kind| kind.as_str() == fault.code() || kind.as_str() == fault.kind.class()),
        };
        let left = visit.attempt < retry.max.min(MAX_RETRIES);
        let pause = retry.backoff_ms.saturating_mul(1 << visit.attempt.min(MAX_RETRIES)).min(MAX_PAUSE_MS);
        (worth && left && pause <= self.pauses_ms).then_some(pause)
    }

    fn retry(&mut self, visit: &Visit<'_, '_>, ms: u32) -> Effect {
        let mut way = visit.again();
        way.attempt += 1;
        if ms == 0 {
            return self.ask(way);
        }
        self.pauses_ms -= ms.min(self.pauses_ms);
        self.phase = Phase::Sleep(way);
        Effect::Sleep { ms }
    }
}

/// `error`, as the flow sees it.
fn described(fault: &Fault) -> Value {
    let node = fault.place.as_ref().map(|place| place.node.as_str()).unwrap_or_default();
    let members = [("code", fault.code()), ("kind", fault.kind.class()), ("message", &fault.message), ("node", node)];
    Value::Map(members.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned()))).collect())
}
