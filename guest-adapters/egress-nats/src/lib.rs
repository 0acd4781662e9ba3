//! The egress sidecar: the only component that may open a socket. It keeps one connection to NATS, publishes what
//! the host hands it, and reports each publication's fate.
//!
//! The rule: what was handed over is reported once, or not at all. Whatever goes wrong, `run` returns why; the host
//! then starts a new instance and hands it all that was not reported. So nothing here retries or reconnects, and no
//! report is guessed: ids make a second publication harmless, and nothing would make up for a false `stored`.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

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
    Completion, CompletionStatus, ConnectionSettings, FeedEvent, Work, connected, connection, exchange,
};
use greentic_guest_sdk::clock::{Deadline, Instant, SECOND};
use greentic_guest_sdk::nats::{Fates, Link, LinkError};
use greentic_guest_sdk::socket::{Socket, SocketError};
use greentic_nats::{Options, Outcome, Publication};
use std::net::SocketAddr;

/// Publications of one exchange. Enough to spread an exchange's 10 µs thin, few enough that the first of a batch
/// does not wait long for the acknowledgement of the last.
const BATCH: u32 = 256;

/// For connecting and for the handshake, each.
const OPEN_TIMEOUT: Instant = 5 * SECOND;

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
    let mut fates = Vec::with_capacity(BATCH as usize);
    loop {
        let event = exchange(&completions(&mut fates), BATCH, WAIT_MS);
        match event {
            FeedEvent::Work(work) => {
                if !link.publish(work.iter().map(publication), &mut fates)? {
                    return Err(give_up(&link, &settings, fates));
                }
            }
            FeedEvent::Idle => link.tend(&mut fates)?,
            FeedEvent::Closed => return Ok(()),
        }
    }
}

/// Tries the addresses in the host's order; the error is the last one's.
fn open(settings: &ConnectionSettings) -> Result<Link<Socket>, LinkError> {
    let mut last = LinkError::Socket(SocketError::NoAddress);
    for address in &settings.addresses {
        match connect(address, settings) {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect(address: &str, settings: &ConnectionSettings) -> Result<Link<Socket>, LinkError> {
    let address: SocketAddr = address.parse().map_err(|_| SocketError::Address(address.to_owned()))?;
    let options = Options {
        name: settings.name.clone(),
        user: settings.user.clone(),
        password: settings.password.clone(),
        token: settings.token.clone(),
        nkey_seed: settings.nkey_seed.clone(),
        jetstream: settings.jetstream,
        tls: false,
    };
    let socket = Socket::connect(address, &Deadline::after(OPEN_TIMEOUT))?;
    Link::plain(socket, options, settings.ack_timeout_ms, &Deadline::after(OPEN_TIMEOUT))
}

/// Reports what is known and what was not acknowledged in time, without taking more work: a server that stays
/// silent is left, since a late acknowledgement must not meet a publication that was reported already.
fn give_up(link: &Link<Socket>, settings: &ConnectionSettings, mut fates: Fates) -> LinkError {
    fates.extend(link.unsettled().map(|ticket| (ticket, Outcome::Failed)));
    exchange(&completions(&mut fates), 0, 0);
    LinkError::Unacknowledged { milliseconds: settings.ack_timeout_ms }
}

fn publication(work: &Work) -> (u64, Publication<'_>) {
    let Work { ticket, publication } = work;
    let publication = Publication {
        subject: &publication.subject,
        message_id: &publication.id,
        headers: &publication.headers,
        payload: &publication.payload,
    };
    (*ticket, publication)
}

/// What is known, for the host; taken out, because it is reported once.
fn completions(fates: &mut Fates) -> Vec<Completion> {
    let status = |outcome| match outcome {
        Outcome::Stored => CompletionStatus::Stored,
        Outcome::Duplicate => CompletionStatus::Duplicate,
        Outcome::Failed => CompletionStatus::Failed,
        Outcome::Rejected => CompletionStatus::Rejected,
    };
    fates.drain(..).map(|(ticket, outcome)| Completion { ticket, status: status(outcome) }).collect()
}
