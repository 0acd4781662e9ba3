//! Sessions in Redis: each step is one of the scripts of `greentic_session::scripts`, sent by its hash.
//!
//! Every step may be sent twice (the scripts see to that), so a connection that broke and a Redis that lost its scripts
//! are tried again here. What fails then is `Unavailable`, and no message of ours names the URL: it holds a password.

use super::turns::{Attempt, Backend, Claim, Grant};
use super::{Commit, Publication, StoreError, StoreSettings, StoredKey, storable};
use greentic_session::OutboxEntry;
use greentic_session::scripts::{self, COUNTER_MS, INDEX, RESERVATION, WAITER_MS, holder};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError, Script, ServerErrorKind, Value,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A script runs for microseconds; a Redis that takes a second is one that a webhook can't wait for.
const ANSWER: Duration = Duration::from_secs(1);
/// Connecting, with one more try after a short pause: a failing call is over after two of these.
const CONNECT: Duration = Duration::from_secs(1);
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// A peer that acknowledges nothing for this long is gone, and the connection with it. Without it the kernel would go
/// on for a quarter of an hour, and we with it.
const DEAD_PEER: Duration = Duration::from_secs(5);
/// The worst that can pass: a connection found broken, a fresh Redis without our scripts, then the answer.
const TRIES: u32 = 3;

#[derive(Clone)]
pub(super) struct Redis {
    connection: ConnectionManager,
    scripts: Arc<Scripts>,
    settings: StoreSettings,
}

struct Scripts {
    begin: Script,
    mark: Script,
    commit: Script,
    settle: Script,
    release: Script,
    renew: Script,
    recover: Script,
    unmark: Script,
    orphans: Script,
    reserve: Script,
}

impl Scripts {
    fn new() -> Scripts {
        Scripts {
            begin: Script::new(scripts::BEGIN),
            mark: Script::new(scripts::MARK),
            commit: Script::new(scripts::COMMIT),
            settle: Script::new(scripts::SETTLE),
            release: Script::new(scripts::RELEASE),
            renew: Script::new(scripts::RENEW),
            recover: Script::new(scripts::RECOVER),
            unmark: Script::new(scripts::UNMARK),
            orphans: Script::new(scripts::ORPHANS),
            reserve: Script::new(scripts::RESERVE),
        }
    }

    /// `mark` before `commit`: a Redis that can commit can mark.
    fn in_load_order(&self) -> [&Script; 10] {
        let Scripts { begin, mark, commit, settle, release, renew, recover, unmark, orphans, reserve } = self;
        [mark, commit, begin, settle, release, renew, recover, unmark, orphans, reserve]
    }
}

impl Redis {
    pub(super) fn open(url: &str, settings: StoreSettings) -> Result<Redis, StoreError> {
        // The error's own text may repeat a part of the URL.
        let refused = |error: RedisError| {
            StoreError::Refused(format!(
                "the Redis URL ({}); use redis://[user:password@]host:port[/db]",
                error.category()
            ))
        };
        let info = url.into_connection_info().map_err(refused)?;
        // Scripts are small and each waits for its answer: Nagle's algorithm would only delay them.
        let tcp = TcpSettings::default().set_nodelay(true);
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(DEAD_PEER);
        let client = Client::open(info.set_tcp_settings(tcp)).map_err(refused)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER))
            .set_connection_timeout(Some(CONNECT))
            .set_number_of_retries(1)
            .set_min_delay(RECONNECT_PAUSE)
            .set_max_delay(RECONNECT_PAUSE);
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(refused)?;
        Ok(Redis { connection, scripts: Arc::new(Scripts::new()), settings })
    }

    async fn send<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let mut tries = 1;
        loop {
            let error = match pipeline.query_async(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let unloaded = error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
            if tries == TRIES || !(unloaded || error.is_connection_dropped()) {
                return Err(unavailable(error));
            }
            tries += 1;
            if unloaded {
                for script in self.scripts.in_load_order() {
                    script.load_async(&mut connection).await.map_err(unavailable)?;
                }
            }
        }
    }

    /// Sends one command.
    async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Result<T, StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.add_command(command);
        let (answer,) = self.send(&pipeline).await?;
        Ok(answer)
    }

    fn marking(&self, key: &StoredKey) -> Cmd {
        let mut command = call(&self.scripts.mark, &[INDEX.to_owned()]);
        command.arg(key.tag());
        command
    }

    /// Takes the conversation out of the index, unless it was marked anew.
    async fn unmark(&self, key: &StoredKey, mark: u64) -> Result<(), StoreError> {
        let mut command = call(&self.scripts.unmark, &[INDEX.to_owned()]);
        command.arg(key.tag()).arg(mark);
        self.ask::<u64>(command).await.map(|_| ())
    }

    fn lease_ms(&self) -> u64 {
        millis(self.settings.lease)
    }
}

