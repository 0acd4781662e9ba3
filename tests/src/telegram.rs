//! A fake of Telegram's Bot API that checks what it is sent and remembers it in order.

use crate::{BOT_TOKEN, PATIENCE};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// One call of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub method: String,
    pub body: Value,
    /// When it came.
    pub at: Instant,
}

impl Call {
    pub fn text(&self) -> &str {
        self.body["text"].as_str().unwrap_or_default()
    }

    pub fn chat(&self) -> i64 {
        self.body["chat_id"].as_i64().unwrap_or_default()
    }
}

/// What was said in a chat, in order.
pub fn said(calls: &[Call], chat: i64) -> Vec<&str> {
    calls.iter().filter(|call| call.method == "sendMessage" && call.chat() == chat).map(Call::text).collect()
}

type Planned = (u16, Vec<(String, String)>, String);

#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    /// What a real server would have refused.
    violations: Vec<String>,
    /// Answers to give before success is given again: status, headers, body.
    planned: VecDeque<Planned>,
}

/// The server; gone when dropped.
pub struct FakeTelegram {
    url: String,
    shared: Shared,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
    count: Arc<watch::Sender<usize>>,
}

impl FakeTelegram {
    pub async fn start() -> FakeTelegram {
        let shared = Shared { seen: Arc::default(), count: Arc::new(watch::channel(0).0) };
        let router = Router::new().route("/{bot}/{method}", axum::routing::any(call)).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        FakeTelegram { url, shared, server }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next call that has no earlier plan gets this answer.
    pub fn plan(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.shared.seen.lock().unwrap().planned.push_back((status, headers, body.to_owned()));
    }

    /// Waits until this many calls have come; gives all that came. Fails when a call broke the API's rules.
    pub async fn calls(&self, at_least: usize) -> Vec<Call> {
        let mut count = self.shared.count.subscribe();
        let waited = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= at_least)).await;
        let seen = self.shared.seen.lock().unwrap();
        assert!(seen.violations.is_empty(), "{:?}", seen.violations);
        assert!(waited.is_ok(), "waited for {at_least} calls, got {:#?}", seen.calls);
        seen.calls.clone()
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn call(
    State(shared): State<Shared>,
    Path((bot, method)): Path<(String, String)>,
    http_method: axum::http::Method,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let parsed = serde_json::from_slice::<Value>(&bytes);
    let mut seen = shared.seen.lock().unwrap();
    if let Some(violation) = violation(&bot, &method, &http_method, &headers, &parsed) {
        seen.violations.push(violation.clone());
        return (
            StatusCode::BAD_REQUEST,
            json!({"ok": false, "error_code": 400, "description": violation}).to_string(),
        )
            .into_response();
    }
    seen.calls.push(Call { method, body: parsed.unwrap_or_default(), at: Instant::now() });
    let count = seen.calls.len();
    let planned = seen.planned.pop_front();
    drop(seen);
    shared.count.send_replace(count);
    match planned {
        None => (StatusCode::OK, json!({"ok": true, "result": {"message_id": count}}).to_string()).into_response(),
        Some((status, headers, body)) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}

/// What the Bot API's description says of each method we call (PROTOCOLS.md §3.6, EGRESS.md).
fn violation(
    bot: &str,
    method: &str,
    http_method: &axum::http::Method,
    headers: &HeaderMap,
    body: &Result<Value, serde_json::Error>,
) -> Option<String> {
    if bot != format!("bot{BOT_TOKEN}") {
        return Some(format!("wrong token in {bot}"));
    }
    if http_method != axum::http::Method::POST {
        return Some(format!("{http_method} instead of POST"));
    }
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Some(format!("content type {kind:?}"));
    }
    let Ok(Value::Object(body)) = body else {
        return Some("body is no JSON object".into());
    };
    let has = |name: &str, right: fn(&Value) -> bool| body.get(name).is_some_and(right);
    let right = match method {
        "sendMessage" => {
            has("chat_id", Value::is_i64)
                && body
                    .get("text")
                    .and_then(Value::as_str)
                    .is_some_and(|text| !text.is_empty() && text.encode_utf16().count() <= 4096)
        }
        "answerCallbackQuery" => has("callback_query_id", Value::is_string),
        "sendChatAction" => has("chat_id", Value::is_i64) && has("action", Value::is_string),
        _ => return Some(format!("method {method} is not expected")),
    };
    (!right).then(|| format!("{method} with {body:?}"))
}
