//! ONE REQUEST, from the head on the wire to the answer. Read this file first.
//!
//! `handle` owns the id, the span and the turning of errors into answers; `answer` is the request's life with `?`.
//! Everything that can be done once was done at load (`load.rs`); what is left is: find the route, read the body,
//! wait for a place, make an instance, call it, drop it.

use crate::bindings::greentic::edge::types;
use crate::components::Gateway;
use crate::host::Host;
use crate::imports::nodes::cause;
use crate::respond::{Body, RequestError, from_guest, full};
use crate::route::Route;
use crate::sandbox::{Rights, Sandbox};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::Instant;
use tracing::Instrument;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// Answers one request. Never fails: whatever goes wrong becomes an answer with the request's id.
pub async fn handle(host: Arc<Host>, request: Request<Incoming>) -> Response<Body> {
    let id = host.next_request_id();
    let span = tracing::info_span!("webhook", request_id = id, method = %request.method());
    let mut response = match answer(&host, request).instrument(span).await {
        Ok(response) => response,
        Err(error) => error.respond(&id),
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// The request's life. The order is policy: what costs the least and refuses the most comes first.
async fn answer(host: &Arc<Host>, request: Request<Incoming>) -> Result<Response<Body>, RequestError> {
    // The host's own two pages answer even while everything else is refused: probes must tell "busy" from "gone".
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => return Ok(Response::new(full("ok\n"))),
        (&Method::GET, "/ready") => return Ok(ready(host).await),
        _ => {}
    }
    if host.is_draining() {
        return Err(RequestError::ShuttingDown);
    }

    // Route before body: nothing is read for a name that leads nowhere.
    let (route, suffix) = host.routes.find(request.uri().path()).ok_or(RequestError::NotFound)?;
    let (route, suffix) = (Arc::clone(route), suffix.to_owned());

    // Body before a place: a slow client must not hold an instance's place while it types.
    let (head, body) = request.into_parts();
    let body = read(body, &head, host.max_body_bytes).await?;

    let place = admit(host, &route).await?;

    // A task of its own: a platform that hangs up must not end a turn that has begun, half-way through its effects.
    // The tracker makes shutdown wait for it.
    let host = Arc::clone(host);
    let tasks = host.tasks.clone();
    let turn = tasks.spawn(run(host, route, suffix, head, body, place).in_current_span());
    turn.await.unwrap_or_else(|error| Err(RequestError::Guest { detail: error.to_string() }))
}

/// The whole body, or 413 before it is read whole.
async fn read(body: Incoming, head: &http::request::Parts, limit: usize) -> Result<bytes::Bytes, RequestError> {
    let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(RequestError::BodyTooLarge { limit });
    }
    #[expect(clippy::disallowed_methods, reason = "this is the bounded read that the rule asks for")]
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(RequestError::BodyTooLarge { limit }),
        Ok(Err(error)) => Err(RequestError::BodyUnreadable { detail: error.to_string() }),
        Err(_) => Err(RequestError::BodyUnreadable { detail: "took too long".into() }),
    }
}

/// A platform sends its few KiB at once; a client that trickles is holding a connection, not sending a webhook.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request holds while its instance lives.
struct Place {
    _place: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

/// A place among the instances, after a bounded wait. The pool is sized for these places, so it can't run out.
async fn admit(host: &Host, route: &Route) -> Result<Place, RequestError> {
    let place = async {
        // The route's share first: a tenant whose requests hang waits for itself, with no place in hand.
        let share = Arc::clone(&route.share).acquire_owned().await?;
        Ok::<_, AcquireError>(Place { _place: Arc::clone(&host.places).acquire_owned().await?, _share: share })
    };
    match tokio::time::timeout(host.admission_wait, place).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) => Err(RequestError::ShuttingDown),
        Err(_) => Err(RequestError::Busy),
    }
}