impl Backend for Redis {
    async fn begin(&self, key: &StoredKey, delivery: &str, ticket: &str) -> Result<Attempt, StoreError> {
        let keys = [
            key.redis("s"),
            key.redis("l"),
            key.redis("n"),
            key.redis("o"),
            key.delivery(delivery),
            key.redis("q"),
            key.redis("w"),
        ];
        let mut command = call(&self.scripts.begin, &keys);
        command.arg(ticket).arg(self.lease_ms()).arg(WAITER_MS).arg(COUNTER_MS);
        let mut answer = Answer(self.ask::<Vec<Value>>(command).await?.into_iter());
        let status: String = answer.take()?;
        match status.as_str() {
            "new" => Ok(Attempt::New(answer.grant()?)),
            "again" => Ok(Attempt::Again(answer.grant()?)),
            "done" => Ok(Attempt::Done),
            "busy" => Ok(Attempt::Busy { ahead: answer.take()? }),
            _ => Err(unexpected()),
        }
    }

    async fn commit(&self, claim: &Claim, commit: &Commit) -> Result<(), StoreError> {
        let Claim { key, token, ticket, mark, .. } = claim;
        let entries =
            OutboxEntry::encode_all(*token, &commit.outbox).map_err(|e| StoreError::Refused(e.to_string()))?;
        let keys = [key.redis("s"), key.redis("l"), key.redis("n"), key.redis("o"), key.delivery(&commit.delivery)];
        let record_ms = if commit.session.is_some() { millis(commit.ttl) } else { 0 };
        let mut command = call(&self.scripts.commit, &keys);
        command
            .arg(holder(*token, ticket))
            .arg(self.lease_ms())
            .arg(record_ms)
            .arg(commit.session.as_deref().unwrap_or_default())
            .arg(millis(self.settings.dedup));
        for (id, bytes) in entries {
            command.arg(id).arg(bytes);
        }
        let mut pipeline = redis::pipe();
        if !commit.outbox.is_empty() {
            // Two commands, because index and conversation are different slots of a cluster.
            pipeline.add_command(self.marking(key));
        }
        pipeline.add_command(command);
        let answers: Vec<u64> = self.send(&pipeline).await?;
        if let [marked, _] = answers.as_slice() {
            mark.store(*marked, Ordering::Relaxed);
        }
        match answers.last() {
            Some(1) => Ok(()),
            Some(0) => Err(StoreError::Fenced),
            _ => Err(unexpected()),
        }
    }

    async fn settle(&self, claim: &Claim, ids: &[String]) -> Result<(), StoreError> {
        let Claim { key, token, ticket, mark, .. } = claim;
        let mut command = call(&self.scripts.settle, &[key.redis("l"), key.redis("n"), key.redis("o")]);
        command.arg(holder(*token, ticket)).arg(COUNTER_MS).arg(ids);
        let left: u64 = self.ask(command).await?;
        let mark = mark.load(Ordering::Relaxed);
        if left == 0 && mark != 0 {
            // In the background: nobody waits for a tidy index, and a relay tidies up what is missed here.
            let (store, key) = (self.clone(), key.clone());
            tokio::spawn(async move {
                if let Err(error) = store.unmark(&key, mark).await {
                    tracing::debug!(%error, "an empty outbox stays in the index until a relay looks at it");
                }
            });
        }
        Ok(())
    }

