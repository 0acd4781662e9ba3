//! Button presses, reactions, and the bot's own membership.

use super::decode::{Sender, blank, milliseconds};
use super::update::{CallbackQuery, ChatMember, MessageReaction, MyChatMember, Reaction};
use super::{render, written};
use greentic_types::{Action, Message, MessageKind};

/// A press on an inline button. The message under it is the bot's own, which is no reason to drop the press.
///
/// For an inline message Telegram names no chat: the conversation is then the user's private chat with the bot, whose
/// id is the user's. Telegram gives no time of the press either (the message's date may be months old), so
/// `timestamp` is 0. Without `data` (a game's button) the flow has nothing to act on, but the press is answered.
pub fn callback(query: &CallbackQuery<'_>) -> Option<Message> {
    if query.from.is_bot.0 == Some(true) {
        return None;
    }
    let message = query.message.0.as_ref();
    let chat = message.and_then(|message| message.chat.0.as_ref());
    let conversation = chat.map_or(query.from.id, |chat| chat.id);
    let data = query.data.as_str();
    let mut normalized = blank(MessageKind::Interaction, conversation, Sender::from(&query.from));
    normalized.thread = message.and_then(written::topic);
    normalized.message_id = message.and_then(|message| message.message_id.0).map(|id| id.to_string());
    normalized.text = data.unwrap_or_default().to_owned();
    normalized.action = Some(Action { id: query.id.0.to_string(), value: normalized.text.clone() });
    normalized.starts_turn = data.is_some();
    normalized.acknowledgement = Some(render::acknowledgement(&query.id.0));
    Some(normalized)
}

/// Text is what changed: `+👍` was set, `-👍` taken away.
pub fn reaction(reaction: &MessageReaction<'_>) -> Option<Message> {
    let sender = match (&reaction.user.0, &reaction.actor_chat.0) {
        (Some(user), _) if user.is_bot.0 == Some(true) => return None,
        (Some(user), _) => Sender::from(user),
        (None, Some(chat)) => Sender::from(chat),
        (None, None) => return None,
    };
    let old: Vec<String> = reaction.old_reaction.0.iter().map(label).collect();
    let new: Vec<String> = reaction.new_reaction.0.iter().map(label).collect();
    let set = new.iter().filter(|label| !old.contains(label)).map(|label| format!("+{label}"));
    let taken = old.iter().filter(|label| !new.contains(label)).map(|label| format!("-{label}"));
    let changes: Vec<String> = set.chain(taken).collect();

    let mut normalized = blank(MessageKind::Reaction, reaction.chat.id, sender);
    normalized.text = changes.join(" ");
    normalized.message_id = reaction.message_id.0.map(|id| id.to_string());
    normalized.timestamp = milliseconds(reaction.date.0);
    Some(normalized)
}

fn label(reaction: &Reaction<'_>) -> String {
    let name = reaction.emoji.as_str().or(reaction.custom_emoji_id.as_str()).unwrap_or(&reaction.kind.0);
    name.to_owned()
}

/// The bot was started, added, blocked or removed; a mere change of its rights is an `event`.
pub fn membership(change: &MyChatMember<'_>) -> Option<Message> {
    let before = change.old_chat_member.0.as_ref().map(is_present);
    let now = is_present(&change.new_chat_member);
    let kind = match (before, now) {
        (Some(true), true) | (Some(false), false) => MessageKind::Event,
        (_, true) => MessageKind::Joined,
        (_, false) => MessageKind::Left,
    };
    let mut normalized = blank(kind, change.chat.id, Sender::from(&change.from));
    normalized.timestamp = milliseconds(change.date.0);
    Some(normalized)
}

fn is_present(member: &ChatMember<'_>) -> bool {
    match &*member.status.0 {
        "left" | "kicked" => false,
        "restricted" => member.is_member.0 != Some(false),
        _ => true,
    }
}
