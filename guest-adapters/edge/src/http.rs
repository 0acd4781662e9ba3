//! `wasi:http/incoming-handler`: the same webhook for hosts that call nothing else. A shim; decides nothing.

use crate::bindings::greentic::edge::types::{Request, Response};
use crate::{convert, turn};
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

struct Shim;

wasip2::http::proxy::export!(Shim);

/// Hosts that give the body as a stream may not bound it. The same 1 MiB that our host defaults to.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Bytes of one read and of one write; `wasi:io` lets a blocking write take no more than 4,096.
const CHUNK: u64 = 64 * 1024;
const WRITE_CHUNK: usize = 4_096;

/// What the path begins with before provider, tenant and team.
const PREFIX: &str = "/webhook/";

impl wasip2::exports::http::incoming_handler::Guest for Shim {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let response = match read(&request) {
            Ok(request) => turn::handle(&request),
            Err(status) => Response { status, headers: Vec::new(), body: convert::problem(status, "Refused") },
        };
        answer(response, out);
    }
}

/// The request whole, or the status that refuses it.
fn read(request: &IncomingRequest) -> Result<Request, u16> {
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target.as_str(), None),
    };
    let body = request.consume().map_err(|()| 400_u16)?;
    Ok(Request {
        method: method(&request.method()),
        path: suffix(path).to_owned(),
        query,
        headers: request.headers().entries(),
        body: whole(&body)?,
    })
}

/// What follows provider, tenant and team.
fn suffix(path: &str) -> &str {
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    rest.match_indices('/').nth(2).and_then(|(at, _)| rest.get(at..)).unwrap_or_default()
}

fn whole(body: &IncomingBody) -> Result<Vec<u8>, u16> {
    let stream = body.stream().map_err(|()| 400_u16)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(400),
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err(413);
        }
    }
}

fn method(method: &Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    };
    name.to_owned()
}

/// Gives the answer to the host. A header that the host refuses is left out; the status always goes.
fn answer(response: Response, out: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in &response.headers {
        if headers.append(name, value).is_err() {
            eprintln!("the host refuses header {name}");
        }
    }
    let outgoing = OutgoingResponse::new(headers);
    if outgoing.set_status_code(response.status).is_err() {
        eprintln!("the host refuses status {}", response.status);
    }
    let Ok(body) = outgoing.body() else { return };
    ResponseOutparam::set(out, Ok(outgoing));
    // The head is out: an error from here on ends the body early, which the caller sees by its length.
    if let Ok(stream) = body.write() {
        for chunk in response.body.chunks(WRITE_CHUNK) {
            if stream.blocking_write_and_flush(chunk).is_err() {
                return;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}
