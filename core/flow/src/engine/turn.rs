//! A turn from its beginning to its end: what it waits to be told, where it goes on, and what it leaves.

use super::enter::Begin;
use super::error::{Fault, Place};
use super::kinds::{http, llm};
use super::outcome;
use super::scope::{Memory, Scope};
use super::session::{self, Session};
use super::{Answer, Effect, Ending, ErrorKind, Event, FlowError, Inputs, LogLevel, LogLine};
use crate::budget::MAX_PAUSES_MS;
use crate::ir::Lines;
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
    /// The same, when this message is no answer to it.
    aside: Option<Wait>,
    pub(super) phase: Phase,
    /// Flows to go back to, outermost first.
    pub(super) stack: Vec<Frame>,
    pub(super) at: Place,
    pub(super) pack_version: String,
    pub(super) config_known: bool,
    pub(super) log_level: LogLevel,
    steps: u32,
    /// Pauses the turn may still make.
    pub(super) pauses_ms: u32,
    pub(super) replies: Vec<Reply>,
    pub(super) events: Vec<Event>,
    pub(super) logs: Vec<LogLine>,
    pub(super) notes: Vec<String>,
}

/// What the turn waits to be told.
#[derive(Debug)]
pub(super) enum Phase {
    Start,
    Entry(Begin),
    Config(Way),
    Node(Way),
    Texts(Way, Vec<String>),
    Sleep(Way),
    Invoke(Way),
    Http(Way),
    Llm(Way, Box<llm::Talk>),
    /// The line of a failure that nothing handled.
    Lines(Fault),
    Over,
}

/// The next node, and how it is come to.
#[derive(Debug)]
pub(super) struct Way {
    pub index: u32,
    /// Tries of it that have failed.
    pub attempt: u32,
    pub mode: Mode,
}

#[derive(Debug)]
pub(super) enum Mode {
    Fresh,
    /// The session waited at it.
    Resuming,
    /// What it asked for has come. Its record is gone by then, so it is asked for again.
    Returned(Value),
    Failed(Fault),
}

impl Way {
    pub fn fresh(index: u32) -> Way {
        Way { index, attempt: 0, mode: Mode::Fresh }
    }

    pub fn with(self, result: Result<Value, Fault>) -> Way {
        let mode = match result {
            Ok(value) => Mode::Returned(value),
            Err(fault) => Mode::Failed(fault),
        };
        Way { mode, ..self }
    }
}

