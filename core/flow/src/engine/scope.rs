//! What a node sees (spec/flow.md, "Data a node sees"), looked up name by name and never built whole.

use super::Inputs;
use crate::data::{Data, Datum};
use greentic_types::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a run of a flow knows beside its inputs.
#[derive(Debug, Default)]
pub struct Memory {
    /// `state.*`: the session's, kept beyond the flow.
    pub state: BTreeMap<String, Value>,
    /// `flow.*`.
    pub variables: BTreeMap<String, Value>,
    /// `config.*`, a map.
    pub config: Value,
    /// `node.*`: the result of each node that ran, by id.
    pub results: BTreeMap<String, Value>,
    /// Name of an output to the node whose result it is, so that no result is kept twice.
    pub outputs: BTreeMap<String, Value>,
    /// The node whose result `prev` is.
    pub previous: Option<String>,
    /// `error.*`, after a failure that the flow handles.
    pub error: Value,
    /// The locale the session remembers.
    pub locale: Option<String>,
}

impl Memory {
    /// Keeps a node's result.
    pub fn keep(&mut self, id: String, output: Option<String>, result: Value) {
        if let Some(name) = output {
            self.outputs.insert(name, Value::Text(id.clone()));
        }
        self.results.insert(id.clone(), result);
        self.previous = Some(id);
    }

    fn result(&self, id: &str) -> Datum<'_> {
        self.results.get(id).map_or(Datum::Null, Datum::of)
    }
}

#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub inputs: &'a Inputs<'a>,
    pub memory: &'a Memory,
}

impl Data for Scope<'_> {
    fn root(&self, name: &str) -> Option<Datum<'_>> {
        let Scope { inputs, memory } = self;
        let message = inputs.message;
        Some(match name {
            "message" => Datum::text(&message.text),
            "user_id" => Datum::text(&message.user),
            "channel_id" => Datum::text(inputs.channel),
            "session_id" => {
                let id = format!("{}:{}:{}", inputs.channel, message.conversation, message.user);
                Datum::Text(Cow::Owned(id))
            }
            "tenant_id" => Datum::text(&inputs.tenant.tenant_id),
            "locale" => {
                let known = message.locale.as_deref().or(memory.locale.as_deref());
                Datum::text(known.unwrap_or(inputs.default_locale))
            }
            "attachments" => Datum::Attachments(&message.attachments),
            "callback_data" => Datum::optional(message.action.as_ref().map(|action| action.value.as_str())),
            "action_id" => Datum::optional(message.action.as_ref().map(|action| action.id.as_str())),
            "state" => Datum::Map(&memory.state),
            "flow" => Datum::Map(&memory.variables),
            "config" => Datum::of(&memory.config),
            "entry" | "in" => Datum::Message(message),
            "prev" => memory.previous.as_deref().map_or(Datum::Null, |id| memory.result(id)),
            "node" => Datum::Map(&memory.results),
            "error" => Datum::of(&memory.error),
            output => match memory.outputs.get(output)? {
                Value::Text(id) => memory.result(id),
                _ => return None,
            },
        })
    }
}
