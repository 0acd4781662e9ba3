//! The wire shapes of an update: only the members that are read, and only `update_id` required.
//!
//! Telegram's own documented samples lack members that its documentation calls required (`is_bot`), so everything
//! else is optional (see `lenient`).

use crate::lenient::{Loose, LooseList, Text};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One update. The member that names the kind is kept raw: the others are never parsed.
#[derive(Deserialize)]
pub struct Update<'a> {
    pub update_id: i64,
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub edited_message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub channel_post: Option<&'a RawValue>,
    #[serde(borrow)]
    pub edited_channel_post: Option<&'a RawValue>,
    #[serde(borrow)]
    pub callback_query: Option<&'a RawValue>,
    #[serde(borrow)]
    pub message_reaction: Option<&'a RawValue>,
    #[serde(borrow)]
    pub my_chat_member: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct User<'a> {
    pub id: i64,
    #[serde(default)]
    pub is_bot: Loose<bool>,
    #[serde(borrow, default)]
    pub first_name: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub last_name: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub username: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub language_code: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Chat<'a> {
    pub id: i64,
    #[serde(borrow, default, rename = "type")]
    pub kind: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub title: Loose<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Message<'a> {
    pub message_id: Loose<i64>,
    pub message_thread_id: Loose<i64>,
    pub is_topic_message: Loose<bool>,
    pub date: Loose<i64>,
    #[serde(borrow)]
    pub chat: Loose<Chat<'a>>,
    #[serde(borrow)]
    pub from: Loose<User<'a>>,
    #[serde(borrow)]
    pub sender_chat: Loose<Chat<'a>>,
    #[serde(borrow)]
    pub via_bot: Loose<User<'a>>,
    #[serde(borrow)]
    pub text: Loose<Text<'a>>,
    #[serde(borrow)]
    pub caption: Loose<Text<'a>>,
    #[serde(borrow)]
    pub entities: LooseList<Entity<'a>>,
    #[serde(borrow)]
    pub photo: LooseList<File<'a>>,
    #[serde(borrow)]
    pub animation: Loose<File<'a>>,
    #[serde(borrow)]
    pub document: Loose<File<'a>>,
    #[serde(borrow)]
    pub voice: Loose<File<'a>>,
    #[serde(borrow)]
    pub audio: Loose<File<'a>>,
    #[serde(borrow)]
    pub video: Loose<File<'a>>,
    #[serde(borrow)]
    pub video_note: Loose<File<'a>>,
    #[serde(borrow)]
    pub sticker: Loose<File<'a>>,
    #[serde(borrow)]
    pub contact: Loose<Contact<'a>>,
    pub location: Loose<Location>,
    #[serde(borrow)]
    pub venue: Loose<Venue<'a>>,
    #[serde(borrow)]
    pub poll: Loose<Poll<'a>>,
    #[serde(borrow)]
    pub dice: Loose<Dice<'a>>,
    #[serde(borrow)]
    pub new_chat_members: LooseList<User<'a>>,
    #[serde(borrow)]
    pub left_chat_member: Loose<User<'a>>,
}

/// Offset and length count UTF-16 code units.
#[derive(Deserialize)]
pub struct Entity<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    pub offset: u64,
}

/// Photo size, document, voice, audio, video, animation or sticker: each a file with its own extras.
#[derive(Deserialize)]
pub struct File<'a> {
    #[serde(borrow)]
    pub file_id: Text<'a>,
    #[serde(borrow, default)]
    pub file_name: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub mime_type: Loose<Text<'a>>,
    #[serde(default)]
    pub file_size: Loose<u64>,
    /// Stickers only.
    #[serde(borrow, default)]
    pub emoji: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Contact<'a> {
    #[serde(borrow)]
    pub phone_number: Text<'a>,
    #[serde(borrow, default)]
    pub first_name: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub last_name: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Deserialize)]
pub struct Venue<'a> {
    pub location: Location,
    #[serde(borrow, default)]
    pub title: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Poll<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow, default)]
    pub question: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Dice<'a> {
    #[serde(borrow)]
    pub emoji: Text<'a>,
    pub value: i64,
}

#[derive(Deserialize)]
pub struct CallbackQuery<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub from: User<'a>,
    /// The bot's own message with the button; absent for inline messages, without contents when it is too old.
    #[serde(borrow, default)]
    pub message: Loose<Message<'a>>,
    #[serde(borrow, default)]
    pub data: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct MessageReaction<'a> {
    #[serde(borrow)]
    pub chat: Chat<'a>,
    #[serde(default)]
    pub message_id: Loose<i64>,
    #[serde(borrow, default)]
    pub user: Loose<User<'a>>,
    /// Instead of `user` when the reaction is anonymous.
    #[serde(borrow, default)]
    pub actor_chat: Loose<Chat<'a>>,
    #[serde(default)]
    pub date: Loose<i64>,
    #[serde(borrow, default)]
    pub old_reaction: LooseList<Reaction<'a>>,
    #[serde(borrow, default)]
    pub new_reaction: LooseList<Reaction<'a>>,
}

#[derive(Deserialize)]
pub struct Reaction<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow, default)]
    pub emoji: Loose<Text<'a>>,
    #[serde(borrow, default)]
    pub custom_emoji_id: Loose<Text<'a>>,
}

#[derive(Deserialize)]
pub struct MyChatMember<'a> {
    #[serde(borrow)]
    pub chat: Chat<'a>,
    #[serde(borrow)]
    pub from: User<'a>,
    #[serde(default)]
    pub date: Loose<i64>,
    #[serde(borrow, default)]
    pub old_chat_member: Loose<ChatMember<'a>>,
    #[serde(borrow)]
    pub new_chat_member: ChatMember<'a>,
}

#[derive(Deserialize)]
pub struct ChatMember<'a> {
    #[serde(borrow)]
    pub status: Text<'a>,
    /// Restricted members only: they may also be outside.
    #[serde(default)]
    pub is_member: Loose<bool>,
}
