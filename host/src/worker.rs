//! The egress worker: takes replies off the bus and has the channel's provider component send them.
//!
//! A fresh provider instance per message. Conversations go in parallel, each in its own order. A message leaves the bus
//! when the platform has it or when it is in the dead letters with its reason, and not before. What is in hand is kept
//! alive on the bus, and a copy that the bus hands out all the same is not sent again.

mod sending;

use crate::bus::nats::ACK_WAIT;
use crate::bus::{Delivery, Inlet};
use crate::route::Route;
use crate::services::Services;
use greentic_types::{Envelope, outgoing_id};
use sending::Fate;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Sends under way in one process. Each holds a pool slot; the pool has this many beyond the webhooks'.
pub const SENDERS: u32 = 32;

/// How often the bus hears that messages are still ours, and the store that the route is: a third of what they wait.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long a route stays reserved for a host that says nothing: longer than the bus waits for one that says nothing, so
/// that the next host is given the old messages again before it asks for new ones.
const RESERVED: Duration = Duration::from_secs(ACK_WAIT.as_secs() + 5);

/// How long a host believes in its own reservation after it last asked, by its own clock: so much shorter that it has
/// stopped before another can begin.
const HELD: Duration = Duration::from_secs(8);

/// Wait before subscribing again after the bus went away, and between a standing-by host's questions.
const AGAIN: Duration = Duration::from_secs(1);

/// Messages of one route in hand at once: what the bus gives out unacknowledged (`bus/nats.rs`).
const IN_HAND: usize = 4_096;

/// Ids of finished messages that are remembered, to know a late copy by. At the busiest, minutes; copies come in seconds.
const REMEMBERED: usize = 10_000;

/// What all routes' workers of a process share.
#[derive(Clone)]
pub struct Crew {
    pub senders: Arc<Semaphore>,
    /// Conversations being worked on, so that a shutdown can wait for the message each is at.
    pub tasks: TaskTracker,
    /// Set on shutdown: no further message is begun.
    pub stop: CancellationToken,
}

