//! The turns of a composed component's one request: waiting for a busy conversation, limits, giving the lease back.
//!
//! What our host does in `host/src/imports/session`, for a host that lends nothing but a way to Redis; the steps are the
//! same ones, so that both can serve one conversation in turn. Two things differ. Nobody renews a lease here, because
//! nothing runs between a guest's calls: so it is as long as the longest request. And an instance that ends badly gives
//! nothing back: its lease runs out.

use crate::clock::{Instant, MILLISECOND, SECOND, now, sleep};
use greentic_session::steps::{self, Command, Grant, Holder, Reply, StepError};
use greentic_session::{Publication, StoredKey};
use greentic_types::subject;
use wasip2::random::random::get_random_bytes;

/// As long as a request may run. Fencing keeps a longer one from harm: it can't commit.
const LEASE_MS: u64 = 30_000;

/// How long `begin` waits for a busy conversation, as on our host: with a longer wait the platform would have given up.
const MAX_WAIT: Instant = 5 * SECOND;

/// How long a delivery is remembered, as on our host: longer than any platform retries.
const DEDUP_MS: u64 = 24 * 3_600 * 1_000;

/// A waiter's first pause between two questions, the longest one of the waiter that is next, and the longest one of
/// those further back, as on our host.
const FIRST_PAUSE: Instant = 2 * MILLISECOND;
const NEXT_PAUSE: Instant = 50 * MILLISECOND;
const FAR_PAUSE: Instant = 250 * MILLISECOND;

/// A way to one Redis server.
pub trait Redis {
    fn command(&mut self, command: &Command) -> Result<Vec<Reply>, RedisError>;
}

#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// It doesn't know the script by its name (yet, or any more).
    #[error("the script is not loaded")]
    NoScript,
    /// The connection can't be used again.
    #[error("{0}")]
    Unavailable(String),
}

impl RedisError {
    /// From a server's error text. Libraries between us and the server put words before it, hence `contains`.
    pub fn told(text: &str) -> RedisError {
        if text.contains("NOSCRIPT") || text.contains("NoScript") {
            RedisError::NoScript
        } else {
            RedisError::Unavailable(text.to_owned())
        }
    }
}

/// What the caller is told; the detail of `Unavailable` is on stderr.
#[derive(Debug)]
pub enum StoreError {
    Unavailable,
    Fenced,
    Refused(String),
}

impl From<StepError> for StoreError {
    fn from(error: StepError) -> StoreError {
        match error {
            StepError::Unexpected => unavailable(&error),
            StepError::Outbox(error) => StoreError::Refused(error.to_string()),
        }
    }
}

/// What `begin` found.
pub enum Begun {
    New(Grant),
    /// Committed before. A grant comes with it when something was left to publish and nobody else is at it.
    Duplicate(Option<Grant>),
    Busy,
}

/// What a route allows.
pub struct Limits<'a> {
    pub session_bytes: u32,
    /// The flow's limit of replies, and of events; the act that the platform demands may come beside the replies.
    pub outgoing: u32,
    pub egress_subject: &'a str,
    /// What the subjects of events begin with.
    pub events_subject: &'a str,
}

/// What a turn stores.
pub struct Commit<'a> {
    pub session: Option<&'a [u8]>,
    pub ttl_seconds: u32,
    pub outbox: &'a [Publication],
    pub delivery: &'a str,
}

/// The turn under way.
struct Turn {
    key: StoredKey,
    token: u64,
    ticket: String,
    /// What `mark` gave; 0 for not marked.
    mark: u64,
}

impl Turn {
    fn holder(&self) -> Holder<'_> {
        Holder { key: &self.key, token: self.token, ticket: &self.ticket }
    }
}

/// The session store of one instance: one connection, made when it is needed, and one turn at a time.
pub struct Store<R> {
    connect: fn() -> Result<R, String>,
    connection: Option<R>,
    turn: Option<Turn>,
}

impl<R: Redis> Store<R> {
    /// The error of `connect` is for the operator: what to set, never a password.
    pub const fn new(connect: fn() -> Result<R, String>) -> Store<R> {
        Store { connect, connection: None, turn: None }
    }

    /// Takes the conversation's lease, in order of arrival. Gives its place back when it gives up.
    pub fn begin(&mut self, key: &StoredKey, delivery: &str) -> Result<Begun, StoreError> {
        self.give_up();
        let ticket: String = get_random_bytes(16).iter().map(|byte| format!("{byte:02x}")).collect();
        let begun = self.queue(key, delivery, &ticket);
        match &begun {
            Ok(Begun::New(Grant { token, .. }) | Begun::Duplicate(Some(Grant { token, .. }))) => {
                self.turn = Some(Turn { key: key.clone(), token: *token, ticket, mark: 0 });
            }
            Ok(Begun::Duplicate(None)) => {}
            // A store that is away is not asked again: the place runs out by itself.
            Ok(Begun::Busy) | Err(_) if self.connection.is_some() => self.release(key, &ticket),
            Ok(Begun::Busy) | Err(_) => {}
        }
        begun
    }

