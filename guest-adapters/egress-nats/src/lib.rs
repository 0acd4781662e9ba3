//! The egress sidecar: the only component that may open a socket. It keeps one connection to NATS, publishes what
//! the host hands it, and reports each publication's fate.
//!
//! The rule: what was handed over is reported once, or not at all. Whatever goes wrong, `run` returns why; the host
//! then starts a new instance and hands it all that was not reported. So nothing here retries or reconnects, and no
//! report is guessed: ids make a second publication harmless, and nothing would make up for a false `stored`.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

mod link;
mod socket;

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/edge",
        world: "egress-sidecar",
    });

    use super::Sidecar;
    export!(Sidecar);
}

use bindings::exports::greentic::edge::sidecar::Guest;
use bindings::greentic::edge::egress_feed::{
    Completion, CompletionStatus, ConnectionSettings, FeedEvent, connected, connection, exchange,
};
use link::{Link, LinkError};
use socket::SocketError;

/// Publications of one exchange. Enough to spread an exchange's 10 µs thin, few enough that the first of a batch
/// does not wait long for the acknowledgement of the last.
const BATCH: u32 = 256;

/// Longest wait for work. In between, the server's PINGs are answered and a lost connection is noticed.
const WAIT_MS: u32 = 500;

struct Sidecar;

impl Guest for Sidecar {
    fn run() -> Result<(), String> {
        run().map_err(|error| error.to_string())
    }
}

fn run() -> Result<(), LinkError> {
    let settings = connection();
    let mut link = open(&settings)?;
    connected(link.max_payload());
    let mut done = Vec::with_capacity(BATCH as usize);
    loop {
        let event = exchange(&done, BATCH, WAIT_MS);
        done.clear();
        match event {
            FeedEvent::Work(work) => {
                if !link.publish(&work, &mut done)? {
                    return Err(give_up(&link, &settings, done));
                }
            }
            FeedEvent::Idle => link.tend(&mut done)?,
            FeedEvent::Closed => return Ok(()),
        }
    }
}

/// Tries the addresses in the host's order; the error is the last one's.
fn open(settings: &ConnectionSettings) -> Result<Link, LinkError> {
    let mut last = LinkError::Socket(SocketError::NoAddress);
    for address in &settings.addresses {
        match Link::open(address, settings) {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Reports what is known and what was not acknowledged in time, without taking more work: a server that stays
/// silent is left, since a late acknowledgement must not meet a publication that was reported already.
fn give_up(link: &Link, settings: &ConnectionSettings, mut done: Vec<Completion>) -> LinkError {
    done.extend(link.unsettled().map(|ticket| Completion { ticket, status: CompletionStatus::Failed }));
    exchange(&done, 0, 0);
    LinkError::Unacknowledged { milliseconds: settings.ack_timeout_ms }
}
