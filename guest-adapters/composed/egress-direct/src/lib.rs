//! Egress of a composed component that has no bus: what is published is sent to the platform within the request.
//!
//! The rule: in order, and nothing after what could not be sent yet. A message that the platform doesn't take for some
//! seconds stays in the outbox; the conversation's next turn, or a relay, sends it again, from its first call on.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

mod outbound;

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/edge", world: "egress-direct-adapter" });
    use super::Direct;
    export!(Direct);
}

use bindings::exports::greentic::edge::egress::{Guest, Publication, Published};
use bindings::greentic::edge::provider::{self, SendError};
use bindings::greentic::edge::types::Outbound;
use greentic_guest_sdk::clock::{Instant, MILLISECOND, SECOND, now, sleep};

/// How long one batch is tried. The platform that sent the webhook waits meanwhile.
const PATIENCE: Instant = 10 * SECOND;

/// Shortest pause before the next try, whatever the platform says; doubled with each.
const FIRST_BACK_OFF: Instant = 500 * MILLISECOND;

struct Direct;

impl Guest for Direct {
    fn publish(batch: Vec<Publication>) -> Vec<Published> {
        let until = now() + PATIENCE;
        let mut in_order = true;
        let tell = |publication: Publication| {
            let told = if in_order { deliver(&publication, until) } else { Published::Retry };
            in_order &= !matches!(told, Published::Retry);
            told
        };
        batch.into_iter().map(tell).collect()
    }
}

fn deliver(publication: &Publication, until: Instant) -> Published {
    match outbound::decode(&publication.payload) {
        Ok(envelope) => send(outbound::outbound(envelope), until),
        Err(error) => {
            eprintln!("message {} is no envelope: {error}", publication.id);
            Published::Reject
        }
    }
}

fn send(mut outbound: Outbound, until: Instant) -> Published {
    let mut back_off = FIRST_BACK_OFF;
    loop {
        let retry = match provider::send(&outbound) {
            Ok(_) => return Published::Accepted,
            Err(SendError::Permanent(reason)) => {
                eprintln!("message {} can't be sent: {reason}", outbound.id);
                return Published::Reject;
            }
            Err(SendError::Retry(retry)) => retry,
        };
        // What the platform has taken is not sent again.
        outbound.done = retry.done;
        let delay = retry.after_ms.unwrap_or_default().saturating_mul(MILLISECOND).max(back_off);
        if now().saturating_add(delay) > until {
            eprintln!("message {} stays in the outbox: {}", outbound.id, retry.reason);
            return Published::Retry;
        }
        sleep(delay);
        back_off = back_off.saturating_mul(2);
    }
}
