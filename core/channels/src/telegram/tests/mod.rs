//! Telegram's cases: what comes in, what goes out, what the answers mean, and what nobody should send.

mod hostile;
mod outcome;
mod render;
mod webhook;

use super::{Settings, webhook};
use crate::{RawRequest, Received, Secret};
use greentic_types::Message;

const SECRET: &str = "A1b2C3d4-secret_TOKEN";
const HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

fn settings() -> Settings {
    Settings::from_json(r#"{"bot_username":"TestBot"}"#).unwrap()
}

fn headers(pairs: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

fn post(body: &[u8], headers: &[(String, Vec<u8>)]) -> Received {
    let request = RawRequest { method: "POST", path: "", query: None, headers, body };
    webhook(&request, Some(&Secret::new(SECRET.into())), &settings())
}

/// An authentic update.
fn deliver(body: &[u8]) -> Received {
    post(body, &headers(&[("Content-Type", b"application/json"), (HEADER, SECRET.as_bytes())]))
}

/// Of an update that is understood: the one message it holds.
fn message(body: &str) -> Message {
    let received = deliver(body.as_bytes());
    assert_eq!((received.answer.status, received.answer.body.len()), (200, 0));
    assert_eq!(received.messages.len(), 1, "{body}");
    received.messages.into_iter().next().unwrap()
}

/// Of an update that is answered 200 and means nothing to us.
fn assert_ignored(body: &str) {
    let received = deliver(body.as_bytes());
    assert_eq!((received.answer.status, received.answer.body.len()), (200, 0), "{body}");
    assert!(received.messages.is_empty(), "{body}");
}
