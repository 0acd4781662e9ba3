//! A turn from its beginning to its end: where it begins, how it goes from node to node, and what it leaves.

use super::error::Fault;
use super::outcome;
use super::scope::{Memory, Scope};
use super::session::{self, Session};
use super::{Answer, Effect, Ending, EntryRef, ErrorKind, Failure, FlowError, Inputs};
use crate::ir::{Head, IR_VERSION, Node, TriggerKind};
use crate::pattern;
use greentic_session::{Frame, Wait};
use greentic_types::{MessageKind, Reply, Value};

/// One message on its way through a flow.
#[derive(Debug)]
pub struct Turn<'m> {
    pub(super) inputs: Inputs<'m>,
    pub(super) session: Session,
    pub(super) memory: Memory,
    /// What the session waited for when the message came.
    pub(super) wait: Option<Wait>,
    pub(super) phase: Phase,
    flow: u32,
    pub(super) flow_name: String,
    pub(super) pack_version: String,
    steps: u32,
    pub(super) at: Place,
    pub(super) replies: Vec<Reply>,
    pub(super) notes: Vec<String>,
}

/// What the turn waits to be told.
#[derive(Debug)]
pub(super) enum Phase {
    Start,
    Entry(Begin),
    Config(Way),
    Node(Way),
    Call(Call),
    Over,
}

#[derive(Debug)]
pub(super) enum Begin {
    /// At a trigger of the default flow.
    Anew,
    /// At the node where the session waits.
    Resumed(Frame),
}

/// The next node, and whether the session waits at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub index: u32,
    pub resuming: bool,
}

/// How to go on when a component has answered. Its node's record is gone by then.
#[derive(Debug)]
pub(super) struct Call {
    pub output: Option<String>,
    pub next: Option<u32>,
    pub on_error: Option<u32>,
}

/// The node that runs.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub node: String,
    pub line: u32,
}