    async fn release(&self, key: &StoredKey, ticket: &str) -> Result<(), StoreError> {
        let mut command = call(&self.scripts.release, &[key.redis("l"), key.redis("q"), key.redis("w")]);
        command.arg(ticket);
        self.ask::<u64>(command).await.map(|_| ())
    }

    async fn renew(&self, claim: &Claim) -> Result<bool, StoreError> {
        let mut command = call(&self.scripts.renew, &[claim.key.redis("l")]);
        command.arg(holder(claim.token, &claim.ticket)).arg(self.lease_ms());
        Ok(self.ask::<u64>(command).await? == 1)
    }

    async fn orphans(&self, older_than: Duration, limit: usize) -> Result<Vec<StoredKey>, StoreError> {
        let micros = u64::try_from(older_than.as_micros()).unwrap_or(u64::MAX);
        let mut command = call(&self.scripts.orphans, &[INDEX.to_owned()]);
        command.arg(micros).arg(limit);
        let tags: Vec<String> = self.ask(command).await?;
        Ok(tags.into_iter().map(StoredKey::from_tag).collect())
    }

    async fn recover(&self, key: &StoredKey, ticket: &str) -> Result<Option<Grant>, StoreError> {
        // Before we look at the outbox: whoever fills it after that has marked it after that, and stays in the index.
        let mut score = redis::cmd("ZSCORE");
        score.arg(INDEX).arg(key.tag());
        let known: Option<f64> = self.ask(score).await?;
        let keys = [key.redis("l"), key.redis("n"), key.redis("o"), key.redis("q"), key.redis("w")];
        let mut command = call(&self.scripts.recover, &keys);
        command.arg(ticket).arg(self.lease_ms()).arg(WAITER_MS);
        let mut answer = Answer(self.ask::<Vec<Value>>(command).await?.into_iter());
        let status: String = answer.take()?;
        match status.as_str() {
            "granted" => {
                let token = answer.take()?;
                // To the end of the line, before it is read: an outbox that can't be read or that the bus won't take must
                // not keep others from the relay.
                let mark = self.ask(self.marking(key)).await?;
                let unsent = answer.outbox()?;
                Ok(Some(Grant { token, mark, session: None, unsent }))
            }
            "empty" => {
                if let Some(mark) = known {
                    self.unmark(key, mark as u64).await?;
                }
                Ok(None)
            }
            "alive" => Ok(None),
            _ => Err(unexpected()),
        }
    }

    async fn reserve(&self, name: &str, holder: &str, time: Duration) -> Result<bool, StoreError> {
        let mut command = call(&self.scripts.reserve, &[format!("{RESERVATION}{name}")]);
        command.arg(holder).arg(millis(time));
        Ok(self.ask::<u64>(command).await? == 1)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ask::<String>(redis::cmd("PING")).await.map(|_| ())
    }
}

fn call(script: &Script, keys: &[String]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys.len()).arg(keys);
    command
}

/// What a script gave, read from the front.
struct Answer(std::vec::IntoIter<Value>);

impl Answer {
    fn take<T: FromRedisValue>(&mut self) -> Result<T, StoreError> {
        let value = self.0.next().ok_or_else(unexpected)?;
        redis::from_redis_value(value).map_err(|_| unexpected())
    }

    fn grant(&mut self) -> Result<Grant, StoreError> {
        Ok(Grant { token: self.take()?, mark: 0, session: self.take()?, unsent: self.outbox()? })
    }

    fn outbox(&mut self) -> Result<Vec<Publication>, StoreError> {
        let stored: Vec<Vec<u8>> = self.take()?;
        OutboxEntry::decode_all(&stored).map_err(|error| StoreError::Refused(error.to_string()))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(storable(duration).as_millis()).unwrap_or(u64::MAX)
}

fn unavailable(error: RedisError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// Only when somebody else writes to our keys, or runs scripts of another version under our names.
fn unexpected() -> StoreError {
    StoreError::Unavailable("Redis gave an answer of an unknown shape".to_owned())
}
