//! What every store does alike: waiting for a busy conversation, renewing the leases of live turns, giving back what a
//! caller dropped. The atomic steps themselves are a [`Backend`]'s.
//!
//! The rule: whoever is gone holds nothing for long. A `begin` that is dropped leaves the queue and returns a lease
//! that was granted meanwhile; a `Lease` that is dropped is no longer renewed and runs out.

use super::waiters::Waiters;
use super::{
    Begun, Commit, Publication, Recovered, SessionKey, SessionStore, StoreError, StoreSettings, StoredKey, Turn,
    storable,
};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// A waiter's first pause between two questions: an ordinary turn takes about as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause of the waiter that is next: what a turn loses at most when another host gave the lease back.
const NEXT_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause of one further back. It must ask more often than `greentic_session::scripts::WAITER_MS`.
const FAR_PAUSE: Duration = Duration::from_millis(250);

/// The atomic steps of a store. Each may be called again with the same arguments when its answer was lost.
pub(super) trait Backend: Send + Sync + 'static {
    fn begin(
        &self,
        key: &StoredKey,
        delivery: &str,
        ticket: &str,
    ) -> impl Future<Output = Result<Attempt, StoreError>> + Send;
    fn commit(&self, claim: &Claim, commit: &Commit) -> impl Future<Output = Result<(), StoreError>> + Send;
    fn settle(&self, claim: &Claim, ids: &[String]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Gives up the ticket's lease, or its place in the queue.
    fn release(&self, key: &StoredKey, ticket: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// False when the lease is lost.
    fn renew(&self, claim: &Claim) -> impl Future<Output = Result<bool, StoreError>> + Send;
    fn orphans(
        &self,
        older_than: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredKey>, StoreError>> + Send;
    fn recover(&self, key: &StoredKey, ticket: &str) -> impl Future<Output = Result<Option<Grant>, StoreError>> + Send;
    fn reserve(
        &self,
        name: &str,
        holder: &str,
        time: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// One question for the lease, answered.
pub(super) enum Attempt {
    New(Grant),
    /// Committed before, with something left to publish.
    Again(Grant),
    /// Committed before, with nothing left to do for this caller.
    Done,
    /// Queued, with so many ahead.
    Busy {
        ahead: u64,
    },
}

pub(super) struct Grant {
    pub(super) token: u64,
    /// The backend's name for this turn's place in its index of outboxes; 0 for none.
    pub(super) mark: u64,
    pub(super) session: Option<Vec<u8>>,
    pub(super) unsent: Vec<Publication>,
}

/// A lease as backends know it.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) key: StoredKey,
    pub(super) token: u64,
    /// Unique among all turns of all hosts: what fences.
    pub(super) ticket: String,
    pub(super) mark: Arc<AtomicU64>,
    number: u64,
}

/// The right to commit to a conversation. Renewed while it exists; `settle` or `release` gives it back, and dropping it
/// lets it run out.
pub struct Lease {
    /// Grows with every turn of the conversation.
    pub token: u64,
    claim: Arc<Claim>,
}

impl Lease {
    pub fn key(&self) -> &StoredKey {
        &self.claim.key
    }

    /// The same lease as a host holds it that stalled: nobody renews it, so it runs out once the original is gone.
    pub fn unrenewed(&self) -> Lease {
        Lease { token: self.token, claim: Arc::new(Claim::clone(&self.claim)) }
    }
}

/// Without the key: it names a user.
impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A backend made into a store.
pub(super) struct Turns<B> {
    shared: Arc<Shared<B>>,
}

struct Shared<B> {
    backend: B,
    settings: StoreSettings,
    /// Makes tickets unique among hosts.
    process: u128,
    /// Makes tickets unique here, and says who came first.
    arrivals: AtomicU64,
    waiters: Waiters,
    live: Mutex<HashMap<u64, Weak<Claim>>>,
    /// Leases are also given back from `Drop`, which may run on any thread.
    runtime: Handle,
}

impl<B: Backend> Turns<B> {
    pub(super) fn new(backend: B, settings: StoreSettings) -> Turns<B> {
        // Hash maps are seeded by the operating system: 128 bits of it without a dependency.
        let random = || u128::from(RandomState::new().hash_one(0_u8));
        let renewal = super::storable(settings.lease / 3);
        let shared = Arc::new(Shared {
            backend,
            settings,
            process: (random() << 64) | random(),
            arrivals: AtomicU64::new(0),
            waiters: Waiters::default(),
            live: Mutex::default(),
            runtime: Handle::current(),
        });
        shared.runtime.spawn(renew_all(Arc::downgrade(&shared), renewal));
        Turns { shared }
    }

    async fn wait_and_begin(&self, key: &SessionKey, delivery: &str) -> Result<Begun, StoreError> {
        let Shared { backend, settings, .. } = &*self.shared;
        let mut bid = Bid::new(&self.shared, key.stored());
        let arrived = Instant::now();
        let mut tries = 0;
        loop {
            let attempt = backend.begin(&bid.key, delivery, &bid.ticket).await?;
            let ahead = match attempt {
                Attempt::New(grant) => return Ok(Begun::New(bid.won(grant))),
                Attempt::Again(grant) => return Ok(Begun::Duplicate(Some(bid.won(grant)))),
                Attempt::Done => {
                    bid.open = false;
                    return Ok(Begun::Duplicate(None));
                }
                Attempt::Busy { ahead } => ahead,
            };
            let Some(woken) = bid.place.clone() else {
                bid.place = Some(self.shared.waiters.join(&bid.key, bid.number));
                continue;
            };
            let left = settings.max_wait.saturating_sub(arrived.elapsed());
            if left.is_zero() {
                return Ok(Begun::Busy);
            }
            match tokio::time::timeout(pause(ahead, tries).min(left), woken.notified()).await {
                Ok(()) => tries = 0,
                Err(_) => tries += 1,
            }
        }
    }
}

impl<B: Backend> SessionStore for Turns<B> {
    fn begin<'a>(&'a self, key: &'a SessionKey, delivery: &'a str) -> BoxFuture<'a, Result<Begun, StoreError>> {
        Box::pin(self.wait_and_begin(key, delivery))
    }

    fn commit<'a>(&'a self, lease: &'a Lease, commit: Commit) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let Shared { backend, settings, .. } = &*self.shared;
            let (size, limit) = (commit.session.as_ref().map_or(0, Vec::len), settings.max_record_bytes);
            if size > limit {
                return Err(StoreError::Refused(format!("session record of {size} bytes; the limit is {limit}")));
            }
            if commit.session.is_some() && commit.ttl.is_zero() {
                return Err(StoreError::Refused("a session record needs a time to live".to_owned()));
            }
            backend.commit(&lease.claim, &commit).await
        })
    }

    fn settle<'a>(&'a self, lease: &'a Lease, ids: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.shared.backend.settle(&lease.claim, ids).await?;
            self.shared.live().remove(&lease.claim.number);
            self.shared.waiters.wake(&lease.claim.key);
            Ok(())
        })
    }

    fn release(&self, lease: Lease) {
        self.shared.live().remove(&lease.claim.number);
        self.shared.give_back(lease.claim.key.clone(), lease.claim.ticket.clone());
    }

    fn orphans(&self, older_than: Duration, limit: usize) -> BoxFuture<'_, Result<Vec<StoredKey>, StoreError>> {
        Box::pin(self.shared.backend.orphans(older_than, limit))
    }

    fn recover<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<Recovered, StoreError>> {
        Box::pin(async move {
            let mut bid = Bid::new(&self.shared, key.clone());
            let Some(grant) = self.shared.backend.recover(&bid.key, &bid.ticket).await? else {
                bid.open = false;
                return Ok(None);
            };
            let turn = bid.won(grant);
            Ok(Some((turn.lease, turn.unsent)))
        })
    }

    fn reserve<'a>(&'a self, name: &'a str, time: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let holder = format!("{:032x}", self.shared.process);
            self.shared.backend.reserve(name, &holder, storable(time)).await
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.shared.backend.ping())
    }
}