/// One fresh instance, from its making to its end, within the deadline. Dropping the call's future at the deadline
/// ends the guest wherever it is: in a loop (it yields at each epoch tick) or in a host call.
async fn run(
    host: Arc<Host>,
    route: Arc<Route>,
    suffix: String,
    head: http::request::Parts,
    body: bytes::Bytes,
    place: Place,
) -> Result<Response<Body>, RequestError> {
    let limits = &host.services.guest;
    let deadline = Instant::now() + limits.wall;
    let rights =
        Rights::Edge { route, services: Arc::clone(&host.services), received_at: unix_millis(), deadline, lease: None };
    let mut store = Sandbox::store(&host.engine, limits, rights);
    match &host.gateway {
        Gateway::Webhook(pre, exports) => {
            let request = record(&head, suffix, body);
            let called = async {
                let instance = pre.instantiate_async(&mut store).await?;
                exports.load(&mut store, &instance)?.call_handle(&mut store, &request).await
            };
            let called = tokio::time::timeout(limits.wall, called).await;
            let types::Response { status, headers, body } = outcome(called, limits.wall, &store)?;
            drop((store, place));
            from_guest(status, headers, body)
        }
        Gateway::Http(pre) => run_http(&host, pre, store, head, body, place).await,
    }
}

/// The same by `wasi:http`. The answer's head may come before the guest is done, so the guest goes on in a task of
/// its own; an error after the head can only be logged.
async fn run_http(
    host: &Arc<Host>,
    pre: &ProxyPre<Sandbox>,
    mut store: wasmtime::Store<Sandbox>,
    head: http::request::Parts,
    body: bytes::Bytes,
    place: Place,
) -> Result<Response<Body>, RequestError> {
    let guest_error = |error: wasmtime::Error| RequestError::Guest { detail: format!("{error:#}") };
    let (answered, answer) = tokio::sync::oneshot::channel();
    let request = Request::from_parts(head, full(body));
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request).map_err(guest_error)?;
    let out = store.data_mut().http().new_response_outparam(answered).map_err(guest_error)?;
    let (pre, limit) = (pre.clone(), host.services.guest.wall);
    let guest = host.tasks.spawn(async move {
        let called = async {
            let proxy = pre.instantiate_async(&mut store).await?;
            proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
        };
        let called = tokio::time::timeout(limit, called).await;
        let ended = outcome(called, limit, &store);
        if let Err(error) = &ended {
            tracing::warn!(%error, "guest ended badly");
        }
        drop((store, place));
        ended
    });
    match answer.await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(code)) => Err(RequestError::BadAnswer { detail: format!("{code:?}") }),
        // The guest went without an answer; its task knows why.
        Err(_) => match guest.await {
            Ok(Err(error)) => Err(error),
            _ => Err(RequestError::BadAnswer { detail: "the component gave no answer".into() }),
        },
    }
}

fn outcome<T>(
    called: Result<wasmtime::Result<T>, tokio::time::error::Elapsed>,
    limit: Duration,
    store: &wasmtime::Store<Sandbox>,
) -> Result<T, RequestError> {
    match called {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(RequestError::Guest { detail: cause(&error, store.data().memory.refused) }),
        Err(_) => Err(RequestError::Deadline { limit_ms: limit.as_millis() }),
    }
}

/// The request as the guest gets it. Body and header values pass through untouched: signatures cover them.
fn record(head: &http::request::Parts, suffix: String, body: bytes::Bytes) -> types::Request {
    types::Request {
        method: head.method.as_str().to_owned(),
        path: suffix,
        query: head.uri.query().map(str::to_owned),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.into(),
    }
}

/// Readiness: each thing that a webhook needs, by name; and what of the pool is in use, which is nothing while idle.
async fn ready(host: &Host) -> Response<Body> {
    let store = host.services.store.ping().await.is_ok();
    let bus = host.services.outlet.is_up();
    let packs = !host.routes.all().is_empty();
    let all = store && bus && packs && !host.is_draining();
    let word = |up: bool| if up { "up" } else { "down" };
    let (instances, memories, tables, stacks) = host
        .engine
        .pooling_allocator_metrics()
        .map_or((0, 0, 0, 0), |pool| (pool.component_instances(), pool.memories(), pool.tables(), pool.stacks()));
    let mut response = Response::new(full(format!(
        r#"{{"ready":{all},"packs":"{}","session_store":"{}","bus":"{}","pool":{{"instances":{instances},"memories":{memories},"tables":{tables},"stacks":{stacks}}}}}"#,
        word(packs),
        word(store),
        word(bus)
    )));
    if !all {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The turn's one reading of the clock. Before 1970 there are no webhooks.
fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
