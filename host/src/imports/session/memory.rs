//! Sessions in this process: the same steps as the Redis scripts, under one mutex.
//!
//! Everything has an end: records by their time to live, deliveries by `dedup`, conversations when nothing of them is
//! left. Expired parts are dropped when their conversation is touched, the rest by a small sweep with each `begin`.

use super::turns::{Attempt, Backend, Claim, Grant};
use super::{Commit, Publication, StoreError, StoreSettings, StoredKey, storable};
use greentic_session::scripts::WAITER_MS;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const WAITER: Duration = Duration::from_millis(WAITER_MS);

/// Conversations looked at by each `begin`. More than one, so that the sweep outruns what begins add; few, because the
/// mutex is held.
const SWEPT_AT_ONCE: usize = 8;

pub(super) struct Memory {
    settings: StoreSettings,
    max_sessions_per_tenant: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    conversations: BTreeMap<StoredKey, Conversation>,
    per_tenant: HashMap<String, usize>,
    /// Those with something in the outbox.
    unsettled: BTreeSet<StoredKey>,
    /// Where the sweep goes on.
    swept: Option<StoredKey>,
}

#[derive(Default)]
struct Conversation {
    record: Option<(Vec<u8>, Instant)>,
    lease: Option<Held>,
    /// Last fencing token.
    token: u64,
    /// By turn and number within it.
    outbox: BTreeMap<(u64, u32), Publication>,
    /// When the outbox was last filled, or a relay was last sent to it.
    marked: Option<Instant>,
    deliveries: HashSet<String>,
    /// The same deliveries by the end of their time, the first to go in front.
    expiries: VecDeque<(Instant, String)>,
    queue: VecDeque<Waiter>,
}

struct Held {
    ticket: String,
    until: Instant,
}

struct Waiter {
    ticket: String,
    seen: Instant,
}

impl Memory {
    pub(super) fn new(settings: StoreSettings, max_sessions_per_tenant: usize) -> Memory {
        Memory { settings, max_sessions_per_tenant, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so a poisoned state is a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_end(&self, now: Instant) -> Instant {
        now + storable(self.settings.lease)
    }
}

impl Backend for Memory {
    async fn begin(&self, key: &StoredKey, delivery: &str, ticket: &str) -> Result<Attempt, StoreError> {
        let now = Instant::now();
        let mut state = self.lock();
        state.sweep(now);
        let conversation = state.enter(key, self.max_sessions_per_tenant)?;
        conversation.expire(now);
        let done = conversation.deliveries.contains(delivery);
        let unsent = !conversation.outbox.is_empty();
        if (!done || unsent) && conversation.is_free(Some(ticket), now) {
            let grant = conversation.grant(ticket, self.lease_end(now));
            return Ok(if done { Attempt::Again(grant) } else { Attempt::New(grant) });
        }
        if done {
            conversation.leave(ticket);
            return Ok(Attempt::Done);
        }
        Ok(Attempt::Busy { ahead: conversation.wait(ticket, now) })
    }

    async fn commit(&self, claim: &Claim, commit: &Commit) -> Result<(), StoreError> {
        let now = Instant::now();
        let mut state = self.lock();
        let conversation = state.held(claim, now).ok_or(StoreError::Fenced)?;
        conversation.keep(&claim.ticket, self.lease_end(now));
        conversation.record = commit.session.clone().map(|record| (record, now + storable(commit.ttl)));
        for (index, publication) in (0..).zip(&commit.outbox) {
            conversation.outbox.retain(|_, entry| entry.id != publication.id);
            conversation.outbox.insert((claim.token, index), publication.clone());
        }
        if conversation.deliveries.insert(commit.delivery.clone()) {
            conversation.expiries.push_back((now + storable(self.settings.dedup), commit.delivery.clone()));
        }
        if !commit.outbox.is_empty() {
            conversation.marked = Some(now);
            state.unsettled.insert(claim.key.clone());
        }
        Ok(())
    }

    async fn settle(&self, claim: &Claim, ids: &[String]) -> Result<(), StoreError> {
        let mut state = self.lock();
        let Some(conversation) = state.conversations.get_mut(&claim.key) else { return Ok(()) };
        conversation.outbox.retain(|_, entry| !ids.contains(&entry.id));
        conversation.give_back(&claim.ticket);
        if conversation.outbox.is_empty() {
            state.unsettled.remove(&claim.key);
        }
        Ok(())
    }

    async fn release(&self, key: &StoredKey, ticket: &str) -> Result<(), StoreError> {
        if let Some(conversation) = self.lock().conversations.get_mut(key) {
            conversation.leave(ticket);
            conversation.give_back(ticket);
        }
        Ok(())
    }

    async fn renew(&self, claim: &Claim) -> Result<bool, StoreError> {
        let now = Instant::now();
        let mut state = self.lock();
        let held = state.held(claim, now).map(|conversation| conversation.keep(&claim.ticket, self.lease_end(now)));
        Ok(held.is_some())
    }

    async fn orphans(&self, older_than: Duration, limit: usize) -> Result<Vec<StoredKey>, StoreError> {
        let now = Instant::now();
        let state = self.lock();
        let marked = |key: &StoredKey| state.conversations.get(key).and_then(|conversation| conversation.marked);
        let mut orphans: Vec<(Instant, &StoredKey)> = state
            .unsettled
            .iter()
            .filter_map(|key| marked(key).map(|at| (at, key)))
            .filter(|(at, _)| now.duration_since(*at) >= older_than)
            .collect();
        orphans.sort();
        Ok(orphans.into_iter().take(limit).map(|(_, key)| key.clone()).collect())
    }

    async fn recover(&self, key: &StoredKey, ticket: &str) -> Result<Option<Grant>, StoreError> {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(conversation) = state.conversations.get_mut(key) else { return Ok(None) };
        conversation.expire(now);
        if conversation.outbox.is_empty() || !conversation.is_free(None, now) {
            return Ok(None);
        }
        // To the end of the line: an outbox that the bus won't take must not keep others from the relay.
        conversation.marked = Some(now);
        Ok(Some(conversation.grant(ticket, self.lease_end(now))))
    }

    /// No other host sees this store, so nobody else can hold anything.
    async fn reserve(&self, _: &str, _: &str, _: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl State {
    fn enter(&mut self, key: &StoredKey, limit: usize) -> Result<&mut Conversation, StoreError> {
        if !self.conversations.contains_key(key) {
            let count = self.per_tenant.entry(key.tenant().to_owned()).or_default();
            if *count >= limit {
                return Err(StoreError::Refused(format!(
                    "this tenant has {limit} conversations, the limit of the in-memory store; use Redis or wait for \
                     sessions to expire"
                )));
            }
            *count += 1;
        }
        Ok(self.conversations.entry(key.clone()).or_default())
    }

    /// The conversation, if its lease is still this claim's.
    fn held(&mut self, claim: &Claim, now: Instant) -> Option<&mut Conversation> {
        let conversation = self.conversations.get_mut(&claim.key)?;
        conversation.expire(now);
        conversation.lease.as_ref().is_some_and(|held| held.ticket == claim.ticket).then_some(conversation)
    }

    fn sweep(&mut self, now: Instant) {
        let from = self.swept.take().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut spent, mut last, mut seen) = (Vec::new(), None, 0);
        for (key, conversation) in
            self.conversations.range::<StoredKey, _>((from, Bound::Unbounded)).take(SWEPT_AT_ONCE)
        {
            if conversation.is_spent(now) {
                spent.push(key.clone());
            }
            last = Some(key);
            seen += 1;
        }
        // Fewer than asked for: that was the end, and the next sweep begins at the beginning.
        self.swept = last.filter(|_| seen == SWEPT_AT_ONCE).cloned();
        for key in spent {
            self.conversations.remove(&key);
            if let Some(count) = self.per_tenant.get_mut(key.tenant()) {
                *count -= 1;
                if *count == 0 {
                    self.per_tenant.remove(key.tenant());
                }
            }
        }
    }
}

impl Conversation {
    /// Drops what has run out. Called before anything is asked of it.
    fn expire(&mut self, now: Instant) {
        self.record = self.record.take().filter(|(_, until)| *until > now);
        self.lease = self.lease.take().filter(|held| held.until > now);
        while self.expiries.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, delivery)) = self.expiries.pop_front() {
                self.deliveries.remove(&delivery);
            }
        }
    }

