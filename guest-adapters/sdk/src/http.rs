//! One outgoing HTTP call, start to end, over `wasi:http`. The host decides what may be reached.
//!
//! Bounded in time (the whole call, by one deadline) and in size. Errors never show the URL, which may hold a token.

use std::time::Duration;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::poll::{self, Pollable};
use wasip2::io::streams::StreamError;

/// Largest response body. APIs answer with a few KiB; a guest's memory must not be filled by whoever answers.
pub const RESPONSE_LIMIT: usize = 1024 * 1024;
/// Bytes asked for in one read: enough for nearly every answer in one go.
const READ_SIZE: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the address to call is not an http or https URL")]
    Url,
    #[error("the request can't be sent as it is: {0}")]
    Request(&'static str),
    /// The host's policy, or a request no server would take.
    #[error("the host refused the call: {0}")]
    Refused(String),
    #[error("no complete answer within the time limit")]
    Timeout,
    #[error("the call failed: {0}")]
    Failed(String),
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
}

impl HttpError {
    /// Whether the same call would fail in the same way again.
    pub fn is_permanent(&self) -> bool {
        match self {
            HttpError::Url | HttpError::Request(_) | HttpError::Refused(_) | HttpError::TooLarge => true,
            HttpError::Timeout | HttpError::Failed(_) => false,
        }
    }
}

pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header of this name in any case, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// Sends one request and reads the whole answer within `timeout`. A timeout says nothing about whether the server
/// acted on the request.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(String, Vec<u8>)],
    body: &[u8],
    timeout: Duration,
) -> Result<HttpResponse, HttpError> {
    let deadline = Deadline::after(timeout);
    let request = request(method, url, headers, body.len())?;
    let outgoing = request.body().map_err(|()| HttpError::Request("its body was taken before"))?;
    // First the head, then the body: a body is only read by a request that is under way.
    let future = outgoing_handler::handle(request, None).map_err(failure)?;
    write(outgoing, body, &deadline)?;
    read(wait(&future, &deadline)?, &deadline)
}

fn request(
    method: &str,
    url: &str,
    headers: &[(String, Vec<u8>)],
    body_length: usize,
) -> Result<OutgoingRequest, HttpError> {
    let (scheme, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (Scheme::Https, rest),
        (None, Some(rest)) => (Scheme::Http, rest),
        (None, None) => return Err(HttpError::Url),
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(authority_end).ok_or(HttpError::Url)?;
    if authority.is_empty() || authority.contains('@') || !(path.is_empty() || path.starts_with('/')) {
        return Err(HttpError::Url);
    }
    let mut fields = headers.to_vec();
    fields.push(("content-length".to_owned(), body_length.to_string().into_bytes()));
    let fields = Fields::from_list(&fields).map_err(|_| HttpError::Request("a header is not allowed"))?;
    let request = OutgoingRequest::new(fields);
    request.set_method(&method_of(method)).map_err(|()| HttpError::Request("the method is not allowed"))?;
    request.set_scheme(Some(&scheme)).map_err(|()| HttpError::Url)?;
    request.set_authority(Some(authority)).map_err(|()| HttpError::Url)?;
    let path = if path.is_empty() { "/" } else { path };
    request.set_path_with_query(Some(path)).map_err(|()| HttpError::Url)?;
    Ok(request)
}

fn method_of(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    }
}

/// Writes the body. A server that stops listening is no error here: its answer, or why there is none, says more.
fn write(outgoing: OutgoingBody, body: &[u8], deadline: &Deadline) -> Result<(), HttpError> {
    let stream = outgoing.write().map_err(|()| HttpError::Request("its body was taken before"))?;
    let mut rest = body;
    while !rest.is_empty() {
        deadline.wait(&stream.subscribe())?;
        let Ok(room) = stream.check_write() else { return Ok(()) };
        let length = usize::try_from(room).unwrap_or(usize::MAX).min(rest.len());
        let Some((now, later)) = rest.split_at_checked(length) else { break };
        if stream.write(now).is_err() {
            return Ok(());
        }
        rest = later;
    }
    if stream.flush().is_err() {
        return Ok(());
    }
    deadline.wait(&stream.subscribe())?;
    // A stream is a child of its body and must be gone before it.
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(failure)
}

fn wait(future: &FutureIncomingResponse, deadline: &Deadline) -> Result<IncomingResponse, HttpError> {
    deadline.wait(&future.subscribe())?;
    match future.get() {
        Some(Ok(response)) => response.map_err(failure),
        Some(Err(())) | None => Err(HttpError::Failed("the answer was not there when announced".to_owned())),
    }
}

/// Locals are dropped in reverse: stream, body, response, as `wasi:http` wants it.
fn read(response: IncomingResponse, deadline: &Deadline) -> Result<HttpResponse, HttpError> {
    let broken = |()| HttpError::Failed("the answer's body was taken before".to_owned());
    let status = response.status();
    let headers = response.headers().entries();
    let incoming = response.consume().map_err(broken)?;
    let stream = incoming.stream().map_err(broken)?;
    let mut body = Vec::new();
    loop {
        deadline.wait(&stream.subscribe())?;
        match stream.read(READ_SIZE) {
            Ok(chunk) if body.len() + chunk.len() > RESPONSE_LIMIT => return Err(HttpError::TooLarge),
            Ok(chunk) => body.extend(chunk),
            Err(StreamError::Closed) => return Ok(HttpResponse { status, headers, body }),
            Err(StreamError::LastOperationFailed(_)) => {
                return Err(HttpError::Failed("the answer broke off".to_owned()));
            }
        }
    }
}

/// One point in time for the whole call.
struct Deadline(Pollable);

impl Deadline {
    fn after(timeout: Duration) -> Self {
        let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Deadline(monotonic_clock::subscribe_duration(nanoseconds))
    }

    /// Waits until `event` is ready. What is ready at the deadline still counts.
    fn wait(&self, event: &Pollable) -> Result<(), HttpError> {
        let ready = poll::poll(&[event, &self.0]);
        if ready.contains(&0) { Ok(()) } else { Err(HttpError::Timeout) }
    }
}

fn failure(code: ErrorCode) -> HttpError {
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpError::Timeout,
        ErrorCode::HttpRequestDenied
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_) => HttpError::Refused(format!("{code:?}")),
        // A host's free text might quote the URL.
        ErrorCode::InternalError(_) => HttpError::Failed("internal error of the host".to_owned()),
        other => HttpError::Failed(format!("{other:?}")),
    }
}
