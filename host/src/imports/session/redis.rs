//! Sessions in Redis: each step is a command of `greentic_session::steps`, a script sent by its hash.
//!
//! Every step may be sent twice (the scripts see to that), so a connection that broke and a Redis that lost its scripts
//! are tried again here. What fails then is `Unavailable`, and no message of ours names the URL: it holds a password.

use super::turns::{Attempt, Backend, Claim, Grant};
use super::{Commit, StoreError, StoreSettings, StoredKey, storable};
use greentic_session::steps::{self, Command, Holder, Recovered, Reply, StepError};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, RedisError, ServerErrorKind, Value};
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
    settings: StoreSettings,
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
        Ok(Redis { connection, settings })
    }

    /// Sends commands in one go; gives each one's reply, flat.
    async fn send(&self, commands: &[Command]) -> Result<Vec<Vec<Reply>>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(packed(command));
        }
        let mut connection = self.connection.clone();
        let mut tries = 1;
        loop {
            let error = match pipeline.query_async::<Vec<Value>>(&mut connection).await {
                Ok(answers) => return answers.into_iter().map(flat).collect(),
                Err(error) => error,
            };
            let unloaded = error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
            if tries == TRIES || !(unloaded || error.is_connection_dropped()) {
                return Err(unavailable(error));
            }
            tries += 1;
            if unloaded {
                for script in steps::LOAD_ORDER {
                    let mut load = redis::cmd("SCRIPT");
                    load.arg("LOAD").arg(script.text);
                    load.exec_async(&mut connection).await.map_err(unavailable)?;
                }
            }
        }
    }

    /// Sends one command.
    async fn ask(&self, command: Command) -> Result<Vec<Reply>, StoreError> {
        self.send(&[command]).await?.pop().ok_or_else(|| misread(StepError::Unexpected))
    }

    /// Sends one command whose reply is a number.
    async fn ask_number(&self, command: Command) -> Result<u64, StoreError> {
        steps::number(self.ask(command).await?).map_err(misread)
    }

    /// Takes the conversation out of the index, unless it was marked anew.
    async fn unmark(&self, key: &StoredKey, mark: u64) -> Result<(), StoreError> {
        self.ask_number(steps::unmark(key, mark)).await.map(|_| ())
    }

    fn lease_ms(&self) -> u64 {
        millis(self.settings.lease)
    }
}

impl Backend for Redis {
    async fn begin(&self, key: &StoredKey, delivery: &str, ticket: &str) -> Result<Attempt, StoreError> {
        let replies = self.ask(steps::begin(key, delivery, ticket, self.lease_ms())).await?;
        Ok(match steps::begun(replies).map_err(misread)? {
            steps::Begun::New(grant) => Attempt::New(unmarked(grant)),
            steps::Begun::Again(grant) => Attempt::Again(unmarked(grant)),
            steps::Begun::Done => Attempt::Done,
            steps::Begun::Busy { ahead } => Attempt::Busy { ahead },
        })
    }

    async fn commit(&self, claim: &Claim, commit: &Commit) -> Result<(), StoreError> {
        let stored = steps::Commit {
            session: commit.session.as_deref(),
            record_ms: millis(commit.ttl),
            dedup_ms: millis(self.settings.dedup),
            outbox: &commit.outbox,
            delivery: &commit.delivery,
        };
        let commit = steps::commit(&holder(claim), self.lease_ms(), &stored).map_err(misread)?;
        // Two commands, because index and conversation are different slots of a cluster.
        let marking = (!stored.outbox.is_empty()).then(|| steps::mark(&claim.key));
        let commands: Vec<Command> = marking.into_iter().chain([commit]).collect();
        let mut answers = Vec::with_capacity(commands.len());
        for replies in self.send(&commands).await? {
            answers.push(steps::number(replies).map_err(misread)?);
        }
        if let [marked, _] = answers.as_slice() {
            claim.mark.store(*marked, Ordering::Relaxed);
        }
        match answers.last() {
            Some(1) => Ok(()),
            Some(0) => Err(StoreError::Fenced),
            _ => Err(misread(StepError::Unexpected)),
        }
    }

