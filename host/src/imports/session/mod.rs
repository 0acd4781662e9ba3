//! The session store: what keeps a conversation between two messages, and what makes a turn a transaction.
//!
//! `begin` takes the conversation's lease, `commit` stores record, delivery and outbox in one step, `settle` clears the
//! outbox and gives the lease back. A crash anywhere leaves nothing, or an outbox that a relay publishes (`orphans`,
//! `recover`). This file says what a store is; `turns.rs` is what all stores share (waiting, renewing, giving back);
//! `memory.rs` and `redis.rs` are where the bytes lie. It knows no WIT (`session_store.rs` does) and no record: a
//! session is bytes here.

mod memory;
mod redis;
mod turns;
mod waiters;

pub use greentic_session::{Publication, SessionKey, StoredKey};
pub use turns::Lease;

use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A place for sessions. Every store behaves the same; `tests/session_contract.rs` is the proof.
pub trait SessionStore: Send + Sync + 'static {
    /// Takes the conversation's lease, in order of arrival, and says whether the delivery is new. Waits for a busy
    /// conversation up to [`StoreSettings::max_wait`]. Dropped early, it leaves nothing behind.
    fn begin<'a>(&'a self, key: &'a SessionKey, delivery: &'a str) -> BoxFuture<'a, Result<Begun, StoreError>>;

    /// Stores everything of the turn, or nothing. The lease stays.
    fn commit<'a>(&'a self, lease: &'a Lease, commit: Commit) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Takes the published out of the outbox and gives the lease back. With no ids it only gives the lease back.
    fn settle<'a>(&'a self, lease: &'a Lease, ids: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Gives the lease of an unfinished turn back, in the background: for the places that can't wait (`Drop`).
    fn release(&self, lease: Lease);

    /// Conversations whose outbox may have been left behind: committed at least `older_than` ago and not cleared. The
    /// oldest first; a live turn's may be among them, `recover` tells.
    fn orphans(&self, older_than: Duration, limit: usize) -> BoxFuture<'_, Result<Vec<StoredKey>, StoreError>>;

    /// Takes the lease of such a conversation, with what is to be published; `settle` ends it like any turn. None when
    /// there is nothing to publish or somebody who will do it.
    fn recover<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<Recovered, StoreError>>;

    /// Takes or keeps, for `time`, a name that one host holds at once: ask again well within it. False while another
    /// host holds it.
    fn reserve<'a>(&'a self, name: &'a str, time: Duration) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Whether the store answers.
    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A lease taken for what a crash left, and what that is, in order.
pub type Recovered = Option<(Lease, Vec<Publication>)>;

/// What `begin` found.
#[derive(Debug)]
pub enum Begun {
    New(Turn),
    /// Committed before. A turn comes with it when something was left to publish and nobody else is at it.
    Duplicate(Option<Turn>),
    /// Others held the lease for as long as we were ready to wait.
    Busy,
}

/// A turn that has begun.
pub struct Turn {
    pub lease: Lease,
    /// The record as last committed.
    pub session: Option<Vec<u8>>,
    /// Committed by earlier turns and not known to be published, in order. To be published before this turn's own.
    pub unsent: Vec<Publication>,
}

/// Without the session: what a user said must not reach a log.
impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("lease", &self.lease)
            .field("session_bytes", &self.session.as_ref().map(Vec::len))
            .field("unsent", &self.unsent)
            .finish()
    }
}

/// What a turn stores.
pub struct Commit {
    /// None deletes the record.
    pub session: Option<Vec<u8>>,
    /// How long the record lives without another message.
    pub ttl: Duration,
    /// Ids must be unique within the conversation; the same id replaces its entry.
    pub outbox: Vec<Publication>,
    pub delivery: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not reached, or no answer in time. Whether anything was stored is not known; trying again is safe.
    #[error("session store unavailable: {0}")]
    Unavailable(String),
    /// The lease is no longer this turn's. Nothing was stored.
    #[error("another turn took the conversation over; nothing was stored")]
    Fenced,
    /// Will be refused again. Nothing was stored.
    #[error("session store refused: {0}")]
    Refused(String),
}

/// Limits of every store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// How long a holder that is gone keeps its conversation closed. Live turns renew three times within it, so it
    /// only has to be longer than a host may stall (a long pause of the machine, a failover of Redis).
    pub lease: Duration,
    /// How long `begin` waits for a busy conversation. Slack gives a webhook 3 s and others 5 to 10; with a longer wait
    /// the platform would have given up and delivered again.
    pub max_wait: Duration,
    /// How long a delivery is remembered. Platforms retry for minutes to hours; a day covers them all, at about 150
    /// bytes a message.
    pub dedup: Duration,
    /// Largest record. It is read and written whole in each turn, so its size is each turn's cost.
    pub max_record_bytes: usize,
}

impl Default for StoreSettings {
    fn default() -> StoreSettings {
        StoreSettings {
            lease: Duration::from_secs(10),
            max_wait: Duration::from_secs(5),
            dedup: Duration::from_secs(24 * 3_600),
            max_record_bytes: 256 * 1024,
        }
    }
}

/// A store in this process: nothing outlives it and no other host sees it. For the demo, for tests, and for a single
/// host that may forget. A tenant that has `max_sessions_per_tenant` conversations is refused a new one until one of
/// its old ones has expired: dropping a live one instead would lose a user's state without a word.
///
/// Must be called on a Tokio runtime, on which its leases are renewed.
pub fn in_memory(settings: StoreSettings, max_sessions_per_tenant: usize) -> Arc<dyn SessionStore> {
    let backend = memory::Memory::new(settings.clone(), max_sessions_per_tenant);
    Arc::new(turns::Turns::new(backend, settings))
}

/// A store in Redis 7, at `redis://[user:password@]host:port[/db]`. It connects with the first call, so a host starts
/// while Redis is away; `ping` tells.
///
/// Must be called on a Tokio runtime, on which it connects and its leases are renewed.
pub fn in_redis(url: &str, settings: StoreSettings) -> Result<Arc<dyn SessionStore>, StoreError> {
    let backend = redis::Redis::open(url, settings.clone())?;
    Ok(Arc::new(turns::Turns::new(backend, settings)))
}

/// A time to live that every clock can add: at least the millisecond that stores count in, at most a century.
fn storable(duration: Duration) -> Duration {
    duration.clamp(Duration::from_millis(1), Duration::from_secs(100 * 365 * 24 * 3_600))
}
