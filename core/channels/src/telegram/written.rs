//! Messages, channel posts and their edits.

use super::decode::{Sender, blank, milliseconds};
use super::update::{self, User};
use super::{attachments, command, render};
use greentic_types::{Message, MessageKind};

/// A new message: words, a file, a command, or a change of members.
pub fn message(message: &update::Message<'_>, bot_username: Option<&str>) -> Option<Message> {
    if is_by_a_bot(message, bot_username) {
        return None;
    }
    if !message.new_chat_members.0.is_empty() {
        return member_change(message, MessageKind::Joined, &message.new_chat_members.0);
    }
    if let Some(user) = &message.left_chat_member.0 {
        return member_change(message, MessageKind::Left, std::slice::from_ref(user));
    }
    let mut normalized = content(message)?;
    // Nothing a user said: a pinned message, a new title, a migration to a supergroup …
    normalized.starts_turn = normalized.kind != MessageKind::Event;
    let found = message.text.as_str().and_then(|text| command::parse(text, &message.entities.0));
    if let Some(command) = found {
        if is_for_another_bot(message, command.bot, bot_username) {
            return None;
        }
        normalized.kind = MessageKind::Command;
        normalized.command = Some(format!("/{}", command.name.to_ascii_lowercase()));
        normalized.text = command.arguments.to_owned();
    }
    Some(normalized)
}

/// A post in a channel. It starts no turn: posts name no author, so the bot's own look like everyone else's, and an
/// answer to one would be a post again.
pub fn channel_post(message: &update::Message<'_>, bot_username: Option<&str>) -> Option<Message> {
    if is_by_a_bot(message, bot_username) { None } else { content(message) }
}

/// The whole new state of a message or post. Telegram also sends these for changes that no user typed.
pub fn edited(message: &update::Message<'_>, bot_username: Option<&str>) -> Option<Message> {
    if is_by_a_bot(message, bot_username) {
        return None;
    }
    content(message).map(|message| Message { kind: MessageKind::Edited, ..message })
}

/// Any bot's message, and what a user sent by way of our own inline mode. Looking at this before the turn is what
/// keeps two bots from talking to each other for ever.
fn is_by_a_bot(message: &update::Message<'_>, bot_username: Option<&str>) -> bool {
    let own_inline = match (&message.via_bot.0, bot_username) {
        (Some(bot), Some(own)) => bot.username.as_str().is_some_and(|name| name.eq_ignore_ascii_case(own)),
        _ => false,
    };
    own_inline || message.from.0.as_ref().is_some_and(|user| user.is_bot.0 == Some(true))
}

fn is_for_another_bot(message: &update::Message<'_>, named: Option<&str>, bot_username: Option<&str>) -> bool {
    let in_group =
        message.chat.0.as_ref().is_some_and(|chat| matches!(chat.kind.as_str(), Some("group" | "supergroup")));
    match (named, bot_username) {
        (Some(named), Some(own)) => in_group && !named.eq_ignore_ascii_case(own),
        _ => false,
    }
}

/// Those who joined or left, bots aside: that our own bot did is told by `my_chat_member`.
fn member_change(message: &update::Message<'_>, kind: MessageKind, users: &[User<'_>]) -> Option<Message> {
    let user = users.iter().find(|user| user.is_bot.0 != Some(true))?;
    let chat = message.chat.0.as_ref()?;
    let mut normalized = blank(kind, chat.id, Sender::from(user));
    place(message, &mut normalized);
    Some(normalized)
}

/// Words and attachments: kind `message`, or `event` when there are neither.
fn content(message: &update::Message<'_>) -> Option<Message> {
    let chat = message.chat.0.as_ref()?;
    let sender = match (&message.from.0, &message.sender_chat.0) {
        (Some(user), _) => Sender::from(user),
        (None, Some(sender)) => Sender::from(sender),
        (None, None) => Sender::from(chat),
    };
    let mut normalized = blank(MessageKind::Message, chat.id, sender);
    normalized.text = message.text.as_str().or(message.caption.as_str()).unwrap_or_default().to_owned();
    normalized.attachments = attachments::of(message);
    if normalized.text.is_empty() && normalized.attachments.is_empty() {
        normalized.kind = MessageKind::Event;
    }
    place(message, &mut normalized);
    if normalized.thread.is_some() {
        normalized.reply_context = message.message_id.0.map(render::reply_context);
    }
    Some(normalized)
}

fn place(message: &update::Message<'_>, normalized: &mut Message) {
    normalized.thread = topic(message);
    normalized.message_id = message.message_id.0.map(|id| id.to_string());
    normalized.timestamp = milliseconds(message.date.0);
}

/// The forum topic. Telegram also sets `message_thread_id` on plain replies, where it names no place of its own.
pub fn topic(message: &update::Message<'_>) -> Option<String> {
    let is_topic = message.is_topic_message.0 == Some(true);
    message.message_thread_id.0.filter(|_| is_topic).map(|id| id.to_string())
}
