//! One connection to one NATS server: the protocol of `greentic-nats` over a stream, and the waiting.
//!
//! Reading never waits for writing, nor the other way round: a server that can't get rid of its acknowledgements
//! may stop reading, and each side would wait for the other for ever.

use crate::clock::{Deadline, Instant, MILLISECOND, SECOND, now};
use crate::socket::{Socket, SocketError};
use crate::stream::{Channel, Stream};
use crate::tls::Tls;
use greentic_nats::{Connection, Event, Options, Outcome, ProtocolError, Publication, PublishError};
use wasip2::random::random::get_random_u64;

/// Silence after which the server is asked whether it is there; as long again, and the connection is given up.
const PING_INTERVAL: Instant = 20 * SECOND;

/// Output that is written out before more is published: what a host takes in one write. It bounds the output to this
/// and one message.
const WRITE_THRESHOLD: usize = 64 * 1024;

/// Longest INFO that is read before TLS begins. A large cluster's is a few KiB.
const MAX_INFO: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("the server did not finish the handshake in time: is it NATS?")]
    HandshakeTimeout,
    #[error("the server said more than INFO before TLS began, or somebody on the way did")]
    EarlyWords,
    #[error("publications were not acknowledged within {milliseconds} ms")]
    Unacknowledged { milliseconds: u32 },
    #[error("the server did not answer a PING")]
    PingUnanswered,
}

pub struct Link<S> {
    connection: Connection,
    stream: S,
    jetstream: bool,
    ack_timeout: Instant,
    /// The server's limit, once the handshake is done.
    max_payload: Option<u64>,
    /// When to ask whether the server is there, if nothing comes before.
    next_ping: Instant,
}

/// What has come of publications, by ticket.
pub type Fates = Vec<(u64, Outcome)>;

impl Link<Socket> {
    /// Shakes hands with the server at the end of a socket, in the clear.
    pub fn plain(
        socket: Socket,
        options: Options,
        ack_timeout_ms: u32,
        deadline: &Deadline,
    ) -> Result<Link<Socket>, LinkError> {
        let options = Options { tls: false, ..options };
        let jetstream = options.jetstream;
        Link::greet(socket, Connection::new(options, get_random_u64()), jetstream, ack_timeout_ms, deadline)
    }
}

impl Link<Channel> {
    /// Shakes hands, under TLS when the options ask for it: with `host`, whose certificate is checked by `authorities`
    /// (PEM) or by those of the web.
    pub fn open(
        mut socket: Socket,
        options: Options,
        host: &str,
        authorities: Option<&str>,
        ack_timeout_ms: u32,
        deadline: &Deadline,
    ) -> Result<Link<Channel>, LinkError> {
        let (jetstream, tls) = (options.jetstream, options.tls);
        let mut connection = Connection::new(options, get_random_u64());
        let channel = if tls {
            connection.receive(&info(&mut socket, deadline)?)?;
            Channel::Tls(Box::new(Tls::connect(socket, host, authorities, deadline)?))
        } else {
            Channel::Plain(socket)
        };
        Link::greet(channel, connection, jetstream, ack_timeout_ms, deadline)
    }
}

/// The one line that a NATS server sends in the clear before TLS. Nothing may follow it: whatever did would be taken
/// for words that came under TLS.
fn info(socket: &mut Socket, deadline: &Deadline) -> Result<Vec<u8>, LinkError> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let came = socket.read()?;
        if came.is_empty() {
            if deadline.passed() {
                return Err(LinkError::HandshakeTimeout);
            }
            socket.wait(false, deadline);
        }
        line.extend(came);
        if line.len() > MAX_INFO || line.iter().rev().skip(1).any(|byte| *byte == b'\n') {
            return Err(LinkError::EarlyWords);
        }
    }
    Ok(line)
}

impl<S: Stream> Link<S> {
    fn greet(
        stream: S,
        connection: Connection,
        jetstream: bool,
        ack_timeout_ms: u32,
        deadline: &Deadline,
    ) -> Result<Link<S>, LinkError> {
        let mut link = Link {
            connection,
            stream,
            jetstream,
            ack_timeout: Instant::from(ack_timeout_ms) * MILLISECOND,
            max_payload: None,
            next_ping: now() + PING_INTERVAL,
        };
        let greeted = link.drive(deadline, &mut Vec::new(), |link| link.max_payload.is_some())?;
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
    pub fn publish<'p>(
        &mut self,
        work: impl Iterator<Item = (u64, Publication<'p>)>,
        done: &mut Fates,
    ) -> Result<bool, LinkError> {
        let deadline = Deadline::after(self.ack_timeout);
        for (ticket, publication) in work {
            match self.connection.publish(ticket, &publication) {
                Ok(()) => {}
                Err(PublishError::Rejected(_)) => done.push((ticket, Outcome::Rejected)),
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
    pub fn tend(&mut self, done: &mut Fates) -> Result<(), LinkError> {
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
        done: &mut Fates,
        finished: fn(&Link<S>) -> bool,
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
                self.stream.wait(!self.connection.output().is_empty(), deadline);
            }
        }
    }

    /// Writes what the socket takes and reads what has come, without waiting. True when anything came.
    fn step(&mut self, done: &mut Fates) -> Result<bool, LinkError> {
        if let Err(error) = self.write_out() {
            // A server says why before it hangs up, and that is the better reason.
            if let Ok(last_words) = self.stream.read() {
                self.connection.receive(&last_words)?;
            }
            return Err(error.into());
        }
        let received = self.stream.read()?;
        if received.is_empty() {
            return Ok(false);
        }
        self.next_ping = now() + PING_INTERVAL;
        self.connection.receive(&received)?;
        while let Some(event) = self.connection.next_event() {
            match event {
                Event::Connected { max_payload } => self.max_payload = Some(max_payload),
                Event::Published(ticket, outcome) => done.push((ticket, outcome)),
            }
        }
        Ok(true)
    }

    fn write_out(&mut self) -> Result<(), SocketError> {
        while !self.connection.output().is_empty() {
            let written = self.stream.write(self.connection.output())?;
            if written == 0 {
                return Ok(());
            }
            self.connection.advance_output(written);
            if self.connection.output().is_empty() {
                self.stream.flush()?;
            }
        }
        Ok(())
    }
}
