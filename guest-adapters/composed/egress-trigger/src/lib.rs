//! Sends one published message to the platform, called over HTTP by whoever reads the bus where no worker of ours runs.
//!
//! `POST` with the envelope as it stands on the bus and `Authorization: Bearer <egress_token>`. 200: the platform has it.
//! 503: not yet; the same again after `Retry-After` seconds, with the answer's `Greentic-Done` header, so that what the
//! platform has taken is not sent twice. 422: never. The rule: without a token in the deployment everybody is refused.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

#[path = "../../egress-direct/src/outbound.rs"]
mod outbound;

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/edge", world: "egress-trigger" });
}

use bindings::greentic::edge::deployment;
use bindings::greentic::edge::provider::{self, Receipt, Retry, SendError};
use bindings::greentic::edge::route::{self, Route};
use bindings::greentic::edge::types::TenantCtx;
use greentic_guest_sdk::incoming::{self, Headers, Response};
use greentic_types::Envelope;
use serde_json::json;
use subtle::ConstantTimeEq;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

/// How many of a message's calls earlier tries got through.
const DONE_HEADER: &str = "greentic-done";

/// Seconds until the next try when the platform names none.
const RETRY_AFTER: u64 = 1;

struct Trigger;

wasip2::http::proxy::export!(Trigger);

impl wasip2::exports::http::incoming_handler::Guest for Trigger {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let response = respond(&request).unwrap_or_else(|refusal| refusal);
        incoming::answer(&response, out);
    }
}

/// What costs the least and refuses the most comes first.
fn respond(request: &IncomingRequest) -> Result<Response, Response> {
    let method = incoming::method(request);
    if method == "GET" && incoming::target(request).0 == "/health" {
        return Ok(Response::text(200, "ok\n"));
    }
    if method != "POST" {
        return Err(Response::problem(405, "Method not allowed").with_header("allow", "POST"));
    }
    let headers = incoming::headers(request);
    if !is_authorized(&headers) {
        return Err(Response::problem(401, "Unauthorized").with_header("www-authenticate", "Bearer"));
    }
    let done = done(&headers)?;
    let envelope = outbound::decode(&incoming::body(request)?).map_err(|error| {
        eprintln!("refused what is no envelope: {error}");
        Response::problem(422, "Not an envelope")
    })?;
    if !is_ours(&envelope) {
        eprintln!("refused message {}: it is another tenant's or channel's", envelope.id);
        return Err(Response::problem(422, "Not this route's message"));
    }
    let mut message = outbound::outbound(envelope);
    message.done = done;
    Ok(match provider::send(&message) {
        Ok(receipt) => sent(&receipt),
        Err(SendError::Retry(retry)) => later(&message.id, &retry),
        Err(SendError::Permanent(reason)) => never(&message.id, &reason),
    })
}

/// A token may be shared by all routes of an application, and a message that is posted to the wrong one must not be sent
/// in another tenant's name.
fn is_ours(envelope: &Envelope) -> bool {
    let Route { tenant, channel, .. } = route::current();
    let TenantCtx { env_id, tenant_id, team_id } = tenant;
    let ours = greentic_types::TenantCtx { env_id, tenant_id, team_id };
    envelope.tenant.env_id == ours.env_id
        && envelope.tenant.tenant_id == ours.tenant_id
        && envelope.tenant.team() == ours.team()
        && envelope.channel == channel
}

fn is_authorized(headers: &Headers) -> bool {
    let token = match deployment::get("egress_token") {
        Ok(token) => token.unwrap_or_default(),
        Err(why) => {
            eprintln!("`egress_token` can't be read, so nobody is let in: {why}");
            return false;
        }
    };
    if token.is_empty() {
        eprintln!(
            "`egress_token` is not set, so nobody is let in: set the Spin variable egress_token, or GREENTIC_EGRESS_TOKEN"
        );
        return false;
    }
    let shown = header(headers, "authorization").and_then(|value| value.split_once(' '));
    // In constant time: how much of a guess was right must not show.
    shown.is_some_and(|(scheme, shown)| {
        scheme.eq_ignore_ascii_case("bearer") && bool::from(shown.trim().as_bytes().ct_eq(token.as_bytes()))
    })
}

fn done(headers: &Headers) -> Result<u32, Response> {
    header(headers, DONE_HEADER)
        .map_or(Ok(0), |value| value.parse::<u32>().map_err(|_| Response::problem(400, "Greentic-Done is no number")))
}

/// The first header of this name, when it is text.
fn header<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(value).ok()
}

fn sent(receipt: &Receipt) -> Response {
    let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
    let body = json!({ "message_id": receipt.message_id }).to_string().into_bytes();
    Response { status: 200, headers, body }
}

fn later(id: &str, retry: &Retry) -> Response {
    eprintln!("message {id} is to be sent again: {}", retry.reason);
    let seconds = retry.after_ms.map_or(RETRY_AFTER, |after| after.div_ceil(1_000).max(RETRY_AFTER));
    explained(503, "Try again", &retry.reason).with_header("retry-after", seconds).with_header(DONE_HEADER, retry.done)
}

fn never(id: &str, reason: &str) -> Response {
    eprintln!("message {id} can't be sent: {reason}");
    explained(422, "The platform will not take it", reason)
}

/// Problem JSON with the provider's reason, which carries neither secrets nor message text (`send-error`).
fn explained(status: u16, title: &str, reason: &str) -> Response {
    let problem = json!({ "type": "about:blank", "title": title, "status": status, "detail": reason });
    Response { body: problem.to_string().into_bytes(), ..Response::problem(status, title) }
}