impl<'m> Turn<'m> {
    pub fn new(mut inputs: Inputs<'m>) -> Self {
        let existed = inputs.record.is_some();
        let record = inputs.record.take().unwrap_or_default();
        Turn {
            inputs,
            // A wait that ends is a change even when nothing else is.
            session: Session {
                existed,
                changed: record.wait.is_some(),
                created_ms: record.created_ms,
                updated_ms: record.updated_ms,
                revision: record.revision,
            },
            memory: Memory { state: record.state, locale: record.locale, ..Memory::default() },
            wait: record.wait,
            phase: Phase::Start,
            flow: 0,
            flow_name: String::new(),
            pack_version: String::new(),
            steps: 0,
            at: Place::default(),
            replies: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the answer to the effect given last and goes on to the next. Ends for certain: each node counts.
    pub fn step(&mut self, answer: Answer<'_>) -> Effect {
        let next = match (std::mem::replace(&mut self.phase, Phase::Over), answer) {
            (Phase::Start, Answer::Start) => Ok(self.begin()),
            (Phase::Entry(begin), Answer::Entry(entry)) => self.enter(begin, entry),
            (Phase::Config(way), Answer::Config(config)) => self.configure(config).and_then(|()| self.go(way)),
            (Phase::Node(way), Answer::Node(record)) => self.arrive(way, record),
            (Phase::Call(call), Answer::Invoked(result)) => self.returned(call, result),
            _ => Err(Fault::new(ErrorKind::BadAnswer, "an answer came to a question that was not asked")),
        };
        next.unwrap_or_else(|fault| self.fail(fault))
    }

    fn begin(&mut self) -> Effect {
        let frames = self.wait.as_mut().map(|wait| std::mem::take(&mut wait.frames)).unwrap_or_default();
        let count = frames.len();
        match (frames.into_iter().next(), count) {
            (None, _) => self.ask_entry(Begin::Anew, None),
            (Some(frame), 1) => {
                let flow = frame.flow.clone();
                self.ask_entry(Begin::Resumed(frame), Some(flow))
            }
            // No flow of this version calls another, so this record is of a later one.
            (Some(_), _) => self.restart("it waited in a flow called by another"),
        }
    }

    fn ask_entry(&mut self, begin: Begin, flow: Option<String>) -> Effect {
        self.phase = Phase::Entry(begin);
        Effect::Entry { flow }
    }

    /// Forgets where the session waited, keeps its state, and begins like a new message would.
    pub(super) fn restart(&mut self, why: &str) -> Effect {
        self.notes.push(format!("a waiting session starts anew: {why}"));
        let Memory { state, locale, .. } = std::mem::take(&mut self.memory);
        self.memory = Memory { state, locale, ..Memory::default() };
        self.ask_entry(Begin::Anew, None)
    }

    fn enter(&mut self, begin: Begin, entry: Option<EntryRef<'_>>) -> Result<Effect, Fault> {
        let waited_in = self.wait.as_ref().map(|wait| wait.pack_version.clone()).unwrap_or_default();
        let entry = match (entry, &begin) {
            (None, Begin::Anew) => return Err(Fault::new(ErrorKind::NoFlow, "the host has no default flow")),
            (None, Begin::Resumed(frame)) => {
                let why = format!("there is no flow `{}` any more", frame.flow);
                return Ok(self.restart(&why));
            }
            (Some(entry), Begin::Resumed(_)) if entry.pack_version != waited_in => {
                let why = format!("it waited in pack version {waited_in}, loaded is {}", entry.pack_version);
                return Ok(self.restart(&why));
            }
            (Some(entry), _) => entry,
        };
        let head: Head<'_> = minicbor::decode(entry.head)?;
        if head.ir_version != IR_VERSION {
            let detail = format!("compiled as version {}, this engine runs {IR_VERSION}", head.ir_version);
            return Err(Fault::new(ErrorKind::BadFlow, detail));
        }
        self.flow = entry.flow;
        entry.name.clone_into(&mut self.flow_name);
        entry.pack_version.clone_into(&mut self.pack_version);
        let way = match begin {
            Begin::Resumed(frame) => {
                let index = frame.node;
                session::remember(frame, &mut self.memory);
                Way { index, resuming: true }
            }
            Begin::Anew => {
                let Some(index) = self.trigger(&head)? else { return Ok(self.finish(None)) };
                if let Value::Map(variables) = head.variables {
                    self.memory.variables = variables;
                }
                Way { index, resuming: false }
            }
        };
        if head.uses_config {
            self.phase = Phase::Config(way);
            return Ok(Effect::Config);
        }
        self.go(way)
    }

    /// The target of the first trigger that takes the message.
    fn trigger(&self, head: &Head<'_>) -> Result<Option<u32>, Fault> {
        let message = self.inputs.message;
        for trigger in &head.triggers {
            let kind = match trigger.kind {
                TriggerKind::Message => matches!(message.kind, MessageKind::Message | MessageKind::Command),
                TriggerKind::CallbackQuery => message.kind == MessageKind::Interaction,
                TriggerKind::Default => true,
            };
            let found = match &trigger.pattern {
                Some(automaton) if kind => pattern::found(automaton, &message.text)?,
                _ => kind,
            };
            if found {
                return Ok(Some(trigger.target));
            }
        }
        Ok(None)
    }

    fn configure(&mut self, config: &[u8]) -> Result<(), Fault> {
        let config: Value =
            minicbor::decode(config).map_err(|error| Fault::new(ErrorKind::BadAnswer, format!("config: {error}")))?;
        self.memory.config = config;
        Ok(())
    }

    pub(super) fn go(&mut self, way: Way) -> Result<Effect, Fault> {
        if self.steps >= self.inputs.limits.nodes {
            let detail = format!("more than {} nodes for one message", self.inputs.limits.nodes);
            return Err(Fault::new(ErrorKind::NodeLimit, detail));
        }
        self.steps += 1;
        self.phase = Phase::Node(way);
        Ok(Effect::Node { flow: self.flow, index: way.index })
    }

    /// To the next node, or to the end of the flow.
    pub(super) fn advance(&mut self, next: Option<u32>) -> Result<Effect, Fault> {
        match next {
            Some(index) => self.go(Way { index, resuming: false }),
            None => Ok(self.finish(None)),
        }
    }

    fn arrive(&mut self, way: Way, record: Option<&[u8]>) -> Result<Effect, Fault> {
        let Some(record) = record else {
            return Err(Fault::new(ErrorKind::BadFlow, format!("the flow has no node {}", way.index)));
        };
        let node: Node<'_> = minicbor::decode(record)?;
        self.at.node.clear();
        self.at.node.push_str(&node.id);
        self.at.line = node.line;
        self.run(&node, way).or_else(|fault| self.handle(fault, node.on_error))
    }

    fn returned(&mut self, call: Call, result: Result<Option<String>, Failure>) -> Result<Effect, Fault> {
        match result.map_err(Fault::from).and_then(outcome::answer) {
            Ok(value) => {
                self.memory.keep(self.at.node.clone(), call.output, value);
                self.advance(call.next)
            }
            Err(fault) => self.handle(fault, call.on_error),
        }
    }

    /// Goes on at `on_error` where there is one and the failure is of a kind that a flow may take care of.
    fn handle(&mut self, fault: Fault, on_error: Option<u32>) -> Result<Effect, Fault> {
        let Some(index) = on_error.filter(|_| fault.kind.can_be_handled()) else { return Err(fault) };
        let text = |text: &str| Value::Text(text.to_owned());
        let members = [
            ("code", text(fault.kind.code())),
            ("kind", text(fault.kind.class())),
            ("message", text(&fault.message)),
            ("node", text(&self.at.node)),
        ];
        self.memory.error = Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        self.go(Way { index, resuming: false })
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { inputs: &self.inputs, memory: &self.memory }
    }

    pub(super) fn finish(&mut self, wait: Option<Wait>) -> Effect {
        self.phase = Phase::Over;
        let locale = self.inputs.message.locale.as_deref();
        Effect::Done(Ending {
            replies: std::mem::take(&mut self.replies),
            record: session::record(&self.session, &mut self.memory, wait, locale, self.inputs.now_ms),
            error: None,
            notes: std::mem::take(&mut self.notes),
        })
    }

    fn fail(&mut self, fault: Fault) -> Effect {
        self.phase = Phase::Over;
        let text = self.inputs.error_message.to_owned();
        let replies = if text.is_empty() { Vec::new() } else { vec![Reply { text, ..Reply::default() }] };
        let error = FlowError {
            flow: self.flow_name.clone(),
            node: self.at.node.clone(),
            line: self.at.line,
            kind: fault.kind,
            detail: fault.detail,
        };
        Effect::Done(Ending { replies, record: None, error: Some(error), notes: std::mem::take(&mut self.notes) })
    }
}
