//! What each type of node does. A new type is a file here, a variant in `ir`, and a line in [`run`].

mod call;
mod card;
mod component;
mod config;
mod event;
pub mod http;
pub mod llm;
mod log;
mod questions;
mod raise;
mod reply;
mod script;
mod search;
mod state;
mod template;
mod wait;

use super::error::Fault;
use super::node::{Outcome, Visit};
use super::turn::Turn;
use crate::ir::NodeKind;
use greentic_types::Value;

/// Runs a node that is come to from another one.
pub fn run(turn: &mut Turn<'_>, visit: &Visit<'_, '_>) -> Result<Outcome, Fault> {
    match &visit.node.kind {
        NodeKind::Reply(said) => reply::run(turn, said),
        NodeKind::Emit { payload } => reply::emit(turn, payload),
        NodeKind::Template { text, data } => template::run(turn, text, data.as_deref()),
        NodeKind::Branch => Ok(Outcome::Nothing),
        NodeKind::State { action, key, value } => state::run(turn, *action, key, value.as_deref()),
        NodeKind::Variable { name, value } => state::assign(turn, name, value),
        NodeKind::Wait { prompt, timeout_ms, .. } => wait::run(turn, visit, prompt.as_ref(), *timeout_ms),
        NodeKind::Questions(questions) => questions::run(turn, visit, questions),
        NodeKind::Component { component, operation, input } => {
            component::run(turn, visit, component, operation, input.as_deref())
        }
        NodeKind::Script { text, input } => script::run(turn, text, input.as_deref()),
        NodeKind::Http(http) => http::run(turn, visit, http),
        NodeKind::Llm(llm) => llm::run(turn, visit, llm),
        NodeKind::Event { event_type, payload } => event::run(turn, event_type, payload.as_deref()),
        NodeKind::Card { card, data, text } => card::run(turn, card, data.as_deref(), text.as_deref()),
        NodeKind::Search { index, targets, text } => search::run(turn, visit, index, targets, text.as_deref()),
        NodeKind::Call { .. } => call::run(turn, visit),
        NodeKind::Log { level, message, fields } => log::run(turn, *level, message, fields.as_deref()),
        NodeKind::Config { values } => config::run(turn, values),
        NodeKind::Error { code, message } => raise::run(turn, code.as_deref(), message),
    }
}

/// Goes on at the node where the session waited. None: this type of node waits for nobody.
pub fn resume(turn: &mut Turn<'_>, visit: &Visit<'_, '_>) -> Result<Option<Outcome>, Fault> {
    match &visit.node.kind {
        NodeKind::Wait { on_timeout, .. } => wait::resume(turn, *on_timeout).map(Some),
        NodeKind::Questions(questions) => questions::resume(turn, visit, questions).map(Some),
        _ => Ok(None),
    }
}

/// Goes on with what the node asked for.
pub fn returned(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, value: Value) -> Result<Outcome, Fault> {
    match &visit.node.kind {
        NodeKind::Http(_) => http::returned(turn, visit, value),
        _ => Ok(Outcome::done(value)),
    }
}
