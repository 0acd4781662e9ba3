//! Between the generated types and `greentic-types`: field for field, nothing decided here.

use crate::bindings::greentic::edge::types as wit;
use greentic_types::{Action, Attachment, Message, MessageKind};

pub fn message(message: &wit::Message) -> Message {
    Message {
        delivery_id: message.delivery_id.clone(),
        kind: kind(message.kind),
        conversation: message.conversation.clone(),
        thread: message.thread.clone(),
        user: message.user.clone(),
        user_name: message.user_name.clone(),
        message_id: message.message_id.clone(),
        text: message.text.clone(),
        action: message.action.as_ref().map(|action| Action { id: action.id.clone(), value: action.value.clone() }),
        command: message.command.clone(),
        attachments: message.attachments.iter().map(attachment).collect(),
        locale: message.locale.clone(),
        timestamp: message.timestamp,
        starts_turn: message.starts_turn,
        reply_context: message.reply_context.clone(),
        acknowledgement: message.acknowledgement.clone(),
    }
}

fn attachment(attachment: &wit::Attachment) -> Attachment {
    Attachment {
        kind: attachment.kind.clone(),
        name: attachment.name.clone(),
        mime_type: attachment.mime_type.clone(),
        reference: attachment.reference.clone(),
        size: attachment.size,
    }
}

fn kind(kind: wit::MessageKind) -> MessageKind {
    match kind {
        wit::MessageKind::Message => MessageKind::Message,
        wit::MessageKind::Interaction => MessageKind::Interaction,
        wit::MessageKind::Command => MessageKind::Command,
        wit::MessageKind::Edited => MessageKind::Edited,
        wit::MessageKind::Deleted => MessageKind::Deleted,
        wit::MessageKind::Reaction => MessageKind::Reaction,
        wit::MessageKind::Joined => MessageKind::Joined,
        wit::MessageKind::Left => MessageKind::Left,
        wit::MessageKind::Receipt => MessageKind::Receipt,
        wit::MessageKind::Typing => MessageKind::Typing,
        wit::MessageKind::Event => MessageKind::Event,
    }
}

/// RFC 9457 problem JSON.
pub fn problem(status: u16, title: &str) -> Vec<u8> {
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status}}}"#).into_bytes()
}
