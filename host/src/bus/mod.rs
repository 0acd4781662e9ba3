//! The bus, seen from the host: a way out for publications and a way in for the egress worker.
//!
//! Two backends behind one pair of traits: `nats` (published by the sidecar component, consumed by the native client)
//! and `memory` for a host without NATS. A third is one more file.

mod backlog;
pub mod memory;
pub mod nats;

use crate::imports::session::Publication;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::time::Duration;

/// How long a webhook waits for the bus before it leaves its replies to the outbox. Shorter than any platform's
/// patience (Slack: 3 s), longer than a bus that is merely busy.
pub const PUBLISH_PATIENCE: Duration = Duration::from_secs(2);

/// What the bus said of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Accepted,
    /// It had this id already.
    Duplicate,
    /// Away or full: the outbox keeps it.
    Retry,
    /// It will never take it.
    Rejected,
}

/// The way out.
pub trait Outlet: Send + Sync + 'static {
    /// Publishes in order and answers for each, within [`PUBLISH_PATIENCE`].
    fn publish(&self, batch: Vec<Publication>) -> BoxFuture<'_, Vec<Published>>;

    /// Whether publishing would work now; for `/ready`.
    fn is_up(&self) -> bool;

    /// Takes nothing more and lets what is under way finish, for a moment at most: the last step of a shutdown.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A message taken from the bus and not yet done with.
pub trait Delivery: Send + Sync {
    fn payload(&self) -> &[u8];
    /// Tells the bus that this is still worked on, so that nobody else gets it.
    fn progress(&self) -> BoxFuture<'_, ()>;
    /// Takes it off the bus for good.
    fn done(&self) -> BoxFuture<'_, Result<(), BusError>>;
}

/// A message of a bus that redelivers nothing: taken is done.
struct Taken(Bytes);

impl Delivery for Taken {
    fn payload(&self) -> &[u8] {
        &self.0
    }

    fn progress(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn done(&self) -> BoxFuture<'_, Result<(), BusError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The way in: messages of one subject, in order.
pub trait Subscription: Send {
    fn next(&mut self) -> BoxFuture<'_, Result<Box<dyn Delivery>, BusError>>;
}

/// Opens subscriptions.
pub trait Inlet: Send + Sync + 'static {
    /// Whether a message that nobody finished comes again. Only then may a consumer stand by while another works.
    fn redelivers(&self) -> bool;

    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Box<dyn Subscription>, BusError>>;
}

#[derive(Debug, thiserror::Error)]
#[error("bus: {0}")]
pub struct BusError(pub String);
