//! Drives the step engine: hands it what it asks for and turns its replies into publications.
//!
//! The engine is `greentic-flow`'s and pure; every effect it names is carried out here, by an import.

use crate::bindings::greentic::edge::flow::{self as records, FlowEntry};
use crate::bindings::greentic::edge::nodes::{self, NodeError, Payload};
use crate::bindings::greentic::edge::route::{self, Route};
use crate::bindings::greentic::edge::types::{Message, Publication};
use crate::convert;
use greentic_flow::engine::{Answer, Effect, Ending, EntryRef, Failure, FailureKind, Inputs, Limits, Turn};
use greentic_session::{Record, RecordError};
use greentic_types::{Content, Envelope, Reply, TenantCtx, outgoing_id, subject};

/// What a turn stores: the session's record and the outbox.
pub type Stored = (Option<Vec<u8>>, Vec<Publication>);

/// Runs the flow on one message. A failing flow is not an error here: its user is told, and that is stored like any
/// reply. A record of a newer format is one, because overwriting it would lose a conversation.
pub fn step(route: &Route, message: &Message, session: Option<&[u8]>) -> Result<Stored, RecordError> {
    if !message.starts_turn {
        return Ok((session.map(<[u8]>::to_vec), outbox(route, message, Vec::new())));
    }
    let record = session.map(Record::decode).transpose()?;
    let normalized = convert::message(message);
    let tenant = tenant(route);
    let ending = drive(
        message,
        Turn::new(Inputs {
            message: &normalized,
            tenant: &tenant,
            channel: &route.channel,
            record,
            now_ms: route.received_at,
            error_message: &route.error_message,
            default_locale: &route.default_locale,
            limits: Limits { nodes: route.limits.nodes, outgoing: route.limits.outgoing },
        }),
    );
    for note in &ending.notes {
        eprintln!("{note}");
    }
    if let Some(error) = &ending.error {
        eprintln!("flow failed: {error}");
    }
    let unchanged = session.map(<[u8]>::to_vec);
    match ending.record.as_ref().map(Record::encode).transpose() {
        Ok(changed) => Ok((changed.or(unchanged), outbox(route, message, ending.replies))),
        Err(error) => {
            eprintln!("session record not storable: {error}");
            Ok((unchanged, apology(route, message)))
        }
    }
}

/// The reply of a turn that could not be stored as it was.
pub fn apology(route: &Route, message: &Message) -> Vec<Publication> {
    outbox(route, message, vec![Reply { text: route.error_message.clone(), ..Reply::default() }])
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
            Effect::Invoke { component, operation, content } => {
                let payload = Payload {
                    message_id: message.delivery_id.clone(),
                    content,
                    sender: message.user.clone(),
                    timestamp: message.timestamp,
                };
                turn.step(Answer::Invoked(nodes::invoke(&component, &operation, &payload).map_err(failure)))
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

/// The platform's demanded act first, then the replies in the order they were said.
fn outbox(route: &Route, message: &Message, replies: Vec<Reply>) -> Vec<Publication> {
    let acknowledgement = message.acknowledgement.clone().map(Content::Acknowledgement);
    let contents = acknowledgement.into_iter().chain(replies.into_iter().map(Content::Reply));
    contents.enumerate().filter_map(|(index, content)| publication(route, message, index as u32, content)).collect()
}

fn publication(route: &Route, message: &Message, index: u32, content: Content) -> Option<Publication> {
    let scope = [route.egress_subject.as_str(), &message.conversation, &message.user];
    let envelope = Envelope {
        id: outgoing_id(&scope, &message.delivery_id, index),
        tenant: tenant(route),
        channel: route.channel.clone(),
        conversation: message.conversation.clone(),
        thread: message.thread.clone(),
        user: message.user.clone(),
        reply_context: message.reply_context.clone(),
        delivery_id: message.delivery_id.clone(),
        content,
    };
    // Plain text and numbers: there is nothing in it that JSON could refuse.
    let payload = serde_json::to_vec(&envelope).ok()?;
    Some(Publication {
        id: envelope.id,
        subject: route.egress_subject.clone(),
        headers: vec![(subject::TENANT_HEADER.to_owned(), envelope.tenant.tenant_id)],
        payload,
    })
}

fn tenant(route: &Route) -> TenantCtx {
    TenantCtx {
        env_id: route.tenant.env_id.clone(),
        tenant_id: route.tenant.tenant_id.clone(),
        team_id: route.tenant.team_id.clone(),
    }
}
