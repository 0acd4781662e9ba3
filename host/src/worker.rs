//! The egress worker: takes replies off the bus and has the channel's provider component send them.
//!
//! A fresh provider instance per message. Conversations go in parallel, each in its own order. A message leaves the bus
//! when the platform has it or when it is in the dead letters with its reason, and not before.

use crate::bindings::greentic::edge::types;
use crate::bus::{Delivery, Inlet, Published};
use crate::imports::nodes::cause;
use crate::imports::provider::{self, SendError};
use crate::imports::session::Publication;
use crate::route::Route;
use crate::services::Services;
use greentic_types::{Content, Envelope, subject};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Sends under way in one process. Each holds a pool slot; the pool has this many beyond the webhooks'.
pub const SENDERS: u32 = 32;

/// Longest that one try may take, connection and answer together.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Tries before a message is given up: with the back-off below, about ten minutes of a platform being down.
const MAX_TRIES: u32 = 10;

/// Back-off after an error that names no delay: 1, 2, 4 … s.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(120);

/// A platform may ask for a longer delay than this, but a message that waits longer answers nobody.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// How often the bus hears that a waiting message is still ours: a third of what it waits for.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Wait before subscribing again after the bus went away.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// Works off one route's replies for as long as it is polled.
pub async fn run(route: Arc<Route>, services: Arc<Services>, inlet: Arc<dyn Inlet>, senders: Arc<Semaphore>) {
    let worker = Arc::new(Worker { route, services, senders, conversations: Mutex::default() });
    loop {
        match inlet.subscribe(&worker.route.egress_subject).await {
            Ok(mut subscription) => loop {
                match subscription.next().await {
                    Ok(delivery) => Worker::accept(&worker, delivery),
                    Err(error) => {
                        tracing::warn!(%error, channel = %worker.route.key, "egress subscription ended");
                        break;
                    }
                }
            },
            Err(error) => tracing::warn!(%error, channel = %worker.route.key, "no egress subscription yet"),
        }
        tokio::time::sleep(RESUBSCRIBE).await;
    }
}

struct Worker {
    route: Arc<Route>,
    services: Arc<Services>,
    senders: Arc<Semaphore>,
    /// Conversations being worked on, each with what waits behind its current message.
    conversations: Mutex<HashMap<String, Waiting>>,
}

/// What waits behind a conversation's current message.
type Waiting = VecDeque<(Envelope, Box<dyn Delivery>)>;

/// What became of one message.
enum Fate {
    Sent,
    Dead(String),
}

impl Worker {
    /// Puts a message behind its conversation's others, or starts on it.
    fn accept(self: &Arc<Worker>, delivery: Box<dyn Delivery>) {
        let envelope = match serde_json::from_slice::<Envelope>(delivery.payload()) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::error!(%error, channel = %self.route.key, "not an envelope; dead-lettered");
                let worker = Arc::clone(self);
                tokio::spawn(async move { worker.bury_unreadable(delivery).await });
                return;
            }
        };
        let mut conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = conversations.get_mut(&envelope.conversation) {
            waiting.push_back((envelope, delivery));
            return;
        }
        conversations.insert(envelope.conversation.clone(), VecDeque::new());
        drop(conversations);
        let worker = Arc::clone(self);
        tokio::spawn(async move { worker.conversation(envelope, delivery).await });
    }

    /// Works a conversation off until nothing waits.
    async fn conversation(&self, envelope: Envelope, delivery: Box<dyn Delivery>) {
        let name = envelope.conversation.clone();
        let mut next = Some((envelope, delivery));
        while let Some((envelope, delivery)) = next {
            self.deliver(&envelope, delivery.as_ref()).await;
            let mut conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
            next = conversations.get_mut(&name).and_then(VecDeque::pop_front);
            if next.is_none() {
                conversations.remove(&name);
            }
        }
    }

    /// One message to its end, telling the bus meanwhile that it is in work.
    async fn deliver(&self, envelope: &Envelope, delivery: &dyn Delivery) {
        let fate = {
            let sending = self.send(envelope);
            let mut sending = std::pin::pin!(sending);
            loop {
                tokio::select! {
                    fate = &mut sending => break fate,
                    () = tokio::time::sleep(HEARTBEAT) => delivery.progress().await,
                }
            }
        };
        if let Fate::Dead(reason) = fate {
            tracing::warn!(id = envelope.id, channel = %self.route.key, reason, "message dead-lettered");
            self.bury(&envelope.id, delivery, &reason).await;
        }
        if let Err(error) = delivery.done().await {
            tracing::warn!(%error, id = envelope.id, "could not take a finished message off the bus");
        }
    }

    /// Tries until the platform has it or says that it never will.
    async fn send(&self, envelope: &Envelope) -> Fate {
        let outbound = outbound(envelope);
        let mut back_off = FIRST_BACK_OFF;
        let mut last = String::new();
        for _ in 0..MAX_TRIES {
            let delay = match self.send_once(&outbound).await {
                Ok(Ok(_)) => return Fate::Sent,
                Ok(Err(SendError::Permanent(reason))) => return Fate::Dead(reason),
                Ok(Err(SendError::Retry(retry))) => {
                    last = retry.reason;
                    retry.after_ms.map(Duration::from_millis)
                }
                Err(reason) => {
                    last = reason;
                    None
                }
            };
            let delay = delay.unwrap_or(back_off);
            if delay > LONGEST_DELAY {
                return Fate::Dead(format!("the platform asks to wait {} s: {last}", delay.as_secs()));
            }
            tracing::info!(id = envelope.id, delay_ms = delay.as_millis() as u64, reason = last, "will send again");
            tokio::time::sleep(delay).await;
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
        Fate::Dead(format!("given up after {MAX_TRIES} tries: {last}"))
    }

    async fn send_once(&self, outbound: &types::Outbound) -> Result<Result<provider::Receipt, SendError>, String> {
        // Closed only when the process goes.
        let _sender = self.senders.acquire().await.map_err(|_| "shutting down".to_owned())?;
        let sending = provider::send(&self.route, &self.services.guest, outbound);
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => Err(format!("the provider {}", cause(&error, false))),
            Err(_) => Err(format!("the provider took longer than {} s", SEND_TIMEOUT.as_secs())),
        }
    }

    /// Into the dead letters, whatever it takes: until they have it, the message stays on the bus.
    async fn bury(&self, id: &str, delivery: &dyn Delivery, reason: &str) {
        let letter = Publication {
            id: id.to_owned(),
            subject: subject::dead_letter(&self.route.key),
            headers: vec![
                (subject::TENANT_HEADER.into(), self.route.key.tenant.tenant_id.clone()),
                // A header is one line, whatever the platform wrote.
                (subject::REASON_HEADER.into(), reason.replace(['\r', '\n'], " ")),
            ],
            payload: delivery.payload().to_vec(),
        };
        loop {
            let published = self.services.outlet.publish(vec![letter.clone()]).await;
            if published.first() != Some(&Published::Retry) {
                return;
            }
            delivery.progress().await;
            tokio::time::sleep(RESUBSCRIBE).await;
        }
    }

    async fn bury_unreadable(&self, delivery: Box<dyn Delivery>) {
        let id =
            greentic_types::outgoing_id(&[&self.route.egress_subject], &String::from_utf8_lossy(delivery.payload()), 0);
        self.bury(&id, delivery.as_ref(), "not an envelope").await;
        if let Err(error) = delivery.done().await {
            tracing::warn!(%error, "could not take a dead letter off the bus");
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
