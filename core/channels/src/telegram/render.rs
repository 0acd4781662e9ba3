//! From an outgoing message to the API calls that show it, in the order to make them (spec/channels/EGRESS.md).
//!
//! Pure: whoever sends the calls stops at the first that fails. Errors name what is wrong without quoting the message
//! and without the token, because they go to logs and dead letters.

use super::TEXT_LIMIT;
use super::api::{Api, Members};
use super::compose::{Composed, compose};
use crate::text::{split_utf16, utf16_len};
use crate::{ApiCall, CardError, Outbound, Secret};
use greentic_types::{Content, Reply};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Longest caption, in UTF-16 code units after marks are taken out. A longer text follows in messages of its own.
const CAPTION_LIMIT: usize = 1024;

/// Why a message can't be rendered. Each would be just as wrong the next time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    #[error("the secret `bot_token` is not a bot token (letters, digits, `:`, `_`, `-`; no white space)")]
    Token,
    #[error("the thread is not a Telegram topic id")]
    Thread,
    #[error("the reply context was not made by this channel")]
    ReplyContext,
    #[error("the acknowledgement was not made by this channel")]
    Acknowledgement,
    #[error("the passthrough is not a JSON object")]
    Passthrough,
    #[error(transparent)]
    Card(#[from] CardError),
    #[error("a card is sent as HTML, so it can't be combined with a `parse_mode` of its own")]
    ParseModeWithCard,
    #[error("the reply has buttons and passes a `reply_markup` through: Telegram shows one keyboard")]
    TwoKeyboards,
    #[error("a text with `parse_mode` is too long to send in one message and can't be cut without breaking its marks")]
    FormattedTextTooLong,
    #[error("an attachment is of a kind that can't be sent here (known are image, video, audio, file)")]
    Attachment,
    #[error("buttons need a text, a card or an attachment to stand under")]
    ButtonsAlone,
    #[error("a button has no label")]
    ButtonLabel,
    #[error("a button's value has {bytes} bytes; Telegram takes 1 to 64")]
    ButtonValue { bytes: usize },
    #[error("the message has {count} buttons; Telegram takes 100")]
    TooManyButtons { count: usize },
}

/// What is noted with a message in a topic, so that the answer can quote it.
#[derive(Deserialize)]
struct ReplyContext {
    message_id: i64,
}

#[derive(Deserialize)]
struct Acknowledgement<'a> {
    #[serde(borrow)]
    callback_query_id: Cow<'a, str>,
}

pub fn reply_context(message_id: i64) -> String {
    json!({ "message_id": message_id }).to_string()
}

/// The body of `answerCallbackQuery`, kept with the message until it is sent.
pub fn acknowledgement(callback_query_id: &str) -> String {
    json!({ "callback_query_id": callback_query_id }).to_string()
}

/// The calls that show this message; none when it says nothing.
pub fn render(outbound: &Outbound, token: &Secret, base_url: &str) -> Result<Vec<ApiCall>, RenderError> {
    let api = Api::new(base_url, token)?;
    match &outbound.content {
        Content::Acknowledgement(text) => {
            let parsed: Acknowledgement<'_> = serde_json::from_str(text).map_err(|_| RenderError::Acknowledgement)?;
            let members = Members::from_iter([("callback_query_id".to_owned(), json!(parsed.callback_query_id))]);
            Ok(vec![api.call("answerCallbackQuery", members)])
        }
        Content::Reply(reply) => reply_calls(outbound, reply, &api),
    }
}