impl<B: Backend> Shared<B> {
    /// In the background, because its callers can't wait or are gone. When it fails, the lease runs out by itself.
    fn give_back(self: &Arc<Self>, key: StoredKey, ticket: String) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Err(error) = shared.backend.release(&key, &ticket).await {
                tracing::debug!(%error, "a lease could not be given back; it will run out");
            }
            shared.waiters.wake(&key);
        });
    }

    fn live(&self) -> MutexGuard<'_, HashMap<u64, Weak<Claim>>> {
        // No code panics while it holds the lock, so a poisoned map is a whole one.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller's try for a lease, until it has it or gives up.
struct Bid<B: Backend> {
    shared: Arc<Shared<B>>,
    key: StoredKey,
    ticket: String,
    number: u64,
    place: Option<Arc<tokio::sync::Notify>>,
    /// Whether the store may know the ticket.
    open: bool,
}

impl<B: Backend> Bid<B> {
    fn new(shared: &Arc<Shared<B>>, key: StoredKey) -> Bid<B> {
        let number = shared.arrivals.fetch_add(1, Ordering::Relaxed);
        let ticket = format!("{:032x}{number:x}", shared.process);
        Bid { shared: Arc::clone(shared), key, ticket, number, place: None, open: true }
    }

    fn won(mut self, grant: Grant) -> Turn {
        self.open = false;
        let Grant { token, mark, session, unsent } = grant;
        let claim = Arc::new(Claim {
            key: self.key.clone(),
            token,
            ticket: std::mem::take(&mut self.ticket),
            mark: Arc::new(AtomicU64::new(mark)),
            number: self.number,
        });
        self.shared.live().insert(self.number, Arc::downgrade(&claim));
        Turn { lease: Lease { token, claim }, session, unsent }
    }
}

