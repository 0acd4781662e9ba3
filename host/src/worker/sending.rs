//! One message to the platform: tries, pauses, and the dead letters.

use super::Worker;
use crate::bindings::greentic::edge::types;
use crate::bus::{Delivery, Published};
use crate::imports::nodes::cause;
use crate::imports::provider::{self, SendError};
use crate::imports::session::Publication;
use greentic_types::{Content, Envelope, subject};
use std::time::Duration;

/// Longest that one try may take, connection and answer together.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Tries before a message is given up: with the back-off below, about ten minutes of a platform being down.
const MAX_TRIES: u32 = 10;

/// Shortest pause before the next try, whatever the platform says: 1, 2, 4 … s.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(120);

/// A platform may ask for a longer delay than this, but a message that waits longer answers nobody.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// Longest reason of a dead letter: it is a header.
const REASON_CHARACTERS: usize = 500;

/// What became of one message.
pub enum Fate {
    Sent,
    Dead(String),
    /// The route is no longer this host's: it stays on the bus.
    Left,
}

impl Worker {
    /// Tries until the platform has it or says that it never will.
    pub(super) async fn send(&self, envelope: &Envelope) -> Fate {
        let mut outbound = outbound(envelope);
        let mut back_off = FIRST_BACK_OFF;
        let mut last = String::new();
        for _ in 0..MAX_TRIES {
            if !self.is_mine() {
                return Fate::Left;
            }
            let delay = match self.send_once(&outbound).await {
                Ok(Ok(_)) => return Fate::Sent,
                Ok(Err(SendError::Permanent(reason))) => return Fate::Dead(reason),
                Ok(Err(SendError::Retry(retry))) => {
                    last = retry.reason;
                    outbound.done = retry.done;
                    Duration::from_millis(retry.after_ms.unwrap_or_default())
                }
                Err(reason) => {
                    last = reason;
                    Duration::ZERO
                }
            };
            if delay > LONGEST_DELAY {
                return Fate::Dead(format!("the platform asks to wait {} s: {last}", delay.as_secs()));
            }
            // At least the back-off: a platform that says 0 would use up all tries in a moment.
            let delay = delay.max(back_off);
            tracing::info!(id = envelope.id, delay_ms = delay.as_millis() as u64, reason = last, "will send again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.crew.stop.cancelled() => return Fate::Left,
            }
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
        Fate::Dead(format!("given up after {MAX_TRIES} tries: {last}"))
    }

    async fn send_once(&self, outbound: &types::Outbound) -> Result<Result<provider::Receipt, SendError>, String> {
        // Closed only when the process goes. The route's share first, with none of the crew's in hand.
        let _own = self.own.acquire().await.map_err(|_| "shutting down".to_owned())?;
        let _sender = self.crew.senders.acquire().await.map_err(|_| "shutting down".to_owned())?;
        let sending = provider::send(&self.route, &self.services.guest, outbound);
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => Err(format!("the provider {}", cause(&error, false))),
            Err(_) => Err(format!("the provider took longer than {} s", SEND_TIMEOUT.as_secs())),
        }
    }

    /// Into the dead letters, whatever it takes: until they have it, the message stays on the bus.
    pub(super) async fn bury(&self, id: &str, delivery: &dyn Delivery, reason: &str) {
        // A header is one line, whatever the platform wrote.
        let reason: String =
            reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARACTERS).collect();
        let mut letter = Publication {
            id: id.to_owned(),
            subject: subject::dead_letter(&self.route.key),
            headers: vec![
                (subject::TENANT_HEADER.into(), self.route.key.tenant.tenant_id.clone()),
                (subject::REASON_HEADER.into(), reason),
            ],
            payload: delivery.payload().to_vec(),
        };
        loop {
            match self.services.outlet.publish(vec![letter.clone()]).await.first() {
                // Too large with its reason: id and reason still tell what happened.
                Some(Published::Rejected) if !letter.payload.is_empty() => letter.payload.clear(),
                Some(Published::Retry) | None => tokio::time::sleep(super::AGAIN).await,
                Some(_) => return,
            }
        }
    }
}

fn outbound(envelope: &Envelope) -> types::Outbound {
    let content = match &envelope.content {
        Content::Acknowledgement(text) => types::OutboundContent::Acknowledgement(text.clone()),
        Content::Reply(reply) => types::OutboundContent::Reply(types::Reply {
            text: reply.text.clone(),
            buttons: reply.buttons.iter().map(|row| row.iter().map(button).collect()).collect(),
            attachments: reply.attachments.iter().map(attachment).collect(),
            typing: reply.typing,
            card: reply.card.clone(),
            passthrough: reply.passthrough.clone(),
        }),
    };
    types::Outbound {
        id: envelope.id.clone(),
        conversation: envelope.conversation.clone(),
        thread: envelope.thread.clone(),
        user: envelope.user.clone(),
        reply_context: envelope.reply_context.clone(),
        content,
        done: 0,
    }
}

fn button(button: &greentic_types::Button) -> types::Button {
    types::Button { label: button.label.clone(), value: button.value.clone(), url: button.url.clone() }
}

fn attachment(attachment: &greentic_types::Attachment) -> types::Attachment {
    types::Attachment {
        kind: attachment.kind.clone(),
        name: attachment.name.clone(),
        mime_type: attachment.mime_type.clone(),
        reference: attachment.reference.clone(),
        size: attachment.size,
    }
}
