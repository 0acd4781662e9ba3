//! Egress of a composed component: one connection to NATS, made when the request first publishes and gone with it.
//!
//! The rule: `accepted` is JetStream's acknowledgement and nothing less. Whatever goes wrong is `retry`, with a line on
//! stderr: the outbox keeps the message, and its id makes a second publication harmless.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/edge", world: "egress-adapter" });
    use super::Egress;
    export!(Egress);
}

use bindings::exports::greentic::edge::egress::{Guest, Publication, Published};
use bindings::greentic::edge::deployment;
use greentic_guest_sdk::address::ServerUrl;
use greentic_guest_sdk::clock::{Deadline, Instant, SECOND};
use greentic_guest_sdk::nats::{Fates, Link};
use greentic_guest_sdk::socket::Socket;
use greentic_guest_sdk::stream::Channel;
use greentic_nats::{Options, Outcome};
use std::cell::RefCell;

/// For name, connection and handshake together: a platform waits for its answer meanwhile.
const OPEN_TIMEOUT: Instant = 2 * SECOND;

/// How long JetStream's acknowledgements may take, as on our host.
const ACK_TIMEOUT_MS: u32 = 1_500;

const DEFAULT_PORT: u16 = 4222;

thread_local! {
    /// Kept between the publications of this instance, which lives for one request.
    static LINK: RefCell<Option<Link<Channel>>> = const { RefCell::new(None) };
}

struct Egress;

impl Guest for Egress {
    fn publish(batch: Vec<Publication>) -> Vec<Published> {
        let mut fates = Fates::new();
        if let Err(why) = publish(&batch, &mut fates) {
            eprintln!("bus unavailable: {why}");
        }
        let mut told = vec![Published::Retry; batch.len()];
        for (ticket, outcome) in fates {
            if let Some(slot) = usize::try_from(ticket).ok().and_then(|index| told.get_mut(index)) {
                if matches!(outcome, Outcome::Failed) {
                    eprintln!("JetStream keeps no copy of a message: is there a stream for its subject?");
                }
                *slot = published(outcome);
            }
        }
        told
    }
}

/// Tickets are places in the batch. A link with whatever is unsettled is dropped: a late acknowledgement must not be
/// taken for one of the next batch's.
fn publish(batch: &[Publication], fates: &mut Fates) -> Result<(), String> {
    let mut link = match LINK.take() {
        Some(link) => link,
        None => open()?,
    };
    let work = (0..).zip(batch).map(|(ticket, publication)| {
        let publication = greentic_nats::Publication {
            subject: &publication.subject,
            message_id: &publication.id,
            headers: &publication.headers,
            payload: &publication.payload,
        };
        (ticket, publication)
    });
    if !link.publish(work, fates).map_err(|error| error.to_string())? {
        return Err(format!("publications were not acknowledged within {ACK_TIMEOUT_MS} ms"));
    }
    LINK.set(Some(link));
    Ok(())
}

fn published(outcome: Outcome) -> Published {
    match outcome {
        Outcome::Stored => Published::Accepted,
        Outcome::Duplicate => Published::Duplicate,
        Outcome::Failed => Published::Retry,
        Outcome::Rejected => Published::Reject,
    }
}

fn open() -> Result<Link<Channel>, String> {
    let url = setting("nats_url")?
        .ok_or("`nats_url` is not set: set the Spin variable nats_url, or GREENTIC_NATS_URL in the environment")?;
    let url = ServerUrl::parse(&url)
        .filter(|url| url.path.is_empty())
        .ok_or("`nats_url` is no nats://[user:password@]host[:port] (tls:// for TLS)")?;
    let tls = match url.scheme.as_str() {
        "nats" => false,
        "tls" => true,
        other => return Err(format!("`nats_url` begins with nats:// or tls://, not with {other}://")),
    };
    let options = Options { name: "greentic-edge egress".to_owned(), jetstream: true, tls, ..credentials(&url)? };
    let authorities = setting("nats_ca")?;
    let deadline = Deadline::after(OPEN_TIMEOUT);
    let socket = Socket::connect_to(&url.host, url.port.unwrap_or(DEFAULT_PORT), &deadline)
        .map_err(|error| error.to_string())?;
    Link::open(socket, options, &url.host, authorities.as_deref(), ACK_TIMEOUT_MS, &deadline)
        .map_err(|error| error.to_string())
}

/// From `nats_credentials` (`user:password`, an nkey seed `SU…`, or a token), else from the URL.
fn credentials(url: &ServerUrl) -> Result<Options, String> {
    let mut options = Options::default();
    match setting("nats_credentials")? {
        Some(given) => match given.split_once(':') {
            Some((user, password)) => {
                options.user = Some(user.to_owned());
                options.password = Some(password.to_owned());
            }
            None if given.starts_with("SU") => options.nkey_seed = Some(given),
            None => options.token = Some(given),
        },
        None if url.password.is_some() => {
            options.user = url.user.clone();
            options.password = url.password.clone();
        }
        None => options.token = url.user.clone(),
    }
    Ok(options)
}

/// Set to nothing is not set.
fn setting(name: &str) -> Result<Option<String>, String> {
    Ok(deployment::get(name)?.filter(|value| !value.is_empty()))
}
