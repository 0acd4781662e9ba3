//! ONE REQUEST, from the head on the wire to the answer. Read this file first.
//!
//! `handle` owns the id, the span and the turning of errors into answers; `webhook` is the life of a bundle's request and
//! `program` that of a request to a program served as it is, each with `?`. Everything that can be done once was done at
//! load (`load/`); what is left is: find the route, read the body, wait for a place, make an instance, call it, drop it.

use crate::bindings::greentic::edge::types;
use crate::components::Gateway;
use crate::host::{Host, ServedProgram, Serving, Webhooks};
use crate::imports::nodes::cause;
use crate::incoming_http;
use crate::respond::{Body, RequestError, from_guest, full};
use crate::route::Route;
use crate::sandbox::{Rights, Sandbox};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;

/// Answers one request. Never fails: whatever goes wrong becomes an answer with the request's id.
pub async fn handle(host: Arc<Host>, request: Request<Incoming>) -> Response<Body> {
    let id = host.next_request_id();
    let span = tracing::info_span!("request", request_id = id, method = %request.method());
    let answer = async {
        match &host.serving {
            Serving::Webhooks(webhooks) => webhook(&host, webhooks, request).await,
            Serving::Program(served) => program(&host, served, request).await,
        }
    };
    let mut response = match answer.instrument(span).await {
        Ok(response) => response,
        Err(error) => error.respond(&id),
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        // A program's own id is its answer's, not ours to change.
        response.headers_mut().entry("x-request-id").or_insert(id);
    }
    response
}

/// The life of a bundle's request. The order is policy: what costs the least and refuses the most comes first.
async fn webhook(
    host: &Arc<Host>,
    webhooks: &Arc<Webhooks>,
    request: Request<Incoming>,
) -> Result<Response<Body>, RequestError> {
    // The host's own two pages answer even while everything else is refused: probes must tell "busy" from "gone".
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => return Ok(Response::new(full("ok\n"))),
        (&Method::GET, "/ready") => return Ok(ready(host, webhooks).await),
        _ => {}
    }
    if host.is_draining() {
        return Err(RequestError::ShuttingDown);
    }

    // Route before body: nothing is read for a name that leads nowhere.
    let (route, suffix) = webhooks.routes.find(request.uri().path()).ok_or(RequestError::NotFound)?;
    let (route, suffix) = (Arc::clone(route), suffix.to_owned());

    // Body before a place: a slow client must not hold an instance's place while it types.
    let (head, body) = request.into_parts();
    let body = read(body, &head, host.max_body_bytes).await?;

    let place = admit(host, Some(&route.share)).await?;

    // A task of its own: a platform that hangs up must not end a turn that has begun, half-way through its effects.
    // The tracker makes shutdown wait for it.
    let turn = run(Arc::clone(host), Arc::clone(webhooks), route, Delivery { suffix, head, body }, place);
    let turn = host.tasks.spawn(turn.in_current_span());
    turn.await.unwrap_or_else(|error| Err(RequestError::Guest { detail: error.to_string() }))
}

/// The life of a request to a program: every path is the program's, and bodies stream both ways.
async fn program(
    host: &Host,
    served: &ServedProgram,
    request: Request<Incoming>,
) -> Result<Response<Body>, RequestError> {
    if host.is_draining() {
        return Err(RequestError::ShuttingDown);
    }
    let limit = host.max_body_bytes;
    if announced(request.headers()).is_some_and(|length| length > limit as u64) {
        return Err(RequestError::BodyTooLarge { limit });
    }
    // A place before the body: a program may answer while its client still sends. The deadline covers the body, too.
    let place = admit(host, None).await?;
    let store = Sandbox::store(&host.engine, &served.guest, Rights::Program(Arc::clone(&served.program)));
    let request = request.map(|body| incoming_http::bounded(body, limit));
    incoming_http::call(&host.tasks, &served.pre, store, served.guest.wall, request, place).await
}

/// The whole body, or 413 before it is read whole.
async fn read(body: Incoming, head: &http::request::Parts, limit: usize) -> Result<bytes::Bytes, RequestError> {
    if announced(&head.headers).is_some_and(|length| length > limit as u64) {
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

fn announced(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// A platform sends its few KiB at once; a client that trickles is holding a connection, not sending a webhook.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request holds while its instance lives.
pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
}

/// A place among the instances, after a bounded wait. The pool is sized for these places, so it can't run out.
async fn admit(host: &Host, share: Option<&Arc<Semaphore>>) -> Result<Place, RequestError> {
    let place = async {
        // The route's share first: a tenant whose requests hang waits for itself, with no place in hand.
        let share = match share {
            Some(share) => Some(Arc::clone(share).acquire_owned().await?),
            None => None,
        };
        Ok::<_, AcquireError>(Place { _place: Arc::clone(&host.places).acquire_owned().await?, _share: share })
    };
    match tokio::time::timeout(host.admission_wait, place).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) => Err(RequestError::ShuttingDown),
        Err(_) => Err(RequestError::Busy),
    }
}

/// One request of a platform, read whole.
struct Delivery {
    /// What stands in the path behind the route's name.
    suffix: String,
    head: http::request::Parts,
    body: bytes::Bytes,
}

/// One fresh instance, from its making to its end, within the deadline. Dropping the call's future at the deadline
/// ends the guest wherever it is: in a loop (it yields at each epoch tick) or in a host call.
async fn run(
    host: Arc<Host>,
    webhooks: Arc<Webhooks>,
    route: Arc<Route>,
    Delivery { suffix, head, body }: Delivery,
    place: Place,
) -> Result<Response<Body>, RequestError> {
    let services = Arc::clone(&webhooks.services);
    let limits = &webhooks.services.guest;
    let deadline = Instant::now() + limits.wall;
    let rights = Rights::Edge { route, services, received_at: unix_millis(), deadline, lease: None };
    let mut store = Sandbox::store(&host.engine, limits, rights);
    match &webhooks.gateway {
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
        Gateway::Http(pre) => {
            let request = Request::from_parts(head, full(body));
            incoming_http::call(&host.tasks, pre, store, limits.wall, request, place).await
        }
    }
}

/// How a call ended, its deadline included.
pub(crate) fn outcome<T>(
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
async fn ready(host: &Host, webhooks: &Webhooks) -> Response<Body> {
    let store = webhooks.services.store.ping().await.is_ok();
    let bus = webhooks.services.outlet.is_up();
    let packs = !webhooks.routes.all().is_empty();
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