    fn queue(&mut self, key: &StoredKey, delivery: &str, ticket: &str) -> Result<Begun, StoreError> {
        let until = now() + MAX_WAIT;
        let mut tries = 0;
        loop {
            let replies = self.ask(steps::begin(key, delivery, ticket, LEASE_MS))?;
            let ahead = match steps::begun(replies)? {
                steps::Begun::New(grant) => return Ok(Begun::New(grant)),
                steps::Begun::Again(grant) => return Ok(Begun::Duplicate(Some(grant))),
                steps::Begun::Done => return Ok(Begun::Duplicate(None)),
                steps::Begun::Busy { ahead } => ahead,
            };
            let left = until.saturating_sub(now());
            if left == 0 {
                return Ok(Begun::Busy);
            }
            sleep(pause(ahead, tries).min(left));
            tries += 1;
        }
    }

    /// Stores everything of the turn, or nothing. After `Refused` another try may be made; after any other error the
    /// turn is over.
    pub fn commit(&mut self, version: u64, limits: &Limits<'_>, commit: &Commit<'_>) -> Result<(), StoreError> {
        let Some(mut turn) = self.turn.take_if(|turn| turn.token == version) else {
            return Err(StoreError::Fenced);
        };
        let committed = check(limits, commit).and_then(|()| self.store(&mut turn, commit));
        match committed {
            Ok(()) | Err(StoreError::Refused(_)) => self.turn = Some(turn),
            // The caller won't settle what it could not commit, and the next message must not wait for the lease's end.
            Err(StoreError::Unavailable | StoreError::Fenced) => self.release(&turn.key, &turn.ticket),
        }
        committed
    }

    fn store(&mut self, turn: &mut Turn, commit: &Commit<'_>) -> Result<(), StoreError> {
        let stored = steps::Commit {
            session: commit.session,
            record_ms: u64::from(commit.ttl_seconds) * 1_000,
            dedup_ms: DEDUP_MS,
            outbox: commit.outbox,
            delivery: commit.delivery,
        };
        let command = steps::commit(&turn.holder(), LEASE_MS, &stored)?;
        // First the index: a committed outbox is always where a relay finds it.
        if !commit.outbox.is_empty() {
            turn.mark = steps::number(self.ask(steps::mark(&turn.key))?)?;
        }
        match steps::number(self.ask(command)?)? {
            1 => Ok(()),
            0 => Err(StoreError::Fenced),
            _ => Err(StepError::Unexpected.into()),
        }
    }

    /// Takes the published out of the outbox and gives the lease back.
    pub fn settle(&mut self, version: u64, ids: &[String]) -> Result<(), StoreError> {
        let Some(turn) = self.turn.take_if(|turn| turn.token == version) else {
            return Err(StoreError::Fenced);
        };
        let left = self.ask(steps::settle(&turn.holder(), ids)).and_then(|replies| Ok(steps::number(replies)?));
        match left {
            Ok(0) if turn.mark != 0 => {
                // For a tidy index only; a relay tidies up what is missed here.
                let _ = self.ask(steps::unmark(&turn.key, turn.mark));
            }
            Ok(_) => {}
            Err(error) => {
                self.release(&turn.key, &turn.ticket);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives back what an earlier turn of this instance left.
    fn give_up(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.release(&turn.key, &turn.ticket);
        }
    }

    /// Gives up a lease or a place in the queue. When that fails, it runs out by itself.
    fn release(&mut self, key: &StoredKey, ticket: &str) {
        let _ = self.ask(steps::release(key, ticket));
    }

    fn ask(&mut self, command: Command) -> Result<Vec<Reply>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => (self.connect)().map_err(|why| unavailable(&why))?,
        };
        let answer = match connection.command(&command) {
            Err(RedisError::NoScript) => connection.command(&command.with_text()),
            answer => answer,
        };
        let replies = answer.map_err(|error| unavailable(&error))?;
        self.connection = Some(connection);
        Ok(replies)
    }
}

/// What needs no store to be refused.
fn check(limits: &Limits<'_>, commit: &Commit<'_>) -> Result<(), StoreError> {
    let size = commit.session.map_or(0, <[u8]>::len);
    let limit = limits.session_bytes as usize;
    let refused = |reason| Err(StoreError::Refused(reason));
    if size > limit {
        return refused(format!("session record of {size} bytes; the limit is {limit}"));
    }
    if commit.session.is_some() && commit.ttl_seconds == 0 {
        return refused("a session record needs a time to live".to_owned());
    }
    let is_reply = |publication: &&Publication| publication.subject == limits.egress_subject;
    let most = limits.outgoing as usize;
    let replies = commit.outbox.iter().filter(is_reply).count();
    if replies > most.saturating_add(1) || commit.outbox.len() - replies > most {
        return refused(format!("more than {most} messages or events"));
    }
    let is_event = |publication: &Publication| subject::is_event_below(limits.events_subject, &publication.subject);
    match commit.outbox.iter().find(|publication| !is_reply(publication) && !is_event(publication)) {
        Some(foreign) => refused(format!("subject `{}` is not this route's", foreign.subject)),
        None => Ok(()),
    }
}

fn unavailable(why: &dyn std::fmt::Display) -> StoreError {
    eprintln!("session store unavailable: {why}");
    StoreError::Unavailable
}

/// How long to wait before asking again: those further back ask less often.
fn pause(ahead: u64, tries: u32) -> Instant {
    if ahead == 0 {
        FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(NEXT_PAUSE)
    } else {
        NEXT_PAUSE.saturating_mul(ahead).min(FAR_PAUSE)
    }
}
