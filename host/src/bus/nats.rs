//! NATS: the sidecar's feed as the way out, the native client as the way in, and the streams both rely on.
//!
//! The host itself publishes nothing: what goes out goes through the sidecar, the only holder of a TCP right among
//! guests. The native client makes the streams, and consumes for the egress worker.

use super::backlog::Backlog;
use super::{BusError, Delivery, Inlet, Outlet, PUBLISH_PATIENCE, Published, Subscription, Taken};
use crate::imports::egress_feed::Feed;
use crate::imports::session::Publication;
use crate::secrets::Secret;
use async_nats::jetstream::{self, AckKind, consumer, stream};
use futures::StreamExt;
use futures::future::BoxFuture;
use greentic_types::{outgoing_id, subject};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long JetStream remembers ids. At least two minutes by the specification; an hour, because a host that died
/// after publishing and before settling publishes again when it is back, and restarts take longer than two minutes.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(3600);

/// How long sent messages stay readable in the stream, for audit and replay.
const MAX_AGE: Duration = Duration::from_secs(72 * 3600);

/// A worker that says nothing for this long has died; its message goes to another.
pub const ACK_WAIT: Duration = Duration::from_secs(10);

/// Messages one channel may have in hand. A group that is over its platform's rate may collect hundreds, and must not
/// stall the other chats; each in hand costs a heartbeat every three seconds.
const MAX_ACK_PENDING: i64 = 4_096;

/// How the host presents itself to NATS.
#[derive(Clone)]
pub enum Credentials {
    None,
    UserPassword(String, Secret),
    Token(Secret),
    NkeySeed(Secret),
}

/// What the sidecar gets for its last batch on shutdown. What is still unreported then is in an outbox.
const LAST_BATCH: Duration = Duration::from_secs(2);

/// The way out through the sidecar.
pub struct SidecarOutlet {
    feed: Arc<Feed>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// Set once the streams are there: before that nothing that is published is kept.
    streams: Arc<AtomicBool>,
}

impl SidecarOutlet {
    pub fn new(feed: Arc<Feed>, supervisor: JoinHandle<()>, streams: Arc<AtomicBool>) -> SidecarOutlet {
        SidecarOutlet { feed, supervisor: Mutex::new(Some(supervisor)), streams }
    }
}

impl Outlet for SidecarOutlet {
    fn publish(&self, batch: Vec<Publication>) -> BoxFuture<'_, Vec<Published>> {
        Box::pin(self.feed.publish(batch, PUBLISH_PATIENCE))
    }

    fn is_up(&self) -> bool {
        self.feed.is_up() && self.streams.load(Ordering::Acquire)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.feed.close();
            let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut supervisor) = supervisor
                && tokio::time::timeout(LAST_BATCH, &mut supervisor).await.is_err()
            {
                supervisor.abort();
            }
        })
    }
}

/// The native client. Connects in the background and reconnects for ever.
pub struct NatsInlet {
    client: async_nats::Client,
    jetstream: bool,
}

impl NatsInlet {
    /// Fails on unusable addresses or credentials only; an absent server is waited for.
    pub async fn connect(
        urls: &[String],
        credentials: &Credentials,
        timeout: Duration,
        jetstream: bool,
    ) -> Result<NatsInlet, BusError> {
        let options = async_nats::ConnectOptions::new()
            .name("greentic-edge")
            .connection_timeout(timeout)
            .retry_on_initial_connect();
        let options = match credentials {
            Credentials::None => options,
            Credentials::UserPassword(user, password) => {
                options.user_and_password(user.clone(), password.expose_text().to_owned())
            }
            Credentials::Token(token) => options.token(token.expose_text().to_owned()),
            Credentials::NkeySeed(seed) => options.nkey(seed.expose_text().to_owned()),
        };
        let client = options.connect(urls).await.map_err(|error| BusError(format!("connect: {error}")))?;
        Ok(NatsInlet { client, jetstream })
    }

    /// Makes the streams that are missing. Existing ones are left as their operator made them.
    pub async fn ensure_streams(&self) -> Result<(), BusError> {
        if !self.jetstream {
            return Ok(());
        }
        let context = jetstream::new(self.client.clone());
        for (name, filter) in [
            (subject::EGRESS_STREAM, subject::EGRESS_FILTER),
            (subject::DEAD_LETTER_STREAM, subject::DEAD_LETTER_FILTER),
            (subject::EVENTS_STREAM, subject::EVENTS_FILTER),
        ] {
            let config = stream::Config {
                name: name.into(),
                subjects: vec![filter.into()],
                duplicate_window: DUPLICATE_WINDOW,
                max_age: MAX_AGE,
                ..Default::default()
            };
            context.get_or_create_stream(config).await.map_err(|error| BusError(format!("stream {name}: {error}")))?;
        }
        Ok(())
    }

