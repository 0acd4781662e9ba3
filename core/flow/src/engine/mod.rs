//! The step engine: one message through a flow, effects out, results in.
//!
//! [`Turn::step`] is called with [`Answer::Start`], then each time with the answer to the [`Effect`] it gave, until it
//! gives [`Effect::Done`]. The engine does nothing else: no I/O, no clock, no randomness, so the same answers make the
//! same replies and the same record, byte for byte.
//!
//! A turn is all or nothing. When a failure is not handled by the flow, the user gets the bundle's error message, the
//! session stays as it was, and the failure's detail goes to whoever runs the turn, never to the user.

mod error;
mod outcome;
mod run;
mod say;
mod scope;
mod session;
mod turn;

pub use error::{ErrorKind, FlowError};
pub use turn::Turn;

use greentic_session::Record;
use greentic_types::{Message, Reply, TenantCtx};

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
    /// What the user sees when the flow fails. Empty: nothing.
    pub error_message: &'m str,
    pub limits: Limits,
    pub default_locale: &'m str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes that one message may run through: this ends a flow that goes in circles.
    pub nodes: u32,
    /// Replies that one message may cause.
    pub outgoing: u32,
}

/// What the engine needs next.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// The flow of this name, or the app's default flow. Answer: [`Answer::Entry`].
    Entry { flow: Option<String> },
    /// One node's record. Answer: [`Answer::Node`].
    Node { flow: u32, index: u32 },
    /// `config.*`; asked only when the flow reads it. Answer: [`Answer::Config`].
    Config,
    /// A custom component. `operation` is empty for a component that has just one. Answer: [`Answer::Invoked`].
    Invoke { component: String, operation: String, content: String },
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
    Invoked(Result<Option<String>, Failure>),
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
    /// The session as it is to be stored. None: unchanged.
    pub record: Option<Record>,
    /// The failure that the flow did not handle. `replies` then holds the bundle's error message alone.
    pub error: Option<FlowError>,
    /// What an operator should know though nothing failed. Never holds what a user wrote.
    pub notes: Vec<String>,
}
