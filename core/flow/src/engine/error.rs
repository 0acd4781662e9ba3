//! What can go wrong in a turn, for the flow (`error.*`) and for the operator.

use super::outgoing::{HttpFailure, HttpFailureKind};
use super::{Failure, FailureKind};
use crate::budget::RenderError;

/// What went wrong. The names in [`ErrorKind::code`] are part of the language: flows compare `error.code` with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    ComponentFailed,
    ComponentStopped,
    ComponentUnknown,
    /// No answer came.
    HttpFailed,
    HttpTimeout,
    /// The host does not allow the request.
    HttpRefused,
    /// The answer's status says that the request failed.
    HttpStatus,
    /// What a node made is no request that could be sent.
    BadRequest,
    LlmFailed,
    ScriptFailed,
    /// A node of type `error`.
    Raised,
    /// A called flow was not given what it needs.
    MissingInput,
    /// A node made too much text or data.
    TooLarge,
    /// An answer can't be kept.
    BadData,
    NodeLimit,
    OutgoingLimit,
    /// Flows called each other too deep.
    CallLimit,
    /// The compiled flow is damaged, incomplete or of another version.
    BadFlow,
    /// The app has no flow to run.
    NoFlow,
    /// The caller answered something else than was asked.
    BadAnswer,
}

/// What the language says of one kind of error.
struct Facts {
    code: &'static str,
    /// Coarser than the code: who is to look at it.
    class: &'static str,
    /// What the flow is told, where the cause has no words of its own that are fit for it.
    sentence: &'static str,
}

impl ErrorKind {
    pub fn code(self) -> &'static str {
        self.facts().code
    }

    pub fn class(self) -> &'static str {
        self.facts().class
    }

    fn facts(self) -> Facts {
        let (code, class, sentence) = match self {
            ErrorKind::ComponentFailed => ("component-failed", "component", "the component failed"),
            ErrorKind::ComponentStopped => ("component-stopped", "component", "the component was stopped"),
            ErrorKind::ComponentUnknown => {
                ("component-unknown", "component", "there is no such component or operation")
            }
            ErrorKind::HttpFailed => ("http-failed", "http", "the server could not be reached"),
            ErrorKind::HttpTimeout => ("http-timeout", "http", "the server did not answer in time"),
            ErrorKind::HttpRefused => ("http-refused", "http", "the request is not allowed"),
            ErrorKind::HttpStatus => ("http-status", "http", "the server refused the request"),
            ErrorKind::BadRequest => ("bad-request", "data", "the request can't be sent as it is"),
            ErrorKind::LlmFailed => ("llm-failed", "llm", "the model gave no answer that could be used"),
            ErrorKind::ScriptFailed => ("script-failed", "script", "the script failed"),
            ErrorKind::Raised => ("raised", "flow", "the flow gave up"),
            ErrorKind::MissingInput => ("missing-input", "data", "the called flow was not given what it needs"),
            ErrorKind::TooLarge => ("too-large", "limit", "the node made too much text or data"),
            ErrorKind::BadData => ("bad-data", "data", "the answer can't be kept"),
            ErrorKind::NodeLimit => ("node-limit", "limit", "the message ran through too many nodes"),
            ErrorKind::OutgoingLimit => ("outgoing-limit", "limit", "the message caused too many replies"),
            ErrorKind::CallLimit => ("call-limit", "limit", "flows called each other too deep"),
            ErrorKind::BadFlow => ("bad-flow", "flow", "the compiled flow can't be run"),
            ErrorKind::NoFlow => ("no-flow", "flow", "the app has no flow to run"),
            ErrorKind::BadAnswer => ("bad-answer", "host", "the host answered out of turn"),
        };
        Facts { code, class, sentence }
    }

    /// Whether the flow may take care of it. A limit that was passed must end the turn, and what is damaged is not
    /// trusted to handle its own damage.
    pub fn can_be_handled(self) -> bool {
        match self {
            ErrorKind::ComponentFailed
            | ErrorKind::ComponentStopped
            | ErrorKind::ComponentUnknown
            | ErrorKind::HttpFailed
            | ErrorKind::HttpTimeout
            | ErrorKind::HttpRefused
            | ErrorKind::HttpStatus
            | ErrorKind::BadRequest
            | ErrorKind::LlmFailed
            | ErrorKind::ScriptFailed
            | ErrorKind::Raised
            | ErrorKind::MissingInput
            | ErrorKind::TooLarge
            | ErrorKind::BadData => true,
            ErrorKind::NodeLimit
            | ErrorKind::OutgoingLimit
            | ErrorKind::CallLimit
            | ErrorKind::BadFlow
            | ErrorKind::NoFlow
            | ErrorKind::BadAnswer => false,
        }
    }

    /// Whether the same may well succeed a moment later. What a component says of its own failure is its decision, so
    /// it is not tried again unless the node's `retry` names it.
    fn may_pass(self) -> bool {
        matches!(
            self,
            ErrorKind::ComponentStopped | ErrorKind::HttpFailed | ErrorKind::HttpTimeout | ErrorKind::LlmFailed
        )
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
    /// Of the node in its source file; 0 when it is not known.
    pub line: u32,
    pub kind: ErrorKind,
    pub detail: String,
}

/// A failure on its way to the node's `on_error`, to the flow that called, or to the end of the turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub kind: ErrorKind,
    /// For the operator.
    pub detail: String,
    /// For the flow, `error.message`.
    pub message: String,
    /// For the flow, `error.code`, where it is not the kind's.
    pub code: Option<String>,
    pub may_pass: bool,
    /// Where it happened, once it is known; it stays that of the first node while it passes on to callers.
    pub place: Option<Box<Place>>,
}

/// A node of a flow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The host's handle.
    pub flow: u32,
    pub flow_name: String,
    /// Empty before the first one.
    pub node: String,
    pub index: u32,
    /// Where the record with the nodes' lines is.
    pub lines: u32,
}

impl Fault {
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Fault {
            kind,
            detail: detail.into(),
            message: kind.facts().sentence.to_owned(),
            code: None,
            may_pass: kind.may_pass(),
            place: None,
        }
    }

    /// Whose detail is fit for the flow too.
    pub fn telling(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let fault = Fault::new(kind, detail);
        Fault { message: fault.detail.clone(), ..fault }
    }

    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(self.kind.code())
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
        match failure.kind {
            FailureKind::Failed => Fault::telling(ErrorKind::ComponentFailed, failure.message),
            FailureKind::Stopped => Fault::new(ErrorKind::ComponentStopped, failure.message),
            FailureKind::Unknown => Fault::new(ErrorKind::ComponentUnknown, failure.message),
        }
    }
}

impl From<HttpFailure> for Fault {
    fn from(failure: HttpFailure) -> Self {
        let kind = match failure.kind {
            HttpFailureKind::Timeout => ErrorKind::HttpTimeout,
            HttpFailureKind::Unreachable => ErrorKind::HttpFailed,
            HttpFailureKind::Refused => ErrorKind::HttpRefused,
            HttpFailureKind::TooLarge => ErrorKind::TooLarge,
            HttpFailureKind::Invalid => ErrorKind::BadRequest,
        };
        Fault::new(kind, failure.detail)
    }
}
