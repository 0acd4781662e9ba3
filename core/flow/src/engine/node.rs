//! A node from its record to its result: whether it runs, what it does, and what is kept of it.

use super::error::{ErrorKind, Fault};
use super::route::Status;
use super::turn::{Mode, Phase, Turn, Way};
use super::{Effect, kinds};
use crate::budget::{Budget, check_depth};
use crate::data::{Data, Datum, Locals, View};
use crate::expr;
use crate::ir::{Extras, Node, Routing};
use crate::shape::render_shape;
use greentic_types::Value;

/// A node that is being run.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'r, 'b> {
    pub node: &'r Node<'b>,
    pub index: u32,
    /// Tries of it that have failed.
    pub attempt: u32,
    /// Whether the user's message came to this very node.
    pub answered: bool,
}

/// What running a node came to.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum Outcome {
    /// Its result; `said` when it has spoken to the user itself.
    Done { value: Value, said: bool },
    /// It has none.
    Nothing,
    /// The turn's next effect, with all that is needed to go on arranged.
    Next(Effect),
}

impl Outcome {
    pub fn done(value: Value) -> Outcome {
        Outcome::Done { value, said: false }
    }
}

impl Visit<'_, '_> {
    pub fn timeout_ms(&self) -> Option<u32> {
        self.node.extras.as_ref().and_then(|extras| extras.timeout_ms)
    }

    /// The way back to it when what it asked for has come.
    pub fn again(&self) -> Way {
        Way { index: self.index, attempt: self.attempt, mode: Mode::Fresh }
    }
}

impl Turn<'_> {
    pub(super) fn arrive(&mut self, way: Way, record: Option<&[u8]>) -> Result<Effect, Fault> {
        let Some(record) = record else {
            return Err(Fault::new(ErrorKind::BadFlow, format!("the flow has no node {}", way.index)));
        };
        let node: Node<'_> = minicbor::decode(record)?;
        self.at.node.clear();
        self.at.node.push_str(&node.id);
        self.at.index = way.index;
        let answered = matches!(way.mode, Mode::Resuming);
        let visit = Visit { node: &node, index: way.index, attempt: way.attempt, answered };
        self.visit(&visit, way.mode).or_else(|fault| self.failed(&visit, fault))
    }

    fn visit(&mut self, visit: &Visit<'_, '_>, mode: Mode) -> Result<Effect, Fault> {
        let outcome = match mode {
            Mode::Fresh => {
                if !self.wanted(visit.node)? {
                    return self.route(visit, Status::Skipped, true);
                }
                if let Some(effect) = self.missing_texts(visit) {
                    return Ok(effect);
                }
                kinds::run(self, visit)?
            }
            Mode::Resuming => {
                if let Some(effect) = self.missing_texts(visit) {
                    return Ok(effect);
                }
                match kinds::resume(self, visit)? {
                    Some(outcome) => outcome,
                    None if matches!(visit.node.routing, Routing::Arms { waits: true, .. }) => {
                        return self.route(visit, Status::Done, true);
                    }
                    None => return Ok(self.restart("the node it waited at waits no more")),
                }
            }
            Mode::Returned(value) => kinds::returned(self, visit, value)?,
            Mode::Failed(fault) => return Err(fault),
        };
        match outcome {
            Outcome::Next(effect) => Ok(effect),
            Outcome::Nothing => self.route(visit, Status::Done, false),
            Outcome::Done { value, said } => {
                self.settle(visit.node, value)?;
                self.route(visit, Status::Done, said)
            }
        }
    }

    fn wanted(&self, node: &Node<'_>) -> Result<bool, Fault> {
        let Some(Extras { when: Some(when), .. }) = &node.extras else { return Ok(true) };
        Ok(expr::condition(when, View::of(&self.scope()))?)
    }

    /// Asks for the translated texts that the node shows and the turn does not know yet, all at once.
    fn missing_texts(&mut self, visit: &Visit<'_, '_>) -> Option<Effect> {
        let keys = visit.node.extras.as_ref()?.texts.as_ref()?;
        let unknown = keys.iter().filter(|key| !self.memory.texts.contains_key(key.as_str()));
        let keys: Vec<String> = unknown.map(|key| key.as_str().to_owned()).collect();
        if keys.is_empty() {
            return None;
        }
        let mode = if visit.answered { Mode::Resuming } else { Mode::Fresh };
        self.phase = Phase::Texts(Way { mode, ..visit.again() }, keys.clone());
        let locale = self.scope().locale().to_owned();
        Some(Effect::Texts { locale, keys })
    }

    /// Keeps a result, after the node's own maps have been over it.
    pub(super) fn settle(&mut self, node: &Node<'_>, value: Value) -> Result<(), Fault> {
        let Some(extras) = node.extras.as_ref().filter(|extras| extras.out_map.is_some() || extras.vars_out.is_some())
        else {
            self.keep(node, value);
            return Ok(());
        };
        let mut budget = Budget::default();
        let value = match &extras.out_map {
            Some(map) => self.with(&value, map, &mut budget)?,
            None => value,
        };
        if let Some(map) = &extras.vars_out
            && let Value::Map(variables) = self.with(&value, map, &mut budget)?
        {
            self.memory.variables.extend(variables);
        }
        self.keep(node, value);
        Ok(())
    }

    /// A shape that reads the members of a value by their bare names.
    pub(super) fn with(&self, value: &Value, shape: &[u8], budget: &mut Budget) -> Result<Value, Fault> {
        let scope = self.scope();
        let locals = Locals::of(Datum::of(value), None);
        let value = render_shape(shape, View { data: &scope, locals: Some(&locals) }, budget)?;
        check_depth(&value)?;
        Ok(value)
    }

    pub(super) fn keep(&mut self, node: &Node<'_>, result: Value) {
        let output = node.output.as_deref().or_else(|| node.kind.default_output()).map(str::to_owned);
        self.memory.keep(node.id.as_str().to_owned(), output, result);
    }

    /// A shape in the node's own scope; null where there is none.
    pub(super) fn shape(&self, shape: Option<&[u8]>, budget: &mut Budget) -> Result<Value, Fault> {
        match shape {
            Some(shape) => Ok(render_shape(shape, View::of(&self.scope()), budget)?),
            None => Ok(Value::Null),
        }
    }
}
