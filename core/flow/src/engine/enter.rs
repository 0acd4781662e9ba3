//! How a flow is come to: by a trigger, by a message it waits for, by a call, or by the return from one.

use super::error::{ErrorKind, Fault};
use super::session;
use super::turn::{Mode, Phase, Turn, Way};
use super::{Effect, EntryRef, LogLevel};
use crate::ir::{Head, IR_VERSION, Trigger, TriggerKind};
use crate::pattern;
use greentic_session::Frame;
use greentic_types::{Message, MessageKind, Value};
use std::collections::BTreeMap;

#[derive(Debug)]
pub enum Begin {
    /// At a trigger of the default flow.
    Anew,
    /// At the node where the session waits.
    Resumed(Frame),
    Called(Called),
    /// At the node that called, with what came of it.
    Back(Frame, Result<Value, Fault>),
}

/// What a flow that is called is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Called {
    pub flow: String,
    /// None for its start.
    pub entrypoint: Option<String>,
    pub input: Value,
    /// Variables of the caller, where it passes them on.
    pub context: BTreeMap<String, Value>,
}

impl Turn<'_> {
    pub(super) fn begin(&mut self) -> Effect {
        self.stack = self.wait.as_mut().map(|wait| std::mem::take(&mut wait.frames)).unwrap_or_default();
        match self.stack.pop() {
            None => self.ask_entry(Begin::Anew, None),
            Some(frame) => {
                let flow = frame.flow.clone();
                self.ask_entry(Begin::Resumed(frame), Some(flow))
            }
        }
    }

    fn ask_entry(&mut self, begin: Begin, flow: Option<String>) -> Effect {
        self.phase = Phase::Entry(begin);
        Effect::Entry { flow }
    }

    /// Forgets where the session waited, keeps its state, and begins like a new message would.
    pub(super) fn restart(&mut self, why: &str) -> Effect {
        self.note(format!("a waiting session starts anew: {why}"));
        self.stack.clear();
        self.memory.leave();
        self.ask_entry(Begin::Anew, None)
    }

    /// Into another flow. What this one knew is kept in a frame by then, or left behind.
    pub(super) fn call(&mut self, called: Called) -> Effect {
        self.memory.leave();
        let flow = called.flow.clone();
        self.ask_entry(Begin::Called(called), Some(flow))
    }

    /// The flow is over: to the one that called it, or to the end of the turn.
    pub(super) fn leave(&mut self) -> Effect {
        let Some(frame) = self.stack.pop() else { return self.finish(None) };
        let result = self.memory.take_last();
        match session::deferred(frame) {
            Ok(called) => self.call(called),
            Err(frame) => self.back(frame, Ok(result)),
        }
    }

    /// The node that called, for a failure of what it called. Flows that were to run afterwards don't.
    pub(super) fn caller(&mut self, fault: &Fault) -> Option<Effect> {
        while let Some(frame) = self.stack.pop() {
            if let Err(frame) = session::deferred(frame) {
                return Some(self.back(frame, Err(fault.clone())));
            }
        }
        None
    }

    fn back(&mut self, frame: Frame, result: Result<Value, Fault>) -> Effect {
        let flow = frame.flow.clone();
        self.ask_entry(Begin::Back(frame, result), Some(flow))
    }

    pub(super) fn enter(&mut self, begin: Begin, entry: Option<EntryRef<'_>>) -> Result<Effect, Fault> {
        let entry = match self.admit(&begin, entry)? {
            Ok(entry) => entry,
            Err(why) => return Ok(self.restart(&why)),
        };
        let head: Head<'_> = minicbor::decode(entry.head)?;
        if head.ir_version != IR_VERSION {
            let detail = format!("compiled as version {}, this engine runs {IR_VERSION}", head.ir_version);
            return Err(Fault::new(ErrorKind::BadFlow, detail));
        }
        self.at.flow = entry.flow;
        entry.name.clone_into(&mut self.at.flow_name);
        self.at.node.clear();
        self.at.lines = head.nodes;
        entry.pack_version.clone_into(&mut self.pack_version);
        let uses_config = head.uses_config;
        let Some(way) = self.way_in(begin, head)? else { return Ok(self.finish(None)) };
        if uses_config && !self.config_known {
            self.phase = Phase::Config(way);
            return Ok(Effect::Config);
        }
        Ok(self.ask(way))
    }

    /// The entry, or why the session must start anew. Node numbers of another pack mean nothing.
    fn admit<'e>(&self, begin: &Begin, entry: Option<EntryRef<'e>>) -> Result<Result<EntryRef<'e>, String>, Fault> {
        let Some(entry) = entry else {
            return match begin {
                Begin::Anew => Err(Fault::new(ErrorKind::NoFlow, "the host has no default flow")),
                Begin::Resumed(frame) => Ok(Err(format!("there is no flow `{}` any more", frame.flow))),
                Begin::Called(Called { flow, .. }) | Begin::Back(Frame { flow, .. }, _) => {
                    Err(Fault::new(ErrorKind::NoFlow, format!("the app has no flow `{flow}`")))
                }
            };
        };
        let loaded = entry.pack_version;
        match begin {
            Begin::Anew => {}
            Begin::Resumed(_) => {
                let waited_in = self.wait.as_ref().map(|wait| wait.pack_version.as_str()).unwrap_or_default();
                if loaded != waited_in {
                    return Ok(Err(format!("it waited in pack version {waited_in}, loaded is {loaded}")));
                }
            }
            Begin::Called(_) | Begin::Back(..) if loaded != self.pack_version => {
                let detail = format!("the pack changed from {} to {loaded} during the turn", self.pack_version);
                return Err(Fault::new(ErrorKind::BadFlow, detail));
            }
            Begin::Called(_) | Begin::Back(..) => {}
        }
        Ok(Ok(entry))
    }

    /// None when no trigger takes the message.
    fn way_in(&mut self, begin: Begin, head: Head<'_>) -> Result<Option<Way>, Fault> {
        self.log_level = head.log_level.unwrap_or(LogLevel::Debug);
        let way = match begin {
            Begin::Resumed(frame) => {
                self.count()?;
                let index = frame.node;
                session::remember(frame, &mut self.memory);
                Way { index, attempt: 0, mode: Mode::Resuming }
            }
            Begin::Back(frame, result) => {
                let index = frame.node;
                session::remember(frame, &mut self.memory);
                Way::fresh(index).with(result)
            }
            Begin::Anew => {
                let Some(index) = trigger(&head.triggers, self.inputs.message)? else { return Ok(None) };
                self.count()?;
                self.memory.variables = map(head.variables);
                Way::fresh(index)
            }
            Begin::Called(called) => {
                self.count()?;
                let index = entrypoint(&head, called.entrypoint.as_deref())?;
                self.memory.variables = variables(&head, &called)?;
                self.memory.input = called.input;
                Way::fresh(index)
            }
        };
        self.memory.parameters = head.parameters.unwrap_or_default();
        Ok(Some(way))
    }
}

