//! A stand-in for Telegram's servers on loopback: answers every call with success and shows what the bot said.

use crate::output;
use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

/// A message of the demo is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Starts it on a free port; gives its URL. Ends with the process.
pub async fn start() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port on loopback")?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        // An error of accepting ends the stand-in, and sends are then tried again and said in the log.
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
                // A connection that breaks off is the client's affair.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(url)
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    #[expect(clippy::disallowed_methods, reason = "bounded by the wrapper that the rule asks for")]
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let call: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    output::note(&show(&method, &call));
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"ok":true,"result":{"message_id":1}}"#)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

/// One call as a person would see it in the chat.
fn show(method: &str, call: &serde_json::Value) -> String {
    let text = call.get("text").and_then(|text| text.as_str()).unwrap_or_default();
    let rows = call.pointer("/reply_markup/inline_keyboard").and_then(|rows| rows.as_array());
    let buttons: Vec<String> = rows
        .into_iter()
        .flatten()
        .filter_map(|row| row.as_array())
        .flatten()
        .filter_map(|button| button.get("text")?.as_str())
        .map(|label| format!("[{label}]"))
        .collect();
    format!("bot ({method}): {text} {}", buttons.join(" "))
}
