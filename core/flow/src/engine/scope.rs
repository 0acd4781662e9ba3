//! What a node sees (spec/flow.md, "Data a node sees"), looked up name by name and never built whole.

use super::Inputs;
use crate::budget::check_depth;
use crate::data::{Data, Datum};
use greentic_types::{Message, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
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
    /// `input`, what the flow was called with.
    pub input: Value,
    /// `parameters.*` of the flow, a map.
    pub parameters: Value,
    /// The locale the session remembers.
    pub locale: Option<String>,
    /// Translated texts that nodes of the turn asked for; none where the app has no such text.
    pub texts: BTreeMap<String, Option<String>>,
    /// `response` and `event`, made when somebody looks.
    pub response: OnceCell<Value>,
    pub event: OnceCell<Value>,
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

    /// Takes the result of the node that ran last.
    pub fn take_last(&mut self) -> Value {
        let last = self.previous.take();
        last.and_then(|id| self.results.remove(&id)).unwrap_or_default()
    }

    /// Forgets what belongs to one run of one flow.
    pub fn leave(&mut self) {
        self.variables.clear();
        self.results.clear();
        self.outputs.clear();
        self.previous = None;
        self.error = Value::Null;
        self.input = Value::Null;
        self.parameters = Value::Null;
    }

    /// A text that was not given counts as one the app does not have, so that nothing is asked for twice.
    pub fn translate(&mut self, keys: Vec<String>, texts: Vec<Option<String>>) {
        let texts = texts.into_iter().chain(std::iter::repeat(None));
        self.texts.extend(keys.into_iter().zip(texts));
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

impl<'a> Scope<'a> {
    /// What was handed to the flow beside the message: a call's input, or the answers of a node named `in`.
    fn given(&self) -> Option<&'a BTreeMap<String, Value>> {
        match (&self.memory.input, self.memory.results.get("in")) {
            (Value::Map(map), _) | (_, Some(Value::Map(map))) => Some(map),
            _ => None,
        }
    }

    /// An output of the flow, one of the names that yield to it, or a node's result by its bare id.
    fn named(&self, name: &str) -> Option<Datum<'a>> {
        let memory = self.memory;
        if let Some(Value::Text(id)) = memory.outputs.get(name) {
            return Some(memory.result(id));
        }
        Some(match name {
            "input" => Datum::of(&memory.input),
            "parameters" => Datum::of(&memory.parameters),
            "vars" => Datum::Map(&memory.variables),
            "response" => Datum::of(memory.response.get_or_init(|| response(self.inputs.message))),
            "event" => Datum::of(memory.event.get_or_init(|| event(self.inputs.message))),
            id => Datum::of(memory.results.get(id)?),
        })
    }
}

/// What the user's message answers to a card or a menu: what the control carried, and the words.
fn response(message: &Message) -> Value {
    let mut members = BTreeMap::new();
    if let Some(action) = &message.action {
        if let Some(Value::Map(carried)) = data(&action.value) {
            members = carried;
        }
        members.entry("action".to_owned()).or_insert_with(|| Value::Text(action.value.clone()));
        members.entry("action_id".to_owned()).or_insert_with(|| Value::Text(action.id.clone()));
    }
    members.entry("text".to_owned()).or_insert_with(|| Value::Text(message.text.clone()));
    Value::Map(members)
}

/// What began a flow that no user began.
fn event(message: &Message) -> Value {
    let event_type = message.command.clone().map_or(Value::Null, Value::Text);
    let payload = data(&message.text).unwrap_or_else(|| Value::Text(message.text.clone()));
    Value::Map([("event_type".to_owned(), event_type), ("payload".to_owned(), payload)].into())
}

/// JSON that could be kept as data.
fn data(text: &str) -> Option<Value> {
    let json = serde_json::from_str(text).ok()?;
    let value = Value::from_json(&json);
    check_depth(&value).is_ok().then_some(value)
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
            "locale" => Datum::text(self.locale()),
            "attachments" => Datum::Attachments(&message.attachments),
            "callback_data" => Datum::optional(message.action.as_ref().map(|action| action.value.as_str())),
            "action_id" => Datum::optional(message.action.as_ref().map(|action| action.id.as_str())),
            "state" => Datum::Map(&memory.state),
            "flow" => Datum::Map(&memory.variables),
            "config" => Datum::of(&memory.config),
            "entry" | "in" => match self.given() {
                Some(given) => Datum::Entry(message, given),
                None => Datum::Message(message),
            },
            "prev" => memory.previous.as_deref().map_or(Datum::Null, |id| memory.result(id)),
            "node" => Datum::Map(&memory.results),
            "error" => Datum::of(&memory.error),
            name => return self.named(name),
        })
    }

    fn now_ms(&self) -> u64 {
        self.inputs.now_ms
    }

    fn locale(&self) -> &str {
        let known = self.inputs.message.locale.as_deref().or(self.memory.locale.as_deref());
        known.unwrap_or(self.inputs.default_locale)
    }

    fn translated(&self, key: &str) -> Option<&str> {
        self.memory.texts.get(key)?.as_deref()
    }
}
