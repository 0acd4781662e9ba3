//! `wasi:http/incoming-handler`: the same webhook for hosts that call nothing else.
//!
//! Such a host may route nothing, or route loosely: so the path must be the one of this instance's route. Beyond that
//! nothing is decided here.

use crate::bindings::greentic::edge::provider;
use crate::bindings::greentic::edge::route::{self, Route};
use crate::bindings::greentic::edge::types::{self, Request};
use crate::turn;
use greentic_guest_sdk::incoming::{self, Response};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Shim;

wasip2::http::proxy::export!(Shim);

/// What the path begins with before channel, tenant and team.
const PREFIX: &str = "/webhook/";

impl wasip2::exports::http::incoming_handler::Guest for Shim {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let response = respond(&request).unwrap_or_else(|refusal| refusal);
        incoming::answer(&response, out);
    }
}

fn respond(request: &IncomingRequest) -> Result<Response, Response> {
    let method = incoming::method(request);
    let (path, query) = incoming::target(request);
    if method == "GET" && path == "/health" {
        return Ok(Response::text(200, "ok\n"));
    }
    // One answer whatever part of the name is unknown, so that tenants can't be probed.
    let suffix = suffix(&path, &route::current()).ok_or_else(|| Response::problem(404, "Not found"))?;
    let path = suffix.to_owned();
    let (headers, body) = (incoming::headers(request), incoming::body(request)?);
    let types::Response { status, headers, body } = turn::handle(&Request { method, path, query, headers, body });
    Ok(Response { status, headers, body })
}

/// What follows channel, tenant and team, when they are the route's.
fn suffix<'p>(path: &'p str, route: &Route) -> Option<&'p str> {
    let rest = path.strip_prefix(PREFIX)?;
    let (channel, rest) = rest.split_once('/')?;
    let team = route.tenant.team_id.as_deref().unwrap_or("default");
    let suffix = rest.strip_prefix(route.tenant.tenant_id.as_str())?.strip_prefix('/')?.strip_prefix(team)?;
    let whole = suffix.is_empty() || suffix.starts_with('/');
    // A team's only channel of its provider goes by the provider's name on our host, whatever its id.
    let known = channel == route.channel || channel == provider::describe().name;
    (whole && known).then_some(suffix)
}
