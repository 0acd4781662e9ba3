//! Any body under the right secret: the Telegram decoder answers, and never with a 5xx.
#![no_main]

use greentic_channels::telegram::{Settings, webhook};
use greentic_channels::{RawRequest, Secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let headers = [("x-telegram-bot-api-secret-token".to_owned(), b"s".to_vec())];
    let request = RawRequest { method: "POST", path: "", query: None, headers: &headers, body };
    let secret = Secret::new(b"s".to_vec());
    let Ok(settings) = Settings::from_json("{}") else { return };
    let received = webhook(&request, Some(&secret), &settings);
    assert!(received.answer.status < 500);
});
