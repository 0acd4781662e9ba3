//! One connection to one server: the protocol of `greentic-nats` over a socket, and the waiting.
//!
//! Reading never waits for writing, nor the other way round: a server that can't get rid of its acknowledgements
//! may stop reading, and each side would wait for the other for ever.

use crate::bindings::greentic::edge::egress_feed::{Completion, CompletionStatus, ConnectionSettings, Work};
use crate::socket::{Deadline, Instant, MILLISECOND, SECOND, Socket, SocketError, now};
use greentic_nats::{Connection, Event, Options, Outcome, ProtocolError, Publication, PublishError};
use wasip2::random::random::get_random_u64;

/// For connecting and for the handshake, each.
const OPEN_TIMEOUT: Instant = 5 * SECOND;

/// Silence after which the server is asked whether it is there; as long again, and the connection is given up.
const PING_INTERVAL: Instant = 20 * SECOND;

/// Output that is written out before more is published: what a host takes in one write. It bounds the output to this
/// and one message.
const WRITE_THRESHOLD: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("the server did not finish the handshake in time: is it NATS?")]
    HandshakeTimeout,
    #[error("publications were not acknowledged within {milliseconds} ms")]
    Unacknowledged { milliseconds: u32 },
    #[error("the server did not answer a PING")]
    PingUnanswered,
}

pub struct Link {
    connection: Connection,
    socket: Socket,
    jetstream: bool,
    ack_timeout: Instant,
    /// The server's limit, once the handshake is done.
    max_payload: Option<u64>,
    /// When to ask whether the server is there, if nothing comes before.
    next_ping: Instant,
}

impl Link {
    pub fn open(address: &str, settings: &ConnectionSettings) -> Result<Link, LinkError> {
        let options = Options {
            name: settings.name.clone(),
            user: settings.user.clone(),
            password: settings.password.clone(),
            token: settings.token.clone(),
            nkey_seed: settings.nkey_seed.clone(),
            jetstream: settings.jetstream,
        };
        let mut link = Link {
            socket: Socket::connect(address, &Deadline::after(OPEN_TIMEOUT))?,
            connection: Connection::new(options, get_random_u64()),
            jetstream: settings.jetstream,
            ack_timeout: Instant::from(settings.ack_timeout_ms) * MILLISECOND,
            max_payload: None,
            next_ping: now() + PING_INTERVAL,
        };
        let greeted = link.drive(&Deadline::after(OPEN_TIMEOUT), &mut Vec::new(), |link| link.max_payload.is_some())?;
        if greeted { Ok(link) } else { Err(LinkError::HandshakeTimeout) }
    }

    /// The server's limit for headers and payload together. Known as soon as there is a `Link`.
    pub fn max_payload(&self) -> u64 {
        self.max_payload.unwrap_or_default()
    }

    /// Tickets that were sent and not acknowledged.
    pub fn unsettled(&self) -> impl Iterator<Item = u64> {
        self.connection.unsettled()
    }

    /// Publishes all and waits until each has its fate in `done`. False when some have none in time.
    pub fn publish(&mut self, work: &[Work], done: &mut Vec<Completion>) -> Result<bool, LinkError> {
        let deadline = Deadline::after(self.ack_timeout);
        for Work { ticket, publication } in work {
            let publication = Publication {
                subject: &publication.subject,
                message_id: &publication.id,
                headers: &publication.headers,
                payload: &publication.payload,
            };
            match self.connection.publish(*ticket, &publication) {
                Ok(()) => {}
                Err(PublishError::Rejected(_)) => {
                    done.push(Completion { ticket: *ticket, status: CompletionStatus::Rejected });
                }
                Err(PublishError::NotConnected) => return Err(ProtocolError::NotConnected.into()),
            }
            if self.connection.output().len() >= WRITE_THRESHOLD
                && !self.drive(&deadline, done, |link| link.connection.output().is_empty())?
            {
                return Ok(false);
            }
        }
        if !self.jetstream && self.connection.unsettled().next().is_some() {
            self.connection.ping()?;
        }
        self.drive(&deadline, done, |link| link.connection.unsettled().next().is_none())
    }

    /// To be called when there is no work: answers the server and finds out whether it is still there.
    pub fn tend(&mut self, done: &mut Vec<Completion>) -> Result<(), LinkError> {
        self.step(done)?;
        if now() < self.next_ping {
            return Ok(());
        }
        if self.connection.unanswered_pings() > 0 {
            return Err(LinkError::PingUnanswered);
        }
        self.connection.ping()?;
        self.next_ping = now() + PING_INTERVAL;
        self.step(done)?;
        Ok(())
    }

    /// Writes and reads until `finished`; false when the deadline comes first.
    fn drive(
        &mut self,
        deadline: &Deadline,
        done: &mut Vec<Completion>,
        finished: fn(&Link) -> bool,
    ) -> Result<bool, LinkError> {
        loop {
            let came = self.step(done)?;
            if finished(self) {
                return Ok(true);
            }
            // Looked at in every round: a server that never stops talking must not keep us from giving up.
            if deadline.passed() {
                return Ok(false);
            }
            if !came {
                self.socket.wait(!self.connection.output().is_empty(), deadline);
            }
        }
    }

    /// Writes what the socket takes and reads what has come, without waiting. True when anything came.
    fn step(&mut self, done: &mut Vec<Completion>) -> Result<bool, LinkError> {
        if let Err(error) = self.write_out() {
            // A server says why before it hangs up, and that is the better reason.
            if let Ok(last_words) = self.socket.read() {
                self.connection.receive(&last_words)?;
            }
            return Err(error.into());
        }
        let received = self.socket.read()?;
        if received.is_empty() {
            return Ok(false);
        }
        self.next_ping = now() + PING_INTERVAL;
        self.connection.receive(&received)?;
        while let Some(event) = self.connection.next_event() {
            match event {
                Event::Connected { max_payload } => self.max_payload = Some(max_payload),
                Event::Published(ticket, outcome) => done.push(Completion { ticket, status: status(outcome) }),
            }
        }
        Ok(true)
    }

    fn write_out(&mut self) -> Result<(), SocketError> {
        while !self.connection.output().is_empty() {
            let written = self.socket.write(self.connection.output())?;
            if written == 0 {
                return Ok(());
            }
            self.connection.advance_output(written);
            if self.connection.output().is_empty() {
                self.socket.flush()?;
            }
        }
        Ok(())
    }
}

fn status(outcome: Outcome) -> CompletionStatus {
    match outcome {
        Outcome::Stored => CompletionStatus::Stored,
        Outcome::Duplicate => CompletionStatus::Duplicate,
        Outcome::Failed => CompletionStatus::Failed,
        Outcome::Rejected => CompletionStatus::Rejected,
    }
}