impl Crew {
    pub fn new() -> Crew {
        let senders = Arc::new(Semaphore::new(SENDERS as usize));
        Crew { senders, tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Lets the messages that are being sent be sent. The rest stays on the bus.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(sending::SEND_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("messages were still being sent; the bus hands them out again");
        }
    }
}

impl Default for Crew {
    fn default() -> Crew {
        Crew::new()
    }
}

/// Works off one route's replies until the crew stops. Where the bus hands out again what a dead host had, one host at a
/// time does so for a route, because conversations are kept in order by the process that sends them; others stand by.
pub async fn run(route: Arc<Route>, services: Arc<Services>, inlet: Arc<dyn Inlet>, crew: Crew) {
    let worker = Arc::new(Worker {
        route,
        services,
        crew,
        alone: inlet.redelivers(),
        own: Semaphore::new(SENDERS as usize / 4),
        room: Arc::new(Semaphore::new(IN_HAND)),
        state: Mutex::default(),
    });
    let work = async {
        loop {
            worker.reserve().await;
            if worker.is_mine() {
                worker.consume(inlet.as_ref()).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = worker.beat() => {}
        () = worker.crew.stop.cancelled() => {}
    }
}

struct Worker {
    route: Arc<Route>,
    services: Arc<Services>,
    crew: Crew,
    /// Whether the route must be reserved.
    alone: bool,
    /// The route's share of the crew: a platform that answers nobody must not keep all senders.
    own: Semaphore,
    /// Messages that may be in hand. A bus that redelivers bounds them itself; this bounds the one that doesn't, too.
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

type Message = (Envelope, Arc<dyn Delivery>, OwnedSemaphorePermit);

#[derive(Default)]
struct State {
    /// Until when the route is ours.
    held_until: Option<Instant>,
    /// Conversations being worked on, each with what waits behind its current message.
    conversations: HashMap<String, VecDeque<Message>>,
    /// Everything accepted and not finished, by id.
    in_hand: HashMap<String, Arc<dyn Delivery>>,
    finished: HashSet<String>,
    /// The same in order, to forget the oldest first.
    finished_order: VecDeque<String>,
}

impl State {
    /// Notes a message as finished; gives the handle that the bus listens to now.
    fn finish(&mut self, id: &str) -> Option<Arc<dyn Delivery>> {
        let newest = self.in_hand.remove(id);
        if self.finished.insert(id.to_owned()) {
            self.finished_order.push_back(id.to_owned());
        }
        if self.finished_order.len() > REMEMBERED
            && let Some(oldest) = self.finished_order.pop_front()
        {
            self.finished.remove(&oldest);
        }
        newest
    }
}

impl Worker {
    /// Each statement under the lock leaves the state whole, so a poisoned lock holds nothing broken.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the route. An error changes nothing: what was granted lasts until its time is over.
    async fn reserve(&self) {
        if !self.alone {
            return;
        }
        let asked = Instant::now();
        match self.services.store.reserve(&self.route.egress_subject, RESERVED).await {
            Ok(true) => self.lock().held_until = Some(asked + HELD),
            Ok(false) => self.lock().held_until = None,
            Err(error) => tracing::warn!(%error, channel = %self.route.key, "can't tell whose the channel is"),
        }
    }

    /// Whether this host may send for the route now.
    fn is_mine(&self) -> bool {
        !self.crew.stop.is_cancelled()
            && (!self.alone || self.lock().held_until.is_some_and(|until| Instant::now() < until))
    }

    /// Keeps the reservation and what is in hand alive, for as long as it is polled.
    async fn beat(&self) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if !self.is_mine() {
                continue;
            }
            self.reserve().await;
            let in_hand: Vec<_> = self.lock().in_hand.values().cloned().collect();
            for delivery in in_hand {
                delivery.progress().await;
            }
        }
    }

    /// Takes messages until the subscription ends or the route is another host's.
    async fn consume(self: &Arc<Worker>, inlet: &dyn Inlet) {
        let mut subscription = match inlet.subscribe(&self.route.egress_subject).await {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::warn!(%error, channel = %self.route.key, "no egress subscription yet");
                return;
            }
        };
        while self.is_mine() {
            // Closed never; a full hand waits here, and the bus keeps the rest.
            let Ok(Ok(room)) = tokio::time::timeout(HEARTBEAT, Arc::clone(&self.room).acquire_owned()).await else {
                continue;
            };
            match tokio::time::timeout(HEARTBEAT, subscription.next()).await {
                // Nothing came: time to look whose the route is.
                Err(_) => {}
                Ok(Ok(delivery)) => self.accept(delivery.into(), room),
                Ok(Err(error)) => {
                    tracing::warn!(%error, channel = %self.route.key, "egress subscription ended");
                    return;
                }
            }
        }
    }

    /// Puts a message behind its conversation's others, or starts on it.
    fn accept(self: &Arc<Worker>, delivery: Arc<dyn Delivery>, room: OwnedSemaphorePermit) {
        let worker = Arc::clone(self);
        let envelope = match serde_json::from_slice::<Envelope>(delivery.payload()) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::error!(%error, channel = %self.route.key, "not an envelope; dead-lettered");
                self.crew.tasks.spawn(async move { worker.bury_unreadable(delivery).await });
                return;
            }
        };
        let mut state = self.lock();
        if state.finished.contains(&envelope.id) {
            // Finished, and the bus did not hear it.
            drop(state);
            self.crew.tasks.spawn(async move { worker.take_off(&envelope.id, delivery.as_ref()).await });
            return;
        }
        if state.in_hand.insert(envelope.id.clone(), Arc::clone(&delivery)).is_some() {
            // A copy: the newer handle is the one that the bus will listen to.
            return;
        }
        if let Some(waiting) = state.conversations.get_mut(&envelope.conversation) {
            waiting.push_back((envelope, delivery, room));
            return;
        }
        state.conversations.insert(envelope.conversation.clone(), VecDeque::new());
        drop(state);
        self.crew.tasks.spawn(async move { worker.conversation((envelope, delivery, room)).await });
    }

    /// Works a conversation off until nothing waits or the route is no longer ours.
    async fn conversation(&self, first: Message) {
        let name = first.0.conversation.clone();
        let mut next = Some(first);
        while let Some((envelope, delivery, _room)) = next {
            let fate = self.deliver(&envelope, delivery.as_ref()).await;
            let mut state = self.lock();
            if let Fate::Left = fate {
                // All of it stays on the bus, for whoever has the route then.
                let waiting = state.conversations.remove(&name).unwrap_or_default();
                for id in std::iter::once(&envelope.id).chain(waiting.iter().map(|(envelope, ..)| &envelope.id)) {
                    state.in_hand.remove(id);
                }
                return;
            }
            next = state.conversations.get_mut(&name).and_then(VecDeque::pop_front);
            if next.is_none() {
                state.conversations.remove(&name);
            }
        }
    }

    /// One message to its end.
    async fn deliver(&self, envelope: &Envelope, delivery: &dyn Delivery) -> Fate {
        let fate = self.send(envelope).await;
        if let Fate::Dead(reason) = &fate {
            tracing::warn!(id = envelope.id, channel = %self.route.key, reason, "message dead-lettered");
            self.bury(&envelope.id, delivery, reason).await;
        }
        if !matches!(fate, Fate::Left) {
            let newest = self.lock().finish(&envelope.id);
            self.take_off(&envelope.id, newest.as_deref().unwrap_or(delivery)).await;
        }
        fate
    }

    /// When the bus can't be told, it hands out a copy, which is known by its id.
    async fn take_off(&self, id: &str, delivery: &dyn Delivery) {
        if let Err(error) = delivery.done().await {
            tracing::warn!(%error, id, "could not take a finished message off the bus");
        }
    }

    async fn bury_unreadable(&self, delivery: Arc<dyn Delivery>) {
        let id = outgoing_id(&[&self.route.egress_subject], &String::from_utf8_lossy(delivery.payload()), 0);
        self.bury(&id, delivery.as_ref(), "not an envelope").await;
        self.take_off(&id, delivery.as_ref()).await;
    }
}
