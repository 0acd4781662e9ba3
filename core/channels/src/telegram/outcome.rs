//! What Telegram's answer to a call means. The answer may also come from a proxy: HTML, empty, or cut short.

use crate::SendOutcome;
use crate::lenient::{self, Loose, Text};
use serde::Deserialize;

/// Longest piece of a description that is passed on, in characters.
const DESCRIPTION_LIMIT: usize = 200;

/// Refusals of something that is already as wanted, or too late to matter to anyone.
const IGNORABLE: [&str; 2] = ["message is not modified", "query is too old"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reply<'a> {
    ok: Loose<bool>,
    result: Loose<Sent>,
    error_code: Loose<u16>,
    #[serde(borrow)]
    description: Loose<Text<'a>>,
    parameters: Loose<Parameters>,
}

/// `result` of the methods that send; of the others it is `true`, which is read as no id.
#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Loose<u64>,
    #[serde(default)]
    migrate_to_chat_id: Loose<i64>,
}

pub fn outcome(status: u16, retry_after_header: Option<&str>, body: &[u8]) -> SendOutcome {
    let reply: Reply<'_> = lenient::document(body).unwrap_or_default();
    let success = (200..300).contains(&status);
    if success && reply.ok.0 == Some(true) {
        return SendOutcome::Sent { message_id: reply.result.0.map(|sent| sent.message_id.to_string()) };
    }
    let code = if success { reply.error_code.0.unwrap_or(status) } else { status };
    let description = reply.description.as_str().unwrap_or_default();
    let parameters = reply.parameters.0.as_ref();
    match code {
        // Something between us and Telegram answered, so Telegram has hardly seen the call.
        200..300 => SendOutcome::Retry {
            after_ms: None,
            reason: format!("the answer, with status {status}, is not the Bot API's"),
        },
        408 | 429 | 500..600 => {
            let named = parameters.and_then(|parameters| parameters.retry_after.0);
            // The header may also be a date, which would need a clock to read: then the caller's own delay serves.
            let seconds = named.or_else(|| retry_after_header.and_then(|value| value.trim().parse().ok()));
            SendOutcome::Retry {
                after_ms: seconds.map(|seconds: u64| seconds.saturating_mul(1000)),
                reason: format!("Telegram answered {code}: {}", safe(description)),
            }
        }
        400 if IGNORABLE.iter().any(|known| description.contains(*known)) => SendOutcome::Sent { message_id: None },
        _ => {
            let moved = parameters.and_then(|parameters| parameters.migrate_to_chat_id.0);
            let note = moved.map(|chat| format!(" (the group is now chat {chat})")).unwrap_or_default();
            SendOutcome::Permanent(format!("Telegram answered {code}: {}{note}", safe(description)))
        }
    }
}

/// A description fit for logs: short, on one line, without what Telegram quotes of the message (in quotation marks),
/// and without anything that looks like a bot token.
fn safe(description: &str) -> String {
    let mut words = Vec::new();
    for word in without_quotations(description).split_whitespace() {
        words.push(if looks_like_a_token(word) { "[withheld]".to_owned() } else { word.to_owned() });
    }
    let line = words.join(" ");
    if line.is_empty() { "no description".to_owned() } else { line.chars().take(DESCRIPTION_LIMIT).collect() }
}

fn without_quotations(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut open = None;
    let mut before = ' ';
    for character in text.chars().filter(|c| !c.is_control() || c.is_whitespace()) {
        match open {
            Some(mark) if mark == character => {
                open = None;
                kept.push('…');
                kept.push(character);
            }
            Some(_) => {}
            None => {
                // An apostrophe within a word (`can't`) opens nothing.
                if character == '"' || (character == '\'' && before.is_whitespace()) {
                    open = Some(character);
                }
                kept.push(character);
            }
        }
        before = character;
    }
    kept
}

/// `…123456:AAF…`: at least 6 digits, a colon, at least 20 of a token's characters.
fn looks_like_a_token(word: &str) -> bool {
    let mut parts = word.split(':').peekable();
    while let Some(before) = parts.next() {
        let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
        let key = parts.peek().map_or(0, |after| {
            after.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count()
        });
        if digits >= 6 && key >= 20 {
            return true;
        }
    }
    false
}
