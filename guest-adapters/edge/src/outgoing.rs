//! One HTTP exchange for a flow, through the host's policy. Here, and only here, a secret that a flow's header names
//! becomes its value: it goes into the request and nowhere else.

use crate::bindings::greentic::edge::secrets;
use greentic_flow::engine::{HeaderValue, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use greentic_guest_sdk::http::{self, HttpError};
use std::time::Duration;

/// Without a timeout of the node's own. A user waits for the answer, and so does the platform.
const TIMEOUT_MS: u32 = 10_000;
const MAX_TIMEOUT_MS: u32 = 60_000;

pub fn exchange(request: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
    let headers: Vec<_> = request.headers.iter().map(header).collect::<Result<_, _>>()?;
    let timeout = request.timeout_ms.unwrap_or(TIMEOUT_MS).min(MAX_TIMEOUT_MS);
    let body = request.body.as_deref().unwrap_or_default();
    let timeout = Duration::from_millis(u64::from(timeout));
    let response = http::send(&request.method, &request.url, &headers, body, timeout).map_err(failure)?;
    Ok(HttpResponse {
        status: response.status,
        // A value that is no text can't be data.
        headers: response
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, String::from_utf8(value).ok()?)))
            .collect(),
        body: response.body,
    })
}

fn header((name, value): &(String, HeaderValue)) -> Result<(String, Vec<u8>), HttpFailure> {
    let value = match value {
        HeaderValue::Text(text) => text.clone().into_bytes(),
        HeaderValue::Secret { prefix, name } => {
            let Some(secret) = secrets::get(name) else {
                let detail = format!(
                    "the secret `{name}` is not granted to this app's flows: name it in pack.toml, `[secrets] required`"
                );
                return Err(HttpFailure { kind: HttpFailureKind::Refused, detail });
            };
            [prefix.as_bytes(), &secret].concat()
        }
    };
    Ok((name.clone(), value))
}

/// The messages of the SDK's errors never show the URL, nor a header.
fn failure(error: HttpError) -> HttpFailure {
    let kind = match &error {
        HttpError::Url | HttpError::Request(_) => HttpFailureKind::Invalid,
        HttpError::Refused(_) => HttpFailureKind::Refused,
        HttpError::Timeout => HttpFailureKind::Timeout,
        HttpError::Failed(_) => HttpFailureKind::Unreachable,
        HttpError::TooLarge => HttpFailureKind::TooLarge,
    };
    HttpFailure { kind, detail: error.to_string() }
}
