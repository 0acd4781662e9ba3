//! `wasi:http/incoming-handler` seen from inside: a request read whole, an answer written whole. Decides nothing.

use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::StreamError;

/// Hosts that give the body as a stream may not bound it. The same 1 MiB that our host defaults to.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Bytes of one read and of one write; `wasi:io` lets a blocking write take no more than 4,096.
const CHUNK: u64 = 64 * 1024;
const WRITE_CHUNK: usize = 4_096;

pub type Headers = Vec<(String, Vec<u8>)>;

pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(status: u16, text: &str) -> Response {
        let headers = vec![("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec())];
        Response { status, headers, body: text.into() }
    }

    /// RFC 9457 problem JSON. The title must need no escaping.
    pub fn problem(status: u16, title: &str) -> Response {
        let headers = vec![("content-type".to_owned(), b"application/problem+json".to_vec())];
        let body = format!(r#"{{"type":"about:blank","title":"{title}","status":{status}}}"#);
        Response { status, headers, body: body.into_bytes() }
    }

    pub fn with_header(mut self, name: &str, value: impl ToString) -> Response {
        self.headers.push((name.to_owned(), value.to_string().into_bytes()));
        self
    }
}

/// Path and query.
pub fn target(request: &IncomingRequest) -> (String, Option<String>) {
    let target = request.path_with_query().unwrap_or_default();
    match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    }
}

pub fn method(request: &IncomingRequest) -> String {
    let method = request.method();
    let name = match &method {
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

pub fn headers(request: &IncomingRequest) -> Headers {
    request.headers().entries()
}

/// The body whole, or the answer that refuses it. To be called once.
pub fn body(request: &IncomingRequest) -> Result<Vec<u8>, Response> {
    let unreadable = || Response::problem(400, "Body unreadable");
    let body = request.consume().map_err(|()| unreadable())?;
    let stream = body.stream().map_err(|()| unreadable())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            // Locals are dropped in reverse: the stream before its body, as `wasi:http` wants it.
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(unreadable()),
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Response::problem(413, "Body too large"));
        }
    }
}

/// Gives the answer to the host. A header that the host refuses is left out; the status always goes.
pub fn answer(response: &Response, out: ResponseOutparam) {
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
