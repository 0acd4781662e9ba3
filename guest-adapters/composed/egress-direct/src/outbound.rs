//! From a message as it stands on the bus to what a provider is given to send. Decides nothing.
//!
//! One file for both components that send (`composed/egress-trigger` names it by its path), because the generated types
//! are each crate's own. Written out, so that a member added on either side stops the build instead of getting lost.

use crate::bindings::greentic::edge::types as wit;
use greentic_types::{Attachment, Button, Content, Envelope, Reply};

/// The error is without what it was found in: that is what a user is told.
pub fn decode(payload: &[u8]) -> Result<Envelope, String> {
    serde_json::from_slice(payload)
        .map_err(|error| format!("not as documented at line {}, column {}", error.line(), error.column()))
}

pub fn outbound(envelope: Envelope) -> wit::Outbound {
    let Envelope { id, tenant: _, channel: _, conversation, thread, user, reply_context, delivery_id: _, content } =
        envelope;
    let content = match content {
        Content::Reply(parts) => wit::OutboundContent::Reply(reply(parts)),
        Content::Acknowledgement(text) => wit::OutboundContent::Acknowledgement(text),
    };
    wit::Outbound { id, conversation, thread, user, reply_context, content, done: 0 }
}

fn reply(reply: Reply) -> wit::Reply {
    let Reply { text, buttons, attachments, typing, card, passthrough } = reply;
    wit::Reply {
        text,
        buttons: buttons.into_iter().map(|row| row.into_iter().map(button).collect()).collect(),
        attachments: attachments.into_iter().map(attachment).collect(),
        typing,
        card,
        passthrough,
    }
}

fn button(button: Button) -> wit::Button {
    let Button { label, value, url } = button;
    wit::Button { label, value, url }
}

fn attachment(attachment: Attachment) -> wit::Attachment {
    let Attachment { kind, name, mime_type, reference, size } = attachment;
    wit::Attachment { kind, name, mime_type, reference, size }
}
