//! The turn: route, provider, begin, step, commit, publish, settle, answer. The order is the product's promise:
//!
//! * a delivery counts as seen only together with its effects (`commit` stores both or neither);
//! * nothing is published before it is stored, and what an earlier turn left unsent goes out first;
//! * the platform hears 2xx only after `commit`. Whatever fails before that is 503, and the platform sends again.

use crate::bindings::greentic::edge::egress::{self, Published};
use crate::bindings::greentic::edge::provider;
use crate::bindings::greentic::edge::route::{self, Route};
use crate::bindings::greentic::edge::session_store::{self as store, Begun, SessionKey, StoreError};
use crate::bindings::greentic::edge::types::{Message, Publication, Request, Response};
use crate::{convert, flow, outbox};

/// Why a message could not be taken: the platform is to send it again.
struct Later;

/// One webhook. Messages of one request are independent turns; the first that must come again makes the platform send
/// all of them again, and those that were done are then duplicates.
pub fn handle(request: &Request) -> Response {
    let received = provider::webhook(request);
    if received.messages.is_empty() {
        return received.response;
    }
    let route = route::current();
    for message in &received.messages {
        if (message.starts_turn || message.acknowledgement.is_some()) && turn(&route, message).is_err() {
            return later();
        }
    }
    received.response
}

fn turn(route: &Route, message: &Message) -> Result<(), Later> {
    let key = SessionKey { conversation: message.conversation.clone(), user: message.user.clone() };
    let (turn, is_new) = match store::begin(&key, &message.delivery_id) {
        Ok(Begun::New(turn)) => (turn, true),
        Ok(Begun::Duplicate(turn)) => (turn, false),
        Ok(Begun::Busy) | Err(_) => return Err(Later),
    };
    // Replies of an earlier turn that nobody has sent: before ours, or the conversation would read backwards.
    let (mut settled, in_order) = publish(turn.unsent);
    if is_new {
        let (session, outbox) = match flow::step(route, message, turn.session.as_deref()) {
            Ok(stored) => stored,
            Err(error) => {
                eprintln!("session record not readable: {error}");
                // Back at once: not every host takes a lease from an instance that ends.
                let _ = store::settle(turn.version, &settled);
                return Err(Later);
            }
        };
        let outbox = commit(route, message, turn.version, turn.session, session, outbox)?;
        if in_order {
            settled.extend(publish(outbox).0);
        }
    }
    // Only a lease can be settled; version 0 is a duplicate that another turn is looking after.
    if turn.version > 0 {
        // Failing here costs a second publication at most, and the bus drops that by its id.
        let _ = store::settle(turn.version, &settled);
    }
    Ok(())
}

/// Stores the turn. A record that the store refuses (too large) must not eat the conversation: the user is told, and the
/// session stays as it was. Gives back what was stored to be published.
fn commit(
    route: &Route,
    message: &Message,
    version: u64,
    before: Option<Vec<u8>>,
    session: Option<Vec<u8>>,
    outbox: Vec<Publication>,
) -> Result<Vec<Publication>, Later> {
    let ttl = route.session_ttl_seconds;
    match store::commit(version, session.as_deref(), ttl, &outbox, &message.delivery_id) {
        Ok(()) => Ok(outbox),
        Err(StoreError::Refused(reason)) => {
            eprintln!("turn refused by the session store: {reason}");
            let apology = outbox::apology(route, message);
            store::commit(version, before.as_deref(), ttl, &apology, &message.delivery_id).map_err(|_| Later)?;
            Ok(apology)
        }
        // Fenced: another host has the conversation. Unavailable: perhaps stored. Either way the platform sends again,
        // and whatever was stored makes that a duplicate.
        Err(StoreError::Fenced | StoreError::Unavailable) => Err(Later),
    }
}

/// Publishes in order. Gives the ids that are settled, and whether all of them are: what follows one that must be tried
/// again may not be published before it.
fn publish(batch: Vec<Publication>) -> (Vec<String>, bool) {
    if batch.is_empty() {
        return (Vec::new(), true);
    }
    let told = egress::publish(&batch);
    let all = batch.len();
    let settled: Vec<String> = batch
        .into_iter()
        .zip(told)
        .take_while(|(_, published)| !matches!(published, Published::Retry))
        .map(|(publication, published)| {
            if matches!(published, Published::Reject) {
                eprintln!("the bus refuses message {} for good", publication.id);
            }
            publication.id
        })
        .collect();
    let in_order = settled.len() == all;
    (settled, in_order)
}

fn later() -> Response {
    let headers = vec![
        ("content-type".to_owned(), b"application/problem+json".to_vec()),
        ("retry-after".to_owned(), b"1".to_vec()),
    ];
    let body = convert::problem(503, "Try again");
    Response { status: 503, headers, body }
}
