//! Drives the step engine: hands it what it asks for, until the turn is over.
//!
//! The engine is `greentic-flow`'s and pure; every effect it names is carried out here, by an import. What becomes of
//! what it said is in `outbox.rs`, how a request leaves in `outgoing.rs`.

use crate::bindings::greentic::edge::flow::{self as records, FlowEntry};
use crate::bindings::greentic::edge::nodes::{self, NodeError, Payload};
use crate::bindings::greentic::edge::route::{self, Route};
use crate::bindings::greentic::edge::types::{Message, Publication};
use crate::{convert, outbox, outgoing};
use greentic_flow::engine::{
    Answer, Effect, Ending, EntryRef, Failure, FailureKind, Inputs, Limits, LogLevel, LogLine, Turn,
};
use greentic_session::{Record, RecordError};
use greentic_types::Value;
use wasip2::clocks::monotonic_clock;
use wasip2::random::random;

/// What a turn stores: the session's record and the outbox.
pub type Stored = (Option<Vec<u8>>, Vec<Publication>);

/// Runs the flow on one message. A failing flow is not an error here: its user is told, and that is stored like any
/// reply. A record of a newer format is one, because overwriting it would lose a conversation.
pub fn step(route: &Route, message: &Message, session: Option<&[u8]>) -> Result<Stored, RecordError> {
    if !message.starts_turn {
        return Ok((session.map(<[u8]>::to_vec), outbox::publications(route, message, Vec::new(), Vec::new())));
    }
    let record = session.map(Record::decode).transpose()?;
    let normalized = convert::message(message);
    let tenant = outbox::tenant(route);
    let ending = drive(
        message,
        Turn::new(Inputs {
            message: &normalized,
            tenant: &tenant,
            channel: &route.channel,
            record,
            now_ms: route.received_at,
            seed: random::get_random_u64(),
            error_message: &route.error_message,
            default_locale: &route.default_locale,
            limits: Limits { nodes: route.limits.nodes, outgoing: route.limits.outgoing },
        }),
    );
    ending.logs.iter().for_each(tell);
    for note in &ending.notes {
        eprintln!("{note}");
    }
    if let Some(error) = &ending.error {
        eprintln!("flow failed: {error}");
    }
    let unchanged = session.map(<[u8]>::to_vec);
    match ending.record.as_ref().map(Record::encode).transpose() {
        Ok(changed) => {
            let outbox = outbox::publications(route, message, ending.replies, ending.events);
            Ok((changed.or(unchanged), outbox))
        }
        Err(error) => {
            eprintln!("session record not storable: {error}");
            Ok((unchanged, outbox::apology(route, message)))
        }
    }
}

fn drive(message: &Message, mut turn: Turn<'_>) -> Ending {
    let mut effect = turn.step(Answer::Start);
    loop {
        effect = match effect {
            Effect::Entry { flow } => {
                let entry = records::entry(flow.as_deref());
                turn.step(Answer::Entry(entry.as_ref().map(entry_ref)))
            }
            Effect::Node { flow, index } => turn.step(Answer::Node(records::node(flow, index).as_deref())),
            Effect::Config => turn.step(Answer::Config(&route::config())),
            Effect::Texts { locale, keys } => turn.step(Answer::Texts(route::texts(&locale, &keys))),
            Effect::Invoke { component, operation, content, timeout_ms } => {
                let payload = Payload {
                    message_id: message.delivery_id.clone(),
                    content,
                    sender: message.user.clone(),
                    timestamp: message.timestamp,
                };
                let result = nodes::invoke(&component, &operation, &payload, timeout_ms);
                turn.step(Answer::Invoked(result.map_err(failure)))
            }
            Effect::Http(request) => turn.step(Answer::Http(outgoing::exchange(&request))),
            Effect::Sleep { ms } => {
                monotonic_clock::subscribe_duration(u64::from(ms) * 1_000_000).block();
                turn.step(Answer::Slept)
            }
            Effect::Done(ending) => return ending,
        };
    }
}

fn entry_ref(entry: &FlowEntry) -> EntryRef<'_> {
    EntryRef { flow: entry.flow, name: &entry.name, pack_version: &entry.pack_version, head: &entry.head }
}

fn failure(error: NodeError) -> Failure {
    let (kind, message) = match error {
        NodeError::Failed(message) => (FailureKind::Failed, message),
        NodeError::Stopped(message) => (FailureKind::Stopped, message),
        NodeError::Unknown(message) => (FailureKind::Unknown, message),
    };
    Failure { kind, message }
}

/// One line, whatever the flow wrote: what follows a line break would look like somebody else's line.
fn tell(line: &LogLine) {
    let level = match line.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let message = line.message.escape_debug();
    match &line.fields {
        Value::Null => eprintln!("{level}: flow `{}`, node `{}`: {message}", line.flow, line.node),
        fields => eprintln!("{level}: flow `{}`, node `{}`: {message} {}", line.flow, line.node, fields.to_json()),
    }
}