impl<'m> Turn<'m> {
    pub fn new(mut inputs: Inputs<'m>) -> Self {
        let existed = inputs.record.is_some();
        let mut record = inputs.record.take().unwrap_or_default();
        let wait = if is_answer(inputs.message.kind) { record.wait.take() } else { None };
        Turn {
            inputs,
            session: Session {
                existed,
                // A wait that ends is a change even when nothing else is.
                changed: wait.is_some(),
                created_ms: record.created_ms,
                updated_ms: record.updated_ms,
                revision: record.revision,
            },
            memory: Memory { state: record.state, locale: record.locale, ..Memory::default() },
            wait,
            aside: record.wait,
            phase: Phase::Start,
            stack: Vec::new(),
            at: Place::default(),
            pack_version: String::new(),
            config_known: false,
            log_level: LogLevel::Debug,
            steps: 0,
            pauses_ms: MAX_PAUSES_MS,
            replies: Vec::new(),
            events: Vec::new(),
            logs: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the answer to the effect given last and goes on to the next. Ends for certain: nodes, tries, pauses and
    /// calls are all counted.
    pub fn step(&mut self, answer: Answer<'_>) -> Effect {
        let next = match (std::mem::replace(&mut self.phase, Phase::Over), answer) {
            (Phase::Start, Answer::Start) => Ok(self.begin()),
            (Phase::Entry(begin), Answer::Entry(entry)) => self.enter(begin, entry),
            (Phase::Config(way), Answer::Config(config)) => self.configure(config).map(|()| self.ask(way)),
            (Phase::Node(way), Answer::Node(record)) => self.arrive(way, record),
            (Phase::Texts(way, keys), Answer::Texts(texts)) => {
                self.memory.translate(keys, texts);
                Ok(self.ask(way))
            }
            (Phase::Sleep(way), Answer::Slept) => Ok(self.ask(way)),
            (Phase::Invoke(way), Answer::Invoked(result)) => {
                let result = result.map_err(Fault::from).and_then(outcome::answer);
                Ok(self.ask(way.with(result)))
            }
            (Phase::Http(way), Answer::Http(result)) => Ok(self.ask(way.with(http::answer(result)))),
            (Phase::Llm(way, talk), answer) => llm::go_on(self, way, talk, answer),
            (Phase::Lines(fault), answer) => return self.fail(fault, answer),
            _ => Err(Fault::new(ErrorKind::BadAnswer, "an answer came to a question that was not asked")),
        };
        next.unwrap_or_else(|fault| self.unhandled(fault))
    }

    fn configure(&mut self, config: &[u8]) -> Result<(), Fault> {
        let config: Value =
            minicbor::decode(config).map_err(|error| Fault::new(ErrorKind::BadAnswer, format!("config: {error}")))?;
        self.memory.config = config;
        self.config_known = true;
        Ok(())
    }

    /// To a node, which counts.
    pub(super) fn go(&mut self, index: u32) -> Result<Effect, Fault> {
        self.count()?;
        Ok(self.ask(Way::fresh(index)))
    }

    pub(super) fn count(&mut self) -> Result<(), Fault> {
        if self.steps >= self.inputs.limits.nodes {
            let detail = format!("more than {} nodes for one message", self.inputs.limits.nodes);
            return Err(Fault::new(ErrorKind::NodeLimit, detail));
        }
        self.steps += 1;
        Ok(())
    }

    pub(super) fn ask(&mut self, way: Way) -> Effect {
        let index = way.index;
        self.phase = Phase::Node(way);
        Effect::Node { flow: self.at.flow, index }
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { inputs: &self.inputs, memory: &self.memory }
    }

    /// Another number for each node of the turn, the same in each run of the same turn.
    pub(super) fn seed(&self) -> u64 {
        self.inputs.seed ^ u64::from(self.steps).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The turn ends here; the next message goes on at this very node.
    pub(super) fn wait_at(&mut self, index: u32, timeout_ms: Option<u64>) -> Effect {
        let deadline_ms = timeout_ms.map(|timeout| self.inputs.now_ms.saturating_add(timeout));
        let mut frames = std::mem::take(&mut self.stack);
        frames.push(session::frame(&self.at.flow_name, index, &mut self.memory));
        let pack_version = self.pack_version.clone();
        if self.aside.take().is_some() {
            self.note("a flow that waited is given up for one that began without the user".to_owned());
        }
        self.finish(Some(Wait { frames, deadline_ms, pack_version }))
    }

    pub(super) fn finish(&mut self, wait: Option<Wait>) -> Effect {
        self.phase = Phase::Over;
        self.session.changed |= wait.is_some();
        let wait = wait.or_else(|| self.aside.take());
        let locale = self.inputs.message.locale.as_deref();
        Effect::Done(Ending {
            replies: std::mem::take(&mut self.replies),
            events: std::mem::take(&mut self.events),
            record: session::record(&self.session, &mut self.memory, wait, locale, self.inputs.now_ms),
            error: None,
            logs: std::mem::take(&mut self.logs),
            notes: std::mem::take(&mut self.notes),
        })
    }

    /// A failure that its node left: the flow that called may handle it, else it ends the turn.
    fn unhandled(&mut self, mut fault: Fault) -> Effect {
        let at = &self.at;
        let place = fault.place.get_or_insert_with(|| Box::new(at.clone()));
        let (flow, index, reached) = (place.flow, place.lines, !place.node.is_empty());
        if fault.kind.can_be_handled()
            && let Some(back) = self.caller(&fault)
        {
            return back;
        }
        if reached && fault.kind != ErrorKind::BadAnswer {
            self.phase = Phase::Lines(fault);
            return Effect::Node { flow, index };
        }
        self.fail(fault, Answer::Node(None))
    }

    fn fail(&mut self, fault: Fault, lines: Answer<'_>) -> Effect {
        self.phase = Phase::Over;
        let text = self.inputs.error_message.to_owned();
        let replies = if text.is_empty() { Vec::new() } else { vec![Reply { text, ..Reply::default() }] };
        let place = fault.place.map(|place| *place).unwrap_or_default();
        let line = match lines {
            Answer::Node(Some(record)) => line(record, place.index),
            _ => None,
        };
        let error = FlowError {
            flow: place.flow_name,
            node: place.node,
            line: line.unwrap_or_default(),
            kind: fault.kind,
            detail: fault.detail,
        };
        Effect::Done(Ending {
            replies,
            events: Vec::new(),
            record: None,
            error: Some(error),
            logs: std::mem::take(&mut self.logs),
            notes: std::mem::take(&mut self.notes),
        })
    }
}

fn line(record: &[u8], index: u32) -> Option<u32> {
    let Lines(lines) = minicbor::decode(record).ok()?;
    lines.get(usize::try_from(index).ok()?).copied()
}

/// Whether a message of this kind can be what a waiting flow waits for. An event or a timer is not: the flow it begins
/// runs beside the wait.
fn is_answer(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Message | MessageKind::Interaction | MessageKind::Command)
}
