//! The in-process bus: what a host without NATS publishes to. Bounded; gone with the process, and it says so at start.

use super::{BusError, Delivery, Inlet, Outlet, Published, Subscription, Taken};
use crate::imports::session::Publication;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Messages waiting per subject. Past it publishers are told to retry, as by a full stream.
const CAPACITY: usize = 10_000;

/// What the subjects of dead letters begin with.
const DEAD_LETTERS: &str = "greentic.messaging.dlq.";

/// What the subjects of events begin with. Their types are the flows' own, so there may be any number of subjects; nobody
/// in this process reads them, and this many messages of all of them together are kept.
const EVENTS: &str = "greentic.events.";

/// Ids remembered for dropping duplicates: what JetStream's two-minute window would hold of a busy demo.
const REMEMBERED_IDS: usize = 100_000;

#[derive(Default)]
struct State {
    waiting: BTreeMap<String, VecDeque<Publication>>,
    /// Subjects of the events that wait, in the order in which these came.
    events: VecDeque<String>,
    /// Subject and id, as JetStream counts ids by stream: a dead letter keeps the id of its message.
    seen: HashSet<(String, String)>,
    /// The same in order of arrival, to forget the oldest first.
    order: VecDeque<(String, String)>,
}

impl State {
    /// Counts an event that waits; the oldest makes room, or publishers would wait for a reader that may never come.
    fn note_event(&mut self, subject: String) {
        self.events.push_back(subject);
        if self.events.len() > CAPACITY
            && let Some(oldest) = self.events.pop_front()
        {
            self.pop(&oldest);
        }
    }

    /// The next message of a subject. A subject that has no more is forgotten.
    fn pop(&mut self, subject: &str) -> Option<Publication> {
        let waiting = self.waiting.get_mut(subject)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(subject);
        }
        next
    }

    /// The same for a reader.
    fn take(&mut self, subject: &str) -> Option<Publication> {
        let next = self.pop(subject)?;
        if subject.starts_with(EVENTS)
            && let Some(at) = self.events.iter().position(|waiting| waiting == subject)
        {
            self.events.remove(at);
        }
        Some(next)
    }
}

/// Shared by publishers and subscriptions.
#[derive(Default, Clone)]
pub struct MemoryBus {
    state: Arc<Mutex<State>>,
    arrived: Arc<Notify>,
}

impl MemoryBus {
    pub fn new() -> MemoryBus {
        MemoryBus::default()
    }

    /// Each statement under the lock leaves the state whole, so a poisoned lock holds nothing broken.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, publication: Publication) -> Published {
        let mut state = self.lock();
        let id = (publication.subject.clone(), publication.id.clone());
        if state.seen.contains(&id) {
            return Published::Duplicate;
        }
        let waiting = state.waiting.entry(publication.subject.clone()).or_default();
        // Events are counted all together, below.
        let is_event = publication.subject.starts_with(EVENTS);
        if waiting.len() >= CAPACITY && !is_event {
            if !publication.subject.starts_with(DEAD_LETTERS) {
                return Published::Retry;
            }
            // Nobody may ever read these: the oldest goes, or the conversation would wait for a reader.
            waiting.pop_front();
        }
        let subject = publication.subject.clone();
        waiting.push_back(publication);
        if is_event {
            state.note_event(subject);
        }
        state.order.push_back(id.clone());
        state.seen.insert(id);
        if state.order.len() > REMEMBERED_IDS
            && let Some(oldest) = state.order.pop_front()
        {
            state.seen.remove(&oldest);
        }
        Published::Accepted
    }
}

impl Outlet for MemoryBus {
    fn publish(&self, batch: Vec<Publication>) -> BoxFuture<'_, Vec<Published>> {
        let published = batch.into_iter().map(|publication| self.accept(publication)).collect();
        self.arrived.notify_waiters();
        Box::pin(std::future::ready(published))
    }

    fn is_up(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Inlet for MemoryBus {
    fn redelivers(&self) -> bool {
        false
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Box<dyn Subscription>, BusError>> {
        let subscription = Waiting { bus: self.clone(), subject: subject.to_owned() };
        Box::pin(std::future::ready(Ok(Box::new(subscription) as Box<dyn Subscription>)))
    }
}

struct Waiting {
    bus: MemoryBus,
    subject: String,
}

impl Subscription for Waiting {
    fn next(&mut self) -> BoxFuture<'_, Result<Box<dyn Delivery>, BusError>> {
        Box::pin(async move {
            loop {
                let arrived = self.bus.arrived.notified();
                let next = self.bus.lock().take(&self.subject);
                if let Some(publication) = next {
                    return Ok(Box::new(Taken(publication.payload.into())) as Box<dyn Delivery>);
                }
                arrived.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(id: &str) -> Publication {
        Publication { id: id.into(), subject: "s".into(), headers: Vec::new(), payload: id.into() }
    }

    #[tokio::test]
    async fn keeps_order_and_drops_what_it_has() {
        let bus = MemoryBus::new();
        let told = bus.publish(vec![publication("a"), publication("b"), publication("a")]).await;
        assert_eq!(told, [Published::Accepted, Published::Accepted, Published::Duplicate]);
        let mut subscription = bus.subscribe("s").await.unwrap();
        assert_eq!(subscription.next().await.unwrap().payload(), b"a");
        assert_eq!(subscription.next().await.unwrap().payload(), b"b");
    }

    #[tokio::test]
    async fn events_that_nobody_reads_make_room_for_newer_ones() {
        let bus = MemoryBus::new();
        let event = |n: usize| Publication {
            subject: format!("{EVENTS}dev.acme.type-{}", n % 7),
            ..publication(&n.to_string())
        };
        let told = bus.publish((0..CAPACITY + 7).map(event).collect()).await;
        assert!(told.iter().all(|told| *told == Published::Accepted));
        assert_eq!(bus.lock().waiting.values().map(VecDeque::len).sum::<usize>(), CAPACITY);
        assert_eq!(bus.lock().events.len(), CAPACITY);
        // The first of each type is gone.
        let subject = format!("{EVENTS}dev.acme.type-3");
        assert_eq!(bus.subscribe(&subject).await.unwrap().next().await.unwrap().payload(), b"10");
        assert_eq!(bus.lock().events.len(), CAPACITY - 1);
    }

    #[tokio::test]
    async fn a_full_subject_says_retry() {
        let bus = MemoryBus::new();
        let batch = (0..CAPACITY).map(|n| publication(&n.to_string())).collect();
        bus.publish(batch).await;
        assert_eq!(bus.publish(vec![publication("more")]).await, [Published::Retry]);
    }
}