fn map(value: Value) -> BTreeMap<String, Value> {
    match value {
        Value::Map(map) => map,
        _ => BTreeMap::new(),
    }
}

fn entrypoint(head: &Head<'_>, name: Option<&str>) -> Result<u32, Fault> {
    let Some(name) = name.filter(|name| *name != "default") else { return Ok(head.start) };
    let found = head.entrypoints.iter().flatten().find(|entrypoint| entrypoint.name.as_str() == name);
    found.map(|entrypoint| entrypoint.target).ok_or_else(|| {
        Fault::new(ErrorKind::BadFlow, format!("flow `{}` has no entrypoint `{name}`", head.name.as_str()))
    })
}

/// The flow's own, under those of the caller, under what the input says of them.
fn variables(head: &Head<'_>, called: &Called) -> Result<BTreeMap<String, Value>, Fault> {
    let mut variables = map(head.variables.clone());
    variables.extend(called.context.iter().map(|(name, value)| (name.clone(), value.clone())));
    for name in head.required.iter().flatten() {
        let given = called.input.get(name).or_else(|| called.context.get(name.as_str()));
        let Some(value) = given else {
            let detail = format!("flow `{}` has to be given `{}`", head.name.as_str(), name.as_str());
            return Err(Fault::telling(ErrorKind::MissingInput, detail));
        };
        variables.insert(name.as_str().to_owned(), value.clone());
    }
    for (name, value) in &mut variables {
        if let Some(given) = called.input.get(name) {
            value.clone_from(given);
        }
    }
    Ok(variables)
}

/// The target of the first trigger that takes the message.
fn trigger(triggers: &[Trigger<'_>], message: &Message) -> Result<Option<u32>, Fault> {
    for trigger in triggers {
        if takes(trigger, message)? {
            return Ok(Some(trigger.target));
        }
    }
    Ok(None)
}

/// Events, timers and setups come as messages of the kind `event` whose command says which: the event's type, `timer`
/// with the cron expression as text, `setup`.
fn takes(trigger: &Trigger<'_>, message: &Message) -> Result<bool, Fault> {
    let name = trigger.name.as_deref();
    let command = message.command.as_deref().map(|command| command.trim_start_matches('/'));
    let is_event = message.kind == MessageKind::Event;
    let action = message.action.as_ref();
    let kind = match trigger.kind {
        TriggerKind::Message => matches!(message.kind, MessageKind::Message | MessageKind::Command),
        TriggerKind::CallbackQuery | TriggerKind::BlockAction => {
            let named = name.is_none_or(|name| action.is_some_and(|action| action.id == name || action.value == name));
            message.kind == MessageKind::Interaction && named
        }
        TriggerKind::SlashCommand => message.kind == MessageKind::Command && (name.is_none() || command == name),
        TriggerKind::Event => is_event && (name.is_none() || command == name),
        TriggerKind::Timer => is_event && command == Some("timer") && name.is_none_or(|name| name == message.text),
        TriggerKind::Setup => is_event && command == Some("setup"),
        TriggerKind::Default => true,
    };
    match &trigger.pattern {
        Some(automaton) if kind => {
            let carried = action.map(|action| action.value.as_str()).filter(|_| message.text.is_empty());
            Ok(pattern::found(automaton, carried.unwrap_or(&message.text))?)
        }
        _ => Ok(kind),
    }
}
