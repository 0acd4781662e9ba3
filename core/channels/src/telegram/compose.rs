//! From what a flow said to what Telegram can show: text, media, an inline keyboard. Says nothing about calls.
//!
//! A card becomes its lines under the reply's text, its images, and its buttons. Its lines are sent as HTML, the form
//! with the least to escape; text that a flow wrote is sent as it is, with the `parse_mode` its author passed through.

use super::RenderError;
use super::api::Members;
use crate::card::{self, Line};
use greentic_types::{Attachment, Button, Reply};
use serde_json::{Value, json};

/// Longest `callback_data`, in bytes of UTF-8. Longer values would need a table kept beside the session.
const CALLBACK_DATA_LIMIT: usize = 64;
const BUTTONS_PER_ROW: usize = 8;
const BUTTONS_LIMIT: usize = 100;

/// Members of a reply's passthrough that Telegram's sending methods know. Others are some other platform's (`blocks`,
/// `thread_ts`): a flow serves many channels. What decides the place or the contents is not among them.
const PASSTHROUGH: [&str; 6] = [
    "disable_notification",
    "link_preview_options",
    "message_effect_id",
    "parse_mode",
    "protect_content",
    "reply_markup",
];

pub struct Media {
    pub method: &'static str,
    /// Name of the member that holds the reference.
    pub member: &'static str,
    pub reference: String,
}

pub struct Composed {
    /// Without any marks. Its length is what Telegram's limits count.
    pub plain: String,
    /// The same with marks, when there are any.
    pub html: Option<String>,
    pub media: Vec<Media>,
    pub reply_markup: Option<Value>,
    /// For every call that shows something.
    pub extras: Members,
}

pub fn compose(reply: &Reply) -> Result<Composed, RenderError> {
    let mut extras = passthrough(reply.passthrough.as_deref())?;
    let mut plain = reply.text.clone();
    let mut html = None;
    let mut media = reply.attachments.iter().map(attachment).collect::<Result<Vec<_>, _>>()?;
    let mut rows = reply.buttons.clone();
    if let Some(json) = &reply.card {
        if extras.contains_key("parse_mode") {
            return Err(RenderError::ParseModeWithCard);
        }
        let card = card::flatten(json)?;
        html = Some(join(escape(&reply.text), card.lines.iter().map(marked)));
        plain = join(plain, card.lines.into_iter().map(|line| line.text));
        media.extend(card.images.into_iter().map(photo));
        rows.extend(card.buttons);
    }
    // A keyboard of the author's own stands in the place of ours, so there is no question which of them counts.
    let reply_markup = match (extras.remove("reply_markup"), keyboard(&rows)?) {
        (Some(_), Some(_)) => return Err(RenderError::TwoKeyboards),
        (own, ours) => own.or(ours),
    };
    Ok(Composed { plain, html, media, reply_markup, extras })
}

fn passthrough(json: Option<&str>) -> Result<Members, RenderError> {
    let Some(json) = json else { return Ok(Members::new()) };
    let mut members: Members = serde_json::from_str(json).map_err(|_| RenderError::Passthrough)?;
    members.retain(|name, _| PASSTHROUGH.contains(&name.as_str()));
    Ok(members)
}

fn join(first: String, lines: impl Iterator<Item = String>) -> String {
    let mut text = first;
    for line in lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

fn marked(line: &Line) -> String {
    let text = escape(&line.text);
    if line.bold { format!("<b>{text}</b>") } else { text }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn attachment(attachment: &Attachment) -> Result<Media, RenderError> {
    let (method, member) = match attachment.kind.as_str() {
        "image" => return Ok(photo(attachment.reference.clone())),
        "video" => ("sendVideo", "video"),
        "audio" => ("sendAudio", "audio"),
        "file" => ("sendDocument", "document"),
        _ => return Err(RenderError::Attachment),
    };
    Ok(Media { method, member, reference: attachment.reference.clone() })
}

fn photo(reference: String) -> Media {
    Media { method: "sendPhoto", member: "photo", reference }
}

fn keyboard(rows: &[Vec<Button>]) -> Result<Option<Value>, RenderError> {
    let count: usize = rows.iter().map(Vec::len).sum();
    if count > BUTTONS_LIMIT {
        return Err(RenderError::TooManyButtons { count });
    }
    let mut keyboard: Vec<Vec<Value>> = Vec::new();
    for row in rows.iter().flat_map(|row| row.chunks(BUTTONS_PER_ROW)) {
        keyboard.push(row.iter().map(button).collect::<Result<_, _>>()?);
    }
    Ok((!keyboard.is_empty()).then(|| json!({ "inline_keyboard": keyboard })))
}

fn button(button: &Button) -> Result<Value, RenderError> {
    if button.label.trim().is_empty() {
        return Err(RenderError::ButtonLabel);
    }
    if let Some(url) = &button.url {
        return Ok(json!({ "text": button.label, "url": url }));
    }
    let bytes = button.value.len();
    if !(1..=CALLBACK_DATA_LIMIT).contains(&bytes) {
        return Err(RenderError::ButtonValue { bytes });
    }
    Ok(json!({ "text": button.label, "callback_data": button.value }))
}
