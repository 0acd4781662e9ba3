//! From an error to what the caller sees: RFC 9457 problem JSON, one row an error, nothing of the inside.
//!
//! The detail of an error is a field of its own and goes to the log only. Adding an error means adding a row.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A body as the server sends it.
pub type Body = HyperOutgoingBody;

/// Why a request was not answered by its guest.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No such route. One answer whatever part of the name is unknown, so that tenants can't be probed.
    #[error("no such webhook")]
    NotFound,
    #[error("body over the limit of {limit} bytes")]
    BodyTooLarge { limit: usize },
    /// A head that no component can be called with.
    #[error("head unusable: {detail}")]
    HeadUnusable { detail: String },
    /// The client broke off or sent what is no HTTP body.
    #[error("body unreadable: {detail}")]
    BodyUnreadable { detail: String },
    #[error("all instances are busy")]
    Busy,
    #[error("shutting down")]
    ShuttingDown,
    #[error("the request ran longer than {limit_ms} ms")]
    Deadline { limit_ms: u128 },
    #[error("the component was stopped: {detail}")]
    Guest { detail: String },
    #[error("the component gave an answer that is no HTTP: {detail}")]
    BadAnswer { detail: String },
    #[error("the component gave no answer: {detail}")]
    NoAnswer { detail: String },
}

/// What the caller is told: status, title, and after how many seconds to come back.
struct Row(StatusCode, &'static str, Option<&'static str>);

impl RequestError {
    /// The table. No wildcard: a new error has to choose its row.
    fn row(&self) -> Row {
        match self {
            RequestError::NotFound => Row(StatusCode::NOT_FOUND, "Not found", None),
            RequestError::BodyTooLarge { .. } => Row(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", None),
            RequestError::HeadUnusable { .. } => Row(StatusCode::BAD_REQUEST, "Bad request", None),
            RequestError::BodyUnreadable { .. } => Row(StatusCode::BAD_REQUEST, "Body unreadable", None),
            RequestError::Busy => Row(StatusCode::SERVICE_UNAVAILABLE, "Busy", Some("1")),
            RequestError::ShuttingDown => Row(StatusCode::SERVICE_UNAVAILABLE, "Shutting down", Some("5")),
            // The platform re-sends on these; nothing of the turn was stored.
            RequestError::Deadline { .. } => Row(StatusCode::GATEWAY_TIMEOUT, "Took too long", None),
            RequestError::Guest { .. } => Row(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", None),
            RequestError::BadAnswer { .. } => Row(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", None),
            RequestError::NoAnswer { .. } => Row(StatusCode::BAD_GATEWAY, "No answer", None),
        }
    }

    /// Logs the detail, answers with the row.
    pub fn respond(&self, request_id: &str) -> Response<Body> {
        let Row(status, title, retry_after) = self.row();
        if status.is_server_error() {
            tracing::warn!(request_id, status = status.as_u16(), error = %self, "request failed");
        } else {
            tracing::debug!(request_id, status = status.as_u16(), error = %self, "request refused");
        }
        let problem = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{},"instance":"urn:greentic:request:{request_id}"}}"#,
            status.as_u16()
        );
        let mut response = Response::new(full(problem));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}

/// A body that is there already.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Headers of one answer: platforms read two or three.
const MAX_HEADERS: usize = 64;

/// A guest's record answer as HTTP.
pub fn from_guest(status: u16, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Result<Response<Body>, RequestError> {
    let bad = |detail: String| RequestError::BadAnswer { detail };
    let mut response = Response::new(full(body));
    if !(200..=599).contains(&status) || headers.len() > MAX_HEADERS {
        return Err(bad(format!("status {status} with {} headers", headers.len())));
    }
    *response.status_mut() = StatusCode::from_u16(status).map_err(|error| bad(error.to_string()))?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| bad(error.to_string()))?;
        // Framing is the server's: a guest that sets it could desynchronise the connection.
        if matches!(name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::CONNECTION) {
            continue;
        }
        let value = HeaderValue::from_bytes(&value).map_err(|error| bad(error.to_string()))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_tells_nothing_of_the_inside() {
        let secret = "postgres://user:password@db";
        for (error, status) in [
            (RequestError::NotFound, 404),
            (RequestError::BodyTooLarge { limit: 1 }, 413),
            (RequestError::HeadUnusable { detail: secret.into() }, 400),
            (RequestError::BodyUnreadable { detail: secret.into() }, 400),
            (RequestError::Busy, 503),
            (RequestError::ShuttingDown, 503),
            (RequestError::Deadline { limit_ms: 1 }, 504),
            (RequestError::Guest { detail: secret.into() }, 500),
            (RequestError::BadAnswer { detail: secret.into() }, 500),
            (RequestError::NoAnswer { detail: secret.into() }, 502),
        ] {
            let row = error.row();
            assert_eq!(row.0.as_u16(), status);
            assert!(!row.1.contains("password"));
            assert_eq!(row.2.is_some(), status == 503, "{error}");
            let response = error.respond("7");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
    }

    #[test]
    fn a_guest_can_not_set_framing_or_split_headers() {
        let headers = vec![("Content-Length".into(), b"5".to_vec()), ("x-a".into(), b"1".to_vec())];
        let response = from_guest(200, headers, Vec::new()).unwrap();
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        assert!(from_guest(200, vec![("x".into(), b"a\r\nb: c".to_vec())], Vec::new()).is_err());
        assert!(from_guest(99, Vec::new(), Vec::new()).is_err());
        assert!(from_guest(101, Vec::new(), Vec::new()).is_err());
        assert!(from_guest(200, vec![("x".into(), Vec::new()); 33_000], Vec::new()).is_err());
    }
}
