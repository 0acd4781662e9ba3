//! From an update's bytes to at most one normalized message. Which kinds there are is decided here; what each holds
//! is read in `written` (messages, posts, edits) and `events` (buttons, reactions, membership).

use super::update::{Chat, Update, User};
use super::{events, written};
use crate::lenient;
use greentic_types::{Message, MessageKind};

/// The body isn't one JSON object with an integer `update_id`. Telegram itself never sends that.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnUpdate;

/// `None`: an update of no interest, not understood, or by a bot.
pub fn decode(body: &[u8], bot_username: Option<&str>) -> Result<Option<Message>, NotAnUpdate> {
    let update: Update<'_> = lenient::document(body).ok_or(NotAnUpdate)?;
    Ok(interpret(&update, bot_username).map(|message| Message {
        // Unique for one bot only: the host's keys hold the channel, so no other bot's ids can collide.
        delivery_id: update.update_id.to_string(),
        ..message
    }))
}

fn interpret(update: &Update<'_>, bot_username: Option<&str>) -> Option<Message> {
    if let Some(raw) = update.message {
        written::message(&lenient::read(raw)?, bot_username)
    } else if let Some(raw) = update.channel_post {
        written::channel_post(&lenient::read(raw)?, bot_username)
    } else if let Some(raw) = update.edited_message.or(update.edited_channel_post) {
        written::edited(&lenient::read(raw)?, bot_username)
    } else if let Some(raw) = update.callback_query {
        events::callback(&lenient::read(raw)?)
    } else if let Some(raw) = update.message_reaction {
        events::reaction(&lenient::read(raw)?)
    } else if let Some(raw) = update.my_chat_member {
        events::membership(&lenient::read(raw)?)
    } else {
        None
    }
}

/// A message that starts no turn and says nothing yet. `delivery_id` is set by [`decode`].
pub fn blank(kind: MessageKind, conversation: i64, sender: Sender) -> Message {
    Message {
        delivery_id: String::new(),
        kind,
        conversation: conversation.to_string(),
        thread: None,
        user: sender.id.to_string(),
        user_name: sender.name,
        message_id: None,
        text: String::new(),
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: sender.locale,
        timestamp: 0,
        starts_turn: false,
        reply_context: None,
        acknowledgement: None,
    }
}

/// Telegram counts seconds. A time before 1970 or none at all is 0.
pub fn milliseconds(date: Option<i64>) -> u64 {
    date.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0).saturating_mul(1000)
}

/// Who wrote or acted: a user, or the chat in whose name it was done.
pub struct Sender {
    pub id: i64,
    pub name: Option<String>,
    pub locale: Option<String>,
}

impl From<&User<'_>> for Sender {
    fn from(user: &User<'_>) -> Self {
        let full_name = join_name(user.first_name.as_str(), user.last_name.as_str());
        Sender {
            id: user.id,
            name: full_name.or_else(|| user.username.to_owned_string()),
            locale: user.language_code.to_owned_string(),
        }
    }
}

impl From<&Chat<'_>> for Sender {
    fn from(chat: &Chat<'_>) -> Self {
        Sender { id: chat.id, name: chat.title.to_owned_string(), locale: None }
    }
}

pub fn join_name(first: Option<&str>, last: Option<&str>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}