impl<B: Backend> Drop for Bid<B> {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.shared.waiters.leave(&self.key, self.number);
        }
        if self.open {
            self.shared.give_back(self.key.clone(), std::mem::take(&mut self.ticket));
        }
    }
}

/// How long to wait before asking again. Those further back ask less often: most of them are woken, or pass on, long
/// before it is their turn.
fn pause(ahead: u64, tries: u32) -> Duration {
    match u32::try_from(ahead) {
        Ok(0) => FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(NEXT_PAUSE),
        Ok(ahead) => NEXT_PAUSE.saturating_mul(ahead).min(FAR_PAUSE),
        Err(_) => FAR_PAUSE,
    }
}

/// One task a store. It ends with the store.
async fn renew_all<B: Backend>(store: Weak<Shared<B>>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = store.upgrade() else { return };
        let claims: Vec<Arc<Claim>> = {
            let mut live = shared.live();
            live.retain(|_, claim| claim.strong_count() > 0);
            live.values().filter_map(Weak::upgrade).collect()
        };
        // All at once: one after the other, a slow store would see the last ones run out.
        let mut renewals: FuturesUnordered<_> =
            claims.into_iter().map(|claim| renew(Arc::clone(&shared), claim)).collect();
        while renewals.next().await.is_some() {}
    }
}

async fn renew<B: Backend>(shared: Arc<Shared<B>>, claim: Arc<Claim>) {
    match shared.backend.renew(&claim).await {
        Ok(true) => {}
        // The turn learns it from its commit.
        Ok(false) => {
            shared.live().remove(&claim.number);
        }
        Err(error) => tracing::debug!(%error, "a lease could not be renewed; the next try is due before it runs out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_the_waiter_time() {
        assert_eq!(pause(0, 0), FIRST_PAUSE);
        assert_eq!(pause(0, 1), FIRST_PAUSE * 2);
        assert_eq!(pause(0, u32::MAX), NEXT_PAUSE);
        assert_eq!(pause(2, 0), NEXT_PAUSE * 2);
        assert_eq!(pause(u64::MAX, 0), FAR_PAUSE);
        assert!(FAR_PAUSE.as_millis() * 3 < u128::from(greentic_session::scripts::WAITER_MS));
    }
}