    async fn durable(&self, subject: &str) -> Result<Box<dyn Subscription>, BusError> {
        let context = jetstream::new(self.client.clone());
        let stream = context
            .get_stream(subject::EGRESS_STREAM)
            .await
            .map_err(|error| BusError(format!("stream {}: {error}", subject::EGRESS_STREAM)))?;
        // A durable name may hold no dot; a hash keeps two subjects from sharing a consumer.
        let name = format!("egress-{}", outgoing_id(&[subject], "", 0));
        let config = consumer::pull::Config {
            durable_name: Some(name.clone()),
            description: Some(format!("egress worker of {subject}")),
            filter_subject: subject.to_owned(),
            ack_policy: consumer::AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_ACK_PENDING,
            ..Default::default()
        };
        let consumer = stream
            .get_or_create_consumer(&name, config)
            .await
            .map_err(|error| BusError(format!("consumer {name}: {error}")))?;
        // Asked before the first message is fetched, so that it says what others have in hand.
        let info = consumer.cached_info();
        let backlog = Backlog::new(info.delivered.stream_sequence, info.num_ack_pending, Instant::now() + ACK_WAIT);
        let messages = consumer.messages().await.map_err(|error| BusError(format!("consumer {name}: {error}")))?;
        Ok(Box::new(Durable { messages, backlog }))
    }
}

impl Inlet for NatsInlet {
    fn redelivers(&self) -> bool {
        self.jetstream
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Box<dyn Subscription>, BusError>> {
        Box::pin(async move {
            if self.jetstream {
                self.ensure_streams().await?;
                return self.durable(subject).await;
            }
            // Without JetStream nothing is redelivered: the group only shares the work between hosts.
            let subscriber = self
                .client
                .queue_subscribe(subject.to_owned(), "greentic-egress".into())
                .await
                .map_err(|error| BusError(format!("subscribe: {error}")))?;
            Ok(Box::new(Plain(subscriber)) as Box<dyn Subscription>)
        })
    }
}

struct Durable {
    messages: consumer::pull::Stream,
    backlog: Backlog<jetstream::Message>,
}

impl Durable {
    async fn fetch(&mut self) -> Result<jetstream::Message, BusError> {
        match self.messages.next().await {
            Some(message) => message.map_err(|error| BusError(error.to_string())),
            None => Err(BusError("the subscription ended".into())),
        }
    }
}

impl Subscription for Durable {
    fn next(&mut self) -> BoxFuture<'_, Result<Box<dyn Delivery>, BusError>> {
        Box::pin(async move {
            // What has come is kept in the backlog and not here: this call may be dropped while it waits.
            while let Some(deadline) = self.backlog.deadline() {
                let Ok(message) = tokio::time::timeout_at(deadline, self.fetch()).await else {
                    self.backlog.stop_waiting();
                    break;
                };
                let message = message?;
                let place = message.info().map_err(|error| BusError(error.to_string()))?.stream_sequence;
                self.backlog.hold(place, message);
            }
            let message = match self.backlog.next() {
                Some(message) => message,
                None => self.fetch().await?,
            };
            Ok(Box::new(Unacknowledged(message)) as Box<dyn Delivery>)
        })
    }
}

struct Unacknowledged(jetstream::Message);

impl Delivery for Unacknowledged {
    fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    fn progress(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.0.ack_with(AckKind::Progress).await {
                tracing::warn!(%error, "could not tell the bus that a message is still worked on");
            }
        })
    }

    fn done(&self) -> BoxFuture<'_, Result<(), BusError>> {
        // Twice: an acknowledgement that gets lost would have the message sent again.
        Box::pin(async move { self.0.double_ack().await.map_err(|error| BusError(error.to_string())) })
    }
}

struct Plain(async_nats::Subscriber);

impl Subscription for Plain {
    fn next(&mut self) -> BoxFuture<'_, Result<Box<dyn Delivery>, BusError>> {
        Box::pin(async move {
            let message = self.0.next().await.ok_or_else(|| BusError("the subscription ended".into()))?;
            Ok(Box::new(Taken(message.payload)) as Box<dyn Delivery>)
        })
    }
}
