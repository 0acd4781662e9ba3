//! The Telegram channel as a component (world `channel-provider`): fetches secrets and settings, sends what
//! `greentic-channels` rendered, and translates. It decides nothing about Telegram.
//!
//! Empty on the native target, where component export names can't be linked.
#![cfg(target_family = "wasm")]

mod bindings;
mod convert;

use bindings::exports::greentic::edge::provider::{
    Description, Guest, Outbound, Receipt, Received, Request, Retry, SendError,
};
use bindings::greentic::edge::{secrets, settings};
use greentic_channels::telegram::{self, Settings};
use greentic_channels::{Answer, ApiCall, Secret, SendOutcome};
use greentic_guest_sdk::http;
use std::time::Duration;

/// For each call. Telegram answers well within a second; a request may run 30 s in all, with several calls.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

struct Telegram;

impl Guest for Telegram {
    fn webhook(request: Request) -> Received {
        let received = match Settings::from_json(&settings::config()) {
            Ok(settings) => {
                let secret_token = secret(telegram::SECRET_TOKEN);
                telegram::webhook(&convert::request(&request), secret_token.as_ref(), &settings)
            }
            // The operator's mistake: Telegram keeps the update and sends it again, up to a day.
            Err(error) => {
                eprintln!("telegram: {error}");
                greentic_channels::Received::refused(Answer::problem(500, "Internal Server Error"))
            }
        };
        convert::received(received)
    }

    fn send(message: Outbound) -> Result<Receipt, SendError> {
        let settings = Settings::from_json(&settings::config()).map_err(permanent)?;
        let token = secret(telegram::BOT_TOKEN).ok_or_else(|| permanent("there is no secret `bot_token`"))?;
        let done = message.done as usize;
        let outbound = convert::outbound(message);
        let calls = telegram::render(&outbound, &token, &settings.api_base_url).map_err(permanent)?;
        let mut message_id = None;
        // In order, and no further than the first failure: what a user sees must not have gaps.
        // What earlier tries showed is not shown again: the same message always renders to the same calls.
        for (sent, call) in calls.iter().enumerate().skip(done) {
            match perform(call).after(sent, calls.len()) {
                SendOutcome::Sent { message_id: last } => message_id = last.or(message_id),
                SendOutcome::Retry { after_ms, reason } => {
                    return Err(SendError::Retry(Retry { after_ms, reason, done: sent as u32 }));
                }
                SendOutcome::Permanent(reason) => return Err(SendError::Permanent(reason)),
            }
        }
        Ok(Receipt { message_id })
    }

    fn describe() -> Description {
        Description {
            name: telegram::NAME.to_owned(),
            secrets: vec![telegram::SECRET_TOKEN.to_owned(), telegram::BOT_TOKEN.to_owned()],
            hosts: vec![telegram::API_HOST.to_owned()],
            text_limit: telegram::TEXT_LIMIT,
        }
    }
}

fn secret(name: &str) -> Option<Secret> {
    secrets::get(name).map(Secret::new)
}

fn permanent(reason: impl ToString) -> SendError {
    SendError::Permanent(reason.to_string())
}

fn perform(call: &ApiCall) -> SendOutcome {
    match http::send(call.method, &call.url, &call.headers, &call.body, CALL_TIMEOUT) {
        Ok(response) => telegram::outcome(response.status, response.header("retry-after"), &response.body),
        Err(error) if error.is_permanent() => SendOutcome::Permanent(error.to_string()),
        Err(error) => SendOutcome::Retry { after_ms: None, reason: error.to_string() },
    }
}
