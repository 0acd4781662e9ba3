//! `greentic:edge/egress-feed`: the queue between the host and the sidecar that holds the connection to the bus.
//!
//! Bounded towards the host: a full queue makes publishers wait, and past their patience the outbox keeps the message.
//! Whatever a sidecar was handed and did not report stays here and is handed to the next one, in the old order. That
//! can publish twice; the message id makes the bus drop the second.

use crate::bindings::greentic::edge::{egress_feed as wit, types};
use crate::bus::Published;
use crate::imports::session::Publication;
use crate::sandbox::{Rights, Sandbox};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, oneshot};

/// Publications waiting or under way. A turn makes a few; 4,096 is a second of a very busy host, and 4 KiB each
/// makes 16 MiB at most.
const CAPACITY: usize = 4_096;

/// Wait for a bus that is not connected: enough for a sidecar that is just starting anew.
const PATIENCE_WHILE_DOWN: Duration = Duration::from_millis(250);

/// Where and how the sidecar connects.
#[derive(Clone)]
pub struct Connection {
    pub settings: wit::ConnectionSettings,
}

/// One message on its way, and who waits for its fate.
struct Work {
    publication: Publication,
    fate: oneshot::Sender<Published>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(u64, Work)>,
    /// Handed to the sidecar, not reported yet.
    under_way: BTreeMap<u64, Work>,
    next_ticket: u64,
    closed: bool,
}

/// The queue, shared by all publishers and the one sidecar.
pub struct Feed {
    queue: Mutex<Queue>,
    room: Semaphore,
    arrived: Notify,
    connection: Mutex<Connection>,
    /// Largest payload the server takes, once connected; 0 while away.
    up: AtomicU64,
    /// When the sidecar last asked for work: one that stays away longer than its ticks allow has hung.
    last_exchange: Mutex<tokio::time::Instant>,
}

impl Feed {
    pub fn new(connection: Connection) -> Feed {
        Feed {
            queue: Mutex::default(),
            room: Semaphore::new(CAPACITY),
            arrived: Notify::new(),
            connection: Mutex::new(connection),
            up: AtomicU64::new(0),
            last_exchange: Mutex::new(tokio::time::Instant::now()),
        }
    }

    /// A poisoned lock means a panic between two statements of this file; the queue itself is whole at each.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes in order and waits for the bus's word, at most `patience`.
    pub async fn publish(&self, batch: Vec<Publication>, patience: Duration) -> Vec<Published> {
        // A bus that is away seldom comes back within a webhook's time: the outbox is the better place to wait.
        let patience = if self.is_up() { patience } else { patience.min(PATIENCE_WHILE_DOWN) };
        let deadline = tokio::time::Instant::now() + patience;
        let mut fates = Vec::with_capacity(batch.len());
        for publication in batch {
            let Ok(Ok(permit)) = tokio::time::timeout_at(deadline, self.room.acquire()).await else {
                fates.push(None);
                continue;
            };
            // Given back when the message leaves the queue, not when this caller loses patience.
            permit.forget();
            let (fate, told) = oneshot::channel();
            let mut queue = self.lock();
            let ticket = queue.next_ticket;
            queue.next_ticket += 1;
            queue.waiting.push_back((ticket, Work { publication, fate }));
            drop(queue);
            fates.push(Some(told));
        }
        self.arrived.notify_one();
        let mut published = Vec::with_capacity(fates.len());
        for fate in fates {
            let told = match fate {
                Some(told) => tokio::time::timeout_at(deadline, told).await.ok().and_then(Result::ok),
                None => None,
            };
            published.push(told.unwrap_or(Published::Retry));
        }
        published
    }