fn reply_calls(outbound: &Outbound, reply: &Reply, api: &Api) -> Result<Vec<ApiCall>, RenderError> {
    let place = place(outbound)?;
    let quoted = quoted(outbound)?;
    let composed = compose(reply)?;
    let extras = composed.extras.clone();
    let mut calls = Vec::new();
    if reply.typing {
        let mut members = place.clone();
        members.insert("action".to_owned(), json!("typing"));
        calls.push(api.call("sendChatAction", members));
    }
    for (index, (method, own)) in shows(composed)?.into_iter().enumerate() {
        let mut members = place.clone();
        members.extend(extras.clone());
        members.extend(own);
        if let Some(message_id) = quoted.filter(|_| index == 0) {
            let reply_parameters = json!({ "message_id": message_id, "allow_sending_without_reply": true });
            members.insert("reply_parameters".to_owned(), reply_parameters);
        }
        calls.push(api.call(method, members));
    }
    Ok(calls)
}

/// Chat and topic, which every call names.
fn place(outbound: &Outbound) -> Result<Members, RenderError> {
    let chat_id = match outbound.conversation.parse::<i64>() {
        Ok(id) => json!(id),
        // A public channel or group by name, `@name`.
        Err(_) => json!(outbound.conversation),
    };
    let mut members = Members::from_iter([("chat_id".to_owned(), chat_id)]);
    if let Some(thread) = &outbound.thread {
        let topic: i64 = thread.parse().map_err(|_| RenderError::Thread)?;
        members.insert("message_thread_id".to_owned(), json!(topic));
    }
    Ok(members)
}

fn quoted(outbound: &Outbound) -> Result<Option<i64>, RenderError> {
    let Some(context) = &outbound.reply_context else { return Ok(None) };
    let context: ReplyContext = serde_json::from_str(context).map_err(|_| RenderError::ReplyContext)?;
    Ok(Some(context.message_id))
}

/// The calls that show something, each with its own members. Media come first; the text is the first one's caption
/// when it is short enough, and otherwise follows. The keyboard stands under the end of the text.
fn shows(composed: Composed) -> Result<Vec<(&'static str, Members)>, RenderError> {
    let formatted = composed.extras.contains_key("parse_mode");
    let length = utf16_len(composed.plain.trim());
    let mut shows: Vec<(&'static str, Members)> = composed
        .media
        .into_iter()
        .map(|media| (media.method, Members::from_iter([(media.member.to_owned(), json!(media.reference))])))
        .collect();
    let mut keyboard_at = shows.len().saturating_sub(1);
    match shows.first_mut() {
        _ if length == 0 => {}
        Some((_, first)) if length <= CAPTION_LIMIT => {
            first.extend(text_members("caption", composed.plain.trim(), composed.html.as_deref()));
            keyboard_at = 0;
        }
        _ => {
            shows.extend(messages(&composed.plain, composed.html.as_deref(), length, formatted)?);
            keyboard_at = shows.len().saturating_sub(1);
        }
    }
    if let Some(markup) = composed.reply_markup {
        let (_, members) = shows.get_mut(keyboard_at).ok_or(RenderError::ButtonsAlone)?;
        members.insert("reply_markup".to_owned(), markup);
    }
    Ok(shows)
}

/// A text in as many messages as it needs. One that is too long loses a card's bold type, because a cut could fall
/// between its marks; one whose marks are the author's own is refused instead, because there they are the text.
fn messages(
    plain: &str,
    html: Option<&str>,
    length: usize,
    formatted: bool,
) -> Result<Vec<(&'static str, Members)>, RenderError> {
    if length <= TEXT_LIMIT as usize {
        return Ok(vec![("sendMessage", text_members("text", plain.trim(), html))]);
    }
    if formatted {
        return Err(RenderError::FormattedTextTooLong);
    }
    let parts = split_utf16(plain, TEXT_LIMIT as usize);
    Ok(parts.into_iter().map(|part| ("sendMessage", text_members("text", part, None))).collect())
}

fn text_members(name: &str, plain: &str, html: Option<&str>) -> Members {
    match html {
        Some(html) => {
            Members::from_iter([(name.to_owned(), json!(html.trim())), ("parse_mode".to_owned(), Value::from("HTML"))])
        }
        None => Members::from_iter([(name.to_owned(), json!(plain))]),
    }
}
