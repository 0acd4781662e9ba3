//! What a turn said, as publications: its replies to the channel, its events to the rest of the world. Both are stored
//! with the turn, so that either all of it goes out or none.

use crate::bindings::greentic::edge::route::Route;
use crate::bindings::greentic::edge::types::{Message, Publication};
use greentic_flow::engine::Event;
use greentic_types::{Content, Envelope, Reply, TenantCtx, outgoing_id, subject};

/// The reply of a turn that could not be stored as it was.
pub fn apology(route: &Route, message: &Message) -> Vec<Publication> {
    let apology = Reply { text: route.error_message.clone(), ..Reply::default() };
    publications(route, message, vec![apology], Vec::new())
}

/// The platform's demanded act first, then the replies in the order they were said, then the events. Their numbers
/// don't meet: an id is made of the place in the outbox.
pub fn publications(route: &Route, message: &Message, replies: Vec<Reply>, events: Vec<Event>) -> Vec<Publication> {
    let acknowledgement = message.acknowledgement.clone().map(Content::Acknowledgement);
    let contents = acknowledgement.into_iter().chain(replies.into_iter().map(Content::Reply));
    let mut all: Vec<Publication> =
        (0..).zip(contents).filter_map(|(index, content)| said(route, message, index, content)).collect();
    let events = (all.len() as u32..).zip(events).filter_map(|(index, event)| told(route, message, index, &event));
    all.extend(events);
    all
}

fn said(route: &Route, message: &Message, index: u32, content: Content) -> Option<Publication> {
    let envelope = Envelope {
        id: id(route, message, index),
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
    Some(Publication { id: envelope.id, subject: route.egress_subject.clone(), headers: headers(route), payload })
}

/// The members of `greentic:events`' `event`, with whom it concerns.
fn told(route: &Route, message: &Message, index: u32, event: &Event) -> Option<Publication> {
    let id = id(route, message, index);
    let payload = serde_json::json!({
        "id": id,
        "event_type": event.event_type,
        "source": route.channel,
        "timestamp": route.received_at,
        "tenant": tenant(route),
        "conversation": message.conversation,
        "user": message.user,
        "payload": event.payload,
    });
    let payload = serde_json::to_vec(&payload).ok()?;
    let subject = format!("{}.{}", route.events_subject, event.event_type);
    Some(Publication { id, subject, headers: headers(route), payload })
}

fn id(route: &Route, message: &Message, index: u32) -> String {
    let scope = [route.egress_subject.as_str(), &message.conversation, &message.user];
    outgoing_id(&scope, &message.delivery_id, index)
}

fn headers(route: &Route) -> Vec<(String, String)> {
    vec![(subject::TENANT_HEADER.to_owned(), route.tenant.tenant_id.clone())]
}

pub fn tenant(route: &Route) -> TenantCtx {
    TenantCtx {
        env_id: route.tenant.env_id.clone(),
        tenant_id: route.tenant.tenant_id.clone(),
        team_id: route.tenant.team_id.clone(),
    }
}
