//! The step engine: one message through a flow, effects out, results in.
//!
//! [`Turn::step`] is called with [`Answer::Start`], then each time with the answer to the [`Effect`] it gave, until it
//! gives [`Effect::Done`]. The engine does nothing else: no I/O, no clock, no randomness of its own, so the same
//! answers make the same replies and the same record, byte for byte.
//!
//! A turn is all or nothing. When a failure is not handled by the flow, the user gets the bundle's error message, the
//! session stays as it was, and the failure's detail goes to whoever runs the turn, never to the user.
//!
//! What each type of node does is in `kinds`, a file each; how a node is entered and left is in `node`, where it leads
//! in `route`, what becomes of its failure in `failure`, how flows call each other in `enter`.

mod enter;
mod error;
mod failure;
mod kinds;
mod node;
mod outcome;
mod outgoing;
mod route;
mod say;
mod scope;
mod session;
mod turn;

pub use crate::ir::LogLevel;
pub use error::{ErrorKind, FlowError};
pub use outgoing::{HeaderValue, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
pub use turn::Turn;

use greentic_session::Record;
use greentic_types::{Message, Reply, TenantCtx, Value};

/// What a turn is about.
#[derive(Debug)]
pub struct Inputs<'m> {
    pub message: &'m Message,
    pub tenant: &'m TenantCtx,
    /// Id of the channel in the bundle.
    pub channel: &'m str,
    /// The session as stored, none for a new one.
    pub record: Option<Record>,
    pub now_ms: u64,
    /// Whatever is random in the turn comes from it.
    pub seed: u64,
    /// What the user sees when the flow fails. Empty: nothing.
    pub error_message: &'m str,
    pub limits: Limits,
    pub default_locale: &'m str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes that one message may run through: this ends a flow that goes in circles.
    pub nodes: u32,
    /// Replies that one message may cause, and events.
    pub outgoing: u32,
}

/// What the engine needs next.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "the large one is the last of a turn, and each lives for one step")]
pub enum Effect {
    /// The flow of this name, or the app's default flow. Answer: [`Answer::Entry`].
    Entry { flow: Option<String> },
    /// One record of a flow: a node's, or the one behind the last node. Answer: [`Answer::Node`].
    Node { flow: u32, index: u32 },
    /// `config.*`; asked only when the flow reads it. Answer: [`Answer::Config`].
    Config,
    /// Texts of the app in a language, or the nearest there is. Answer: [`Answer::Texts`].
    Texts { locale: String, keys: Vec<String> },
    /// A custom component. `operation` is empty for a component that has just one. Answer: [`Answer::Invoked`].
    Invoke { component: String, operation: String, content: String, timeout_ms: Option<u32> },
    /// One HTTP exchange; redirects are not followed. Answer: [`Answer::Http`].
    Http(HttpRequest),
    /// A pause before another try. Answer: [`Answer::Slept`].
    Sleep { ms: u32 },
    /// The turn is over.
    Done(Ending),
}

#[derive(Debug)]
pub enum Answer<'a> {
    Start,
    /// None: there is no such flow.
    Entry(Option<EntryRef<'a>>),
    /// None: there is no such node.
    Node(Option<&'a [u8]>),
    /// A CBOR map.
    Config(&'a [u8]),
    /// One for each key, in their order; none where the app has no such text.
    Texts(Vec<Option<String>>),
    Invoked(Result<Option<String>, Failure>),
    Http(Result<HttpResponse, HttpFailure>),
    Slept,
}

#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    /// Handle for [`Effect::Node`].
    pub flow: u32,
    pub name: &'a str,
    /// Identity of the pack's contents: a session goes on only in the very version it waits in.
    pub pack_version: &'a str,
    pub head: &'a [u8],
}

/// Why a component call gave nothing, as in `greentic:edge/nodes.node-error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The component said so; the message is its own.
    Failed,
    /// It trapped, ran too long or asked for more than its limits.
    Stopped,
    /// There is no such component or operation in the pack.
    Unknown,
}

/// What a turn came to.
#[derive(Debug, Default, PartialEq)]
pub struct Ending {
    pub replies: Vec<Reply>,
    /// To be published in the same outbox as the replies.
    pub events: Vec<Event>,
    /// The session as it is to be stored. None: unchanged.
    pub record: Option<Record>,
    /// The failure that the flow did not handle. `replies` then holds the bundle's error message alone.
    pub error: Option<FlowError>,
    /// What the flow's `log` nodes said, also in a turn that failed.
    pub logs: Vec<LogLine>,
    /// What an operator should know though nothing failed. Never holds what a user wrote.
    pub notes: Vec<String>,
}

/// What an `event` node tells the rest of the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub event_type: String,
    pub payload: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    pub level: LogLevel,
    pub flow: String,
    pub node: String,
    pub message: String,
    /// A map, or null.
    pub fields: Value,
}