    /// Where the next sidecar connects.
    pub fn set_addresses(&self, addresses: &[std::net::SocketAddr]) {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).settings.addresses = addresses;
    }

    fn connection(&self) -> wit::ConnectionSettings {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Whether the sidecar holds a connection.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed) > 0
    }

    /// How long the sidecar has not asked for work.
    pub fn silence(&self) -> Duration {
        self.last_exchange.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Counts as an exchange: a new sidecar gets time to connect.
    pub fn heard(&self) {
        *self.last_exchange.lock().unwrap_or_else(PoisonError::into_inner) = tokio::time::Instant::now();
    }

    /// No more work: the sidecar returns after what it holds.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Called when a sidecar is gone: what it was handed goes back to the front, in order.
    pub fn hand_back(&self) {
        self.up.store(0, Ordering::Relaxed);
        let mut queue = self.lock();
        while let Some((ticket, work)) = queue.under_way.pop_last() {
            queue.waiting.push_front((ticket, work));
        }
    }

    fn report(&self, done: Vec<wit::Completion>) {
        let mut queue = self.lock();
        for completion in done {
            let Some(work) = queue.under_way.remove(&completion.ticket) else {
                continue;
            };
            self.room.add_permits(1);
            let fate = match completion.status {
                wit::CompletionStatus::Stored => Published::Accepted,
                wit::CompletionStatus::Duplicate => Published::Duplicate,
                wit::CompletionStatus::Failed => Published::Retry,
                wit::CompletionStatus::Rejected => Published::Rejected,
            };
            // Nobody waiting any more is fine: the outbox still has it, and its id protects the second try.
            let _ = work.fate.send(fate);
        }
    }

    /// The next batch that somebody still waits for.
    fn take(&self, max: u32) -> Option<wit::FeedEvent> {
        let mut queue = self.lock();
        let mut batch = Vec::new();
        while batch.len() < max as usize {
            let Some((ticket, work)) = queue.waiting.pop_front() else { break };
            if work.fate.is_closed() {
                // Its turn gave up before it was sent: the outbox publishes it, in the right order.
                self.room.add_permits(1);
                continue;
            }
            let Publication { id, subject, headers, payload } = work.publication.clone();
            batch.push(wit::Work { ticket, publication: types::Publication { id, subject, headers, payload } });
            queue.under_way.insert(ticket, work);
        }
        if !batch.is_empty() {
            return Some(wit::FeedEvent::Work(batch));
        }
        queue.closed.then_some(wit::FeedEvent::Closed)
    }

    async fn exchange(&self, done: Vec<wit::Completion>, max: u32, wait: Duration) -> wit::FeedEvent {
        self.heard();
        self.report(done);
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Registered before looking, so that what arrives in between is not missed.
            let arrived = self.arrived.notified();
            if max > 0
                && let Some(event) = self.take(max)
            {
                return event;
            }
            if tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return wit::FeedEvent::Idle;
            }
        }
    }
}

/// Longest wait a sidecar may ask for: it must look after its connection.
const MAX_WAIT: Duration = Duration::from_millis(500);

impl wit::Host for Sandbox {
    fn connection(&mut self) -> wasmtime::Result<wit::ConnectionSettings> {
        match &self.rights {
            Rights::Sidecar { feed, .. } => Ok(feed.connection()),
            _ => Err(Sandbox::not_granted("egress-feed")),
        }
    }

    fn connected(&mut self, max_payload: u64) -> wasmtime::Result<()> {
        match &self.rights {
            Rights::Sidecar { feed, .. } => {
                feed.up.store(max_payload.max(1), Ordering::Relaxed);
                tracing::info!(max_payload, "bus connected");
                Ok(())
            }
            _ => Err(Sandbox::not_granted("egress-feed")),
        }
    }

    async fn exchange(
        &mut self,
        done: Vec<wit::Completion>,
        max: u32,
        wait_ms: u32,
    ) -> wasmtime::Result<wit::FeedEvent> {
        let Rights::Sidecar { feed, .. } = &self.rights else {
            return Err(Sandbox::not_granted("egress-feed"));
        };
        let wait = Duration::from_millis(u64::from(wait_ms)).min(MAX_WAIT);
        Ok(feed.exchange(done, max, wait).await)
    }
}