    async fn settle(&self, claim: &Claim, ids: &[String]) -> Result<(), StoreError> {
        let left = self.ask_number(steps::settle(&holder(claim), ids)).await?;
        let mark = claim.mark.load(Ordering::Relaxed);
        if left == 0 && mark != 0 {
            // In the background: nobody waits for a tidy index, and a relay tidies up what is missed here.
            let (store, key) = (self.clone(), claim.key.clone());
            tokio::spawn(async move {
                if let Err(error) = store.unmark(&key, mark).await {
                    tracing::debug!(%error, "an empty outbox stays in the index until a relay looks at it");
                }
            });
        }
        Ok(())
    }

    async fn release(&self, key: &StoredKey, ticket: &str) -> Result<(), StoreError> {
        self.ask_number(steps::release(key, ticket)).await.map(|_| ())
    }

    async fn renew(&self, claim: &Claim) -> Result<bool, StoreError> {
        Ok(self.ask_number(steps::renew(&holder(claim), self.lease_ms())).await? == 1)
    }

    async fn orphans(&self, older_than: Duration, limit: usize) -> Result<Vec<StoredKey>, StoreError> {
        let micros = u64::try_from(older_than.as_micros()).unwrap_or(u64::MAX);
        steps::tags(self.ask(steps::orphans(micros, limit)).await?).map_err(misread)
    }

    async fn recover(&self, key: &StoredKey, ticket: &str) -> Result<Option<Grant>, StoreError> {
        // Before we look at the outbox: whoever fills it after that has marked it after that, and stays in the index.
        let known = steps::score(self.ask(steps::known_mark(key)).await?).map_err(misread)?;
        let replies = self.ask(steps::recover(key, ticket, self.lease_ms())).await?;
        match steps::recovered(replies).map_err(misread)? {
            Recovered::Granted { token, entries } => {
                // To the end of the line, before it is read: an outbox that can't be read or that the bus won't take must
                // not keep others from the relay.
                let mark = self.ask_number(steps::mark(key)).await?;
                let unsent = steps::outbox(entries).map_err(misread)?;
                Ok(Some(Grant { token, mark, session: None, unsent }))
            }
            Recovered::Empty => {
                if let Some(mark) = known {
                    self.unmark(key, mark).await?;
                }
                Ok(None)
            }
            Recovered::Alive => Ok(None),
        }
    }

    async fn reserve(&self, name: &str, holder: &str, time: Duration) -> Result<bool, StoreError> {
        Ok(self.ask_number(steps::reserve(name, holder, millis(time))).await? == 1)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ask(steps::ping()).await.map(|_| ())
    }
}

fn packed(command: &Command) -> Cmd {
    let mut cmd = redis::cmd(command.name);
    for argument in &command.arguments {
        cmd.arg(argument.as_slice());
    }
    cmd
}

fn holder(claim: &Claim) -> Holder<'_> {
    Holder { key: &claim.key, token: claim.token, ticket: &claim.ticket }
}

fn unmarked(grant: steps::Grant) -> Grant {
    let steps::Grant { token, session, unsent } = grant;
    Grant { token, mark: 0, session, unsent }
}

/// A reply as `steps` reads it: lists spelt out one after the other.
fn flat(value: Value) -> Result<Vec<Reply>, StoreError> {
    let mut replies = Vec::new();
    flatten(value, &mut replies)?;
    Ok(replies)
}

fn flatten(value: Value, replies: &mut Vec<Reply>) -> Result<(), StoreError> {
    let reply = match value {
        Value::Array(values) => return values.into_iter().try_for_each(|value| flatten(value, replies)),
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::BulkString(bytes) => Reply::Bytes(bytes),
        Value::SimpleString(status) => Reply::Status(status),
        Value::Okay => Reply::Status("OK".to_owned()),
        // The other kinds are of a protocol version that we don't ask for.
        _ => return Err(misread(StepError::Unexpected)),
    };
    replies.push(reply);
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(storable(duration).as_millis()).unwrap_or(u64::MAX)
}

fn unavailable(error: RedisError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// An outbox that can't be read won't be read the next time either; another answer may come right.
fn misread(error: StepError) -> StoreError {
    match error {
        StepError::Unexpected => StoreError::Unavailable(error.to_string()),
        StepError::Outbox(error) => StoreError::Refused(error.to_string()),
    }
}