    /// Whether this ticket (or, without one, somebody who didn't queue) may have the lease.
    fn is_free(&mut self, ticket: Option<&str>, now: Instant) -> bool {
        if self.lease.is_some() {
            return false;
        }
        let mine = |waiter: &Waiter| Some(waiter.ticket.as_str()) == ticket;
        // The dead ahead of us: they would keep the queue closed for ever.
        while self.queue.front().is_some_and(|first| !mine(first) && now.duration_since(first.seen) > WAITER) {
            self.queue.pop_front();
        }
        self.queue.front().is_none_or(mine)
    }

    fn grant(&mut self, ticket: &str, until: Instant) -> Grant {
        self.leave(ticket);
        self.token += 1;
        self.lease = Some(Held { ticket: ticket.to_owned(), until });
        Grant {
            token: self.token,
            mark: 0,
            session: self.record.as_ref().map(|(record, _)| record.clone()),
            unsent: self.outbox.values().cloned().collect(),
        }
    }

    fn keep(&mut self, ticket: &str, until: Instant) {
        self.lease = Some(Held { ticket: ticket.to_owned(), until });
    }

    fn give_back(&mut self, ticket: &str) {
        self.lease = self.lease.take().filter(|held| held.ticket != ticket);
    }

    /// Queues the ticket, or notes that it is still there; gives the number of those ahead.
    fn wait(&mut self, ticket: &str, now: Instant) -> u64 {
        let place = self.queue.iter_mut().zip(0..).find(|(waiter, _)| waiter.ticket == ticket);
        if let Some((waiter, ahead)) = place {
            waiter.seen = now;
            return ahead;
        }
        self.queue.push_back(Waiter { ticket: ticket.to_owned(), seen: now });
        self.queue.len() as u64 - 1
    }

    fn leave(&mut self, ticket: &str) {
        self.queue.retain(|waiter| waiter.ticket != ticket);
    }

    /// Whether nothing of it is left that anybody could ask for.
    fn is_spent(&self, now: Instant) -> bool {
        self.outbox.is_empty()
            && self.record.as_ref().is_none_or(|(_, until)| *until <= now)
            && self.lease.as_ref().is_none_or(|held| held.until <= now)
            && self.expiries.back().is_none_or(|(until, _)| *until <= now)
            && self.queue.iter().all(|waiter| now.duration_since(waiter.seen) > WAITER)
    }
}
