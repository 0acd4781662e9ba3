//! Between the generated types and ours: moves field by field, decides nothing. Written out, so that a member added
//! on either side stops the build instead of getting lost.

use crate::bindings::exports::greentic::edge::provider;
use crate::bindings::greentic::edge::types as wit;
use greentic_channels as channels;
use greentic_types as ours;

pub fn request(request: &wit::Request) -> channels::RawRequest<'_> {
    let wit::Request { method, path, query, headers, body } = request;
    channels::RawRequest { method, path, query: query.as_deref(), headers, body }
}

pub fn received(received: channels::Received) -> provider::Received {
    let channels::Received { answer: channels::Answer { status, headers, body }, messages } = received;
    provider::Received {
        response: wit::Response { status, headers, body },
        messages: messages.into_iter().map(message).collect(),
    }
}

pub fn outbound(outbound: wit::Outbound) -> channels::Outbound {
    let wit::Outbound { id, conversation, thread, user, reply_context, content, done: _ } = outbound;
    let content = match content {
        wit::OutboundContent::Reply(parts) => ours::Content::Reply(reply(parts)),
        wit::OutboundContent::Acknowledgement(text) => ours::Content::Acknowledgement(text),
    };
    channels::Outbound { id, conversation, thread, user, reply_context, content }
}

fn reply(reply: wit::Reply) -> ours::Reply {
    let wit::Reply { text, buttons, attachments, typing, card, passthrough } = reply;
    ours::Reply {
        text,
        buttons: buttons.into_iter().map(row).collect(),
        attachments: attachments.into_iter().map(attachment_in).collect(),
        typing,
        card,
        passthrough,
    }
}

fn row(row: Vec<wit::Button>) -> Vec<ours::Button> {
    row.into_iter().map(button).collect()
}

fn button(button: wit::Button) -> ours::Button {
    let wit::Button { label, value, url } = button;
    ours::Button { label, value, url }
}

fn attachment_in(attachment: wit::Attachment) -> ours::Attachment {
    let wit::Attachment { kind, name, mime_type, reference, size } = attachment;
    ours::Attachment { kind, name, mime_type, reference, size }
}

fn attachment_out(attachment: ours::Attachment) -> wit::Attachment {
    let ours::Attachment { kind, name, mime_type, reference, size } = attachment;
    wit::Attachment { kind, name, mime_type, reference, size }
}

fn message(message: ours::Message) -> wit::Message {
    wit::Message {
        delivery_id: message.delivery_id,
        kind: kind(message.kind),
        conversation: message.conversation,
        thread: message.thread,
        user: message.user,
        user_name: message.user_name,
        message_id: message.message_id,
        text: message.text,
        action: message.action.map(|ours::Action { id, value }| wit::Action { id, value }),
        command: message.command,
        attachments: message.attachments.into_iter().map(attachment_out).collect(),
        locale: message.locale,
        timestamp: message.timestamp,
        starts_turn: message.starts_turn,
        reply_context: message.reply_context,
        acknowledgement: message.acknowledgement,
    }
}

fn kind(kind: ours::MessageKind) -> wit::MessageKind {
    match kind {
        ours::MessageKind::Message => wit::MessageKind::Message,
        ours::MessageKind::Interaction => wit::MessageKind::Interaction,
        ours::MessageKind::Command => wit::MessageKind::Command,
        ours::MessageKind::Edited => wit::MessageKind::Edited,
        ours::MessageKind::Deleted => wit::MessageKind::Deleted,
        ours::MessageKind::Reaction => wit::MessageKind::Reaction,
        ours::MessageKind::Joined => wit::MessageKind::Joined,
        ours::MessageKind::Left => wit::MessageKind::Left,
        ours::MessageKind::Receipt => wit::MessageKind::Receipt,
        ours::MessageKind::Typing => wit::MessageKind::Typing,
        ours::MessageKind::Event => wit::MessageKind::Event,
    }
}
