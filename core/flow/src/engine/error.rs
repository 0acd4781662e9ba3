//! What can go wrong in a turn, for the flow (`error.*`) and for the operator.

use super::{Failure, FailureKind};
use crate::budget::RenderError;

/// What went wrong. The names in [`ErrorKind::code`] are part of the language: flows compare `error.code` with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    ComponentFailed,
    ComponentStopped,
    ComponentUnknown,
    /// A node made too much text or data.
    TooLarge,
    /// A component's answer can't be kept.
    BadData,
    NodeLimit,
    OutgoingLimit,
    /// The compiled flow is damaged, incomplete or of another version.
    BadFlow,
    /// The app has no flow to run.
    NoFlow,
    /// The caller answered something else than was asked.
    BadAnswer,
}

impl ErrorKind {
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::ComponentFailed => "component-failed",
            ErrorKind::ComponentStopped => "component-stopped",
            ErrorKind::ComponentUnknown => "component-unknown",
            ErrorKind::TooLarge => "too-large",
            ErrorKind::BadData => "bad-data",
            ErrorKind::NodeLimit => "node-limit",
            ErrorKind::OutgoingLimit => "outgoing-limit",
            ErrorKind::BadFlow => "bad-flow",
            ErrorKind::NoFlow => "no-flow",
            ErrorKind::BadAnswer => "bad-answer",
        }
    }

    /// Coarser than the code: who is to look at it.
    pub fn class(self) -> &'static str {
        match self {
            ErrorKind::ComponentFailed | ErrorKind::ComponentStopped | ErrorKind::ComponentUnknown => "component",
            ErrorKind::TooLarge | ErrorKind::NodeLimit | ErrorKind::OutgoingLimit => "limit",
            ErrorKind::BadData => "data",
            ErrorKind::BadFlow | ErrorKind::NoFlow => "flow",
            ErrorKind::BadAnswer => "host",
        }
    }

    /// Whether `on_error` may take it. A limit that was passed must end the turn, and what is damaged is not trusted to
    /// handle its own damage.
    pub fn can_be_handled(self) -> bool {
        match self {
            ErrorKind::ComponentFailed
            | ErrorKind::ComponentStopped
            | ErrorKind::ComponentUnknown
            | ErrorKind::TooLarge
            | ErrorKind::BadData => true,
            ErrorKind::NodeLimit
            | ErrorKind::OutgoingLimit
            | ErrorKind::BadFlow
            | ErrorKind::NoFlow
            | ErrorKind::BadAnswer => false,
        }
    }

    /// What the flow is told, where the cause has no words of its own that are fit for it.
    fn sentence(self) -> &'static str {
        match self {
            ErrorKind::ComponentFailed => "the component failed",
            ErrorKind::ComponentStopped => "the component was stopped",
            ErrorKind::ComponentUnknown => "there is no such component or operation",
            ErrorKind::TooLarge => "the node made too much text or data",
            ErrorKind::BadData => "the component's answer can't be kept",
            ErrorKind::NodeLimit => "the message ran through too many nodes",
            ErrorKind::OutgoingLimit => "the message caused too many replies",
            ErrorKind::BadFlow => "the compiled flow can't be run",
            ErrorKind::NoFlow => "the app has no flow to run",
            ErrorKind::BadAnswer => "the host answered out of turn",
        }
    }
}

/// A failure that no node of the flow handled, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("flow `{flow}`, node `{node}` (line {line}): {}: {detail}", .kind.code())]
pub struct FlowError {
    /// Empty when no flow was found yet.
    pub flow: String,
    /// Empty when no node was reached yet.
    pub node: String,
    /// Of the node in its source file; 0 when no node was reached yet.
    pub line: u32,
    pub kind: ErrorKind,
    pub detail: String,
}

/// A failure on its way to `on_error`, or to the end of the turn.
#[derive(Debug, PartialEq)]
pub struct Fault {
    pub kind: ErrorKind,
    /// For the operator.
    pub detail: String,
    /// For the flow, `error.message`.
    pub message: String,
}

impl Fault {
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Fault { kind, detail: detail.into(), message: kind.sentence().to_owned() }
    }
}

impl From<RenderError> for Fault {
    fn from(error: RenderError) -> Self {
        let kind = match &error {
            RenderError::TooLong | RenderError::TooManyIterations | RenderError::TooDeep => ErrorKind::TooLarge,
            RenderError::Malformed(_) => ErrorKind::BadFlow,
        };
        Fault::new(kind, error.to_string())
    }
}

impl From<minicbor::decode::Error> for Fault {
    fn from(error: minicbor::decode::Error) -> Self {
        Fault::new(ErrorKind::BadFlow, error.to_string())
    }
}

impl From<Failure> for Fault {
    /// What a component says of its own failure is meant for the flow; why it was stopped is the operator's.
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Failed => ErrorKind::ComponentFailed,
            FailureKind::Stopped => ErrorKind::ComponentStopped,
            FailureKind::Unknown => ErrorKind::ComponentUnknown,
        };
        let mut fault = Fault::new(kind, failure.message);
        if kind == ErrorKind::ComponentFailed {
            fault.message.clone_from(&fault.detail);
        }
        fault
    }
}
