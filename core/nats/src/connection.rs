//! One connection's state: from INFO through CONNECT to publishing, until the first fatal word of the server's.
//!
//! Order is what everything rests on. The server handles a client's operations one by one, so an answer to a PING
//! covers all that was published before it, and a refusal names the oldest unsettled publication to its subject.
//! Every publication is settled at most once; on an error what is unsettled stays so, for the caller to send again.

use crate::handshake::Info;
use crate::parse::{self, Message, Operation};
use crate::{Options, Outcome, ProtocolError, Publication, PublishError, ack, decimal};
use std::collections::VecDeque;

/// The inbox is the only subscription.
const INBOX_SUBSCRIPTION: u64 = 1;

/// A server pings every two minutes, and its PINGs are answered when output is written. This many unwritten answers
/// mean that it only talks and never reads; the output must not grow by its talking.
const MAX_UNWRITTEN_PONGS: u32 = 1024;

/// Longest part of a server's error that is shown.
const MAX_ERROR_TEXT: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The handshake is done. The size is the server's limit for headers and payload together.
    Connected { max_payload: u64 },
    /// The fate of the publication with this ticket.
    Published(u64, Outcome),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AwaitingInfo,
    /// CONNECT and PING are written; a wrong password would be told instead of the PONG.
    AwaitingPong,
    Ready,
    Failed,
}

/// A publication whose fate is not known.
struct Unsettled {
    ticket: u64,
    /// How many publications were written before it.
    number: u64,
    subject: String,
}

/// Give it what the socket gave (`receive`), send what it wants sent (`output`, `advance_output`), take its events.
pub struct Connection {
    /// Credentials leave with CONNECT: `None` from then on.
    options: Option<Options>,
    jetstream: bool,
    /// `_INBOX.<nonce>.`, to which a publication adds its ticket.
    inbox: String,
    phase: Phase,
    max_payload: u64,
    /// The beginning of an operation of which the rest has not come.
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of `output` is on the socket.
    written: usize,
    unwritten_pongs: u32,
    published: u64,
    /// In the order written, which is nearly always the order settled: so the search below ends at once.
    unsettled: VecDeque<Unsettled>,
    /// For each unanswered PING, `published` when it was written.
    pings: VecDeque<u64>,
    events: VecDeque<Event>,
    /// Strings of settled publications, kept for their allocations.
    spare: Vec<String>,
}

impl Connection {
    /// `inbox_nonce` must be random: whoever knows it could acknowledge in JetStream's place.
    pub fn new(options: Options, inbox_nonce: u64) -> Connection {
        Connection {
            jetstream: options.jetstream,
            options: Some(options),
            inbox: format!("_INBOX.{inbox_nonce:016x}."),
            phase: Phase::AwaitingInfo,
            max_payload: 0,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            unwritten_pongs: 0,
            published: 0,
            unsettled: VecDeque::new(),
            pings: VecDeque::new(),
            events: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Takes in what the server sent, cut anywhere. After an error the connection is over.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        if self.phase == Phase::Failed {
            return Err(ProtocolError::NotConnected);
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        match self.consume(&input) {
            Ok(rest) => {
                input.drain(..input.len() - rest);
                self.input = input;
                Ok(())
            }
            Err(error) => {
                self.phase = Phase::Failed;
                self.options = None;
                Err(error)
            }
        }
    }

    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be written to the socket.
    pub fn output(&self) -> &[u8] {
        self.output.get(self.written..).unwrap_or_default()
    }

    /// Says that the first `count` bytes of `output` were written.
    pub fn advance_output(&mut self, count: usize) {
        self.written = self.written.saturating_add(count);
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
            self.unwritten_pongs = 0;
        }
    }

    /// Puts a publication into the output. The ticket must differ from every unsettled one.
    ///
    /// The output grows by all that is published: write it out between publications.
    pub fn publish(&mut self, ticket: u64, publication: &Publication<'_>) -> Result<(), PublishError> {
        if self.phase != Phase::Ready {
            return Err(PublishError::NotConnected);
        }
        let sizes = publication.check(self.max_payload)?;
        let reply = self.jetstream.then_some((self.inbox.as_str(), ticket));
        publication.write(reply, sizes, &mut self.output);
        let mut subject = self.spare.pop().unwrap_or_default();
        subject.clear();
        subject.push_str(publication.subject);
        self.unsettled.push_back(Unsettled { ticket, number: self.published, subject });
        self.published += 1;
        Ok(())
    }

    /// Puts a PING into the output. Without JetStream its answer settles what was published before it.
    pub fn ping(&mut self) -> Result<(), ProtocolError> {
        if self.phase != Phase::Ready {
            return Err(ProtocolError::NotConnected);
        }
        self.write_ping();
        Ok(())
    }

    /// PINGs to which no PONG has come.
    pub fn unanswered_pings(&self) -> usize {
        self.pings.len()
    }

    /// Tickets of unknown fate, in the order published.
    pub fn unsettled(&self) -> impl ExactSizeIterator<Item = u64> {
        self.unsettled.iter().map(|publication| publication.ticket)
    }

    /// Handles every whole operation and says how many bytes are left.
    fn consume(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut rest = input;
        while let Some((operation, length)) = parse::next(rest)? {
            rest = rest.get(length..).unwrap_or_default();
            self.handle(operation)?;
        }
        Ok(rest.len())
    }

    fn handle(&mut self, operation: Operation<'_>) -> Result<(), ProtocolError> {
        match operation {
            Operation::Info(json) => self.on_info(json),
            Operation::Error(text) => self.on_error(text),
            _ if self.phase == Phase::AwaitingInfo => Err(ProtocolError::Malformed("its first word was not INFO")),
            Operation::Okay => Ok(()),
            Operation::Ping => self.on_ping(),
            Operation::Pong => self.on_pong(),
            Operation::Message(message) => self.on_message(&message),
        }
    }

    /// The first INFO is answered; later ones only bring new limits.
    fn on_info(&mut self, json: &[u8]) -> Result<(), ProtocolError> {
        let info = Info::parse(json)?;
        self.max_payload = info.max_payload;
        let Some(options) = self.options.take() else {
            return Ok(());
        };
        info.connect(&options, &mut self.output)?;
        if self.jetstream {
            let subscribe = format!("SUB {}* {INBOX_SUBSCRIPTION}\r\n", self.inbox);
            self.output.extend_from_slice(subscribe.as_bytes());
        }
        self.write_ping();
        self.phase = Phase::AwaitingPong;
        Ok(())
    }

    fn on_ping(&mut self) -> Result<(), ProtocolError> {
        self.unwritten_pongs += 1;
        if self.unwritten_pongs > MAX_UNWRITTEN_PONGS {
            return Err(ProtocolError::Malformed("PINGs without end"));
        }
        self.output.extend_from_slice(b"PONG\r\n");
        Ok(())
    }

    fn on_pong(&mut self) -> Result<(), ProtocolError> {
        let covered = self.pings.pop_front().ok_or(ProtocolError::Malformed("PONG without a PING"))?;
        if self.phase == Phase::AwaitingPong {
            self.phase = Phase::Ready;
            self.events.push_back(Event::Connected { max_payload: self.max_payload });
        } else if !self.jetstream {
            while self.unsettled.front().is_some_and(|oldest| oldest.number < covered) {
                self.settle(0, Outcome::Stored);
            }
        }
        Ok(())
    }

    fn on_message(&mut self, message: &Message<'_>) -> Result<(), ProtocolError> {
        if !self.jetstream || message.subscription != INBOX_SUBSCRIPTION {
            return Err(ProtocolError::Malformed("a message for a subscription that was not made"));
        }
        let is_status = message.is_status()?;
        let ticket = message.subject.strip_prefix(self.inbox.as_bytes()).and_then(decimal::parse);
        // An inbox can be written to more than once; only the first answer counts.
        let Some(position) =
            ticket.and_then(|ticket| self.unsettled.iter().position(|publication| publication.ticket == ticket))
        else {
            return Ok(());
        };
        // The server's own statuses all say that no stream took it, 503 above all: nobody listens on the subject.
        let outcome = if is_status { Outcome::Failed } else { ack::outcome(message.payload) };
        self.settle(position, outcome);
        Ok(())
    }

    /// A refused subject concerns one publication, once for each; any other error ends the connection. It is `Failed`
    /// and not `Rejected`: somebody can mend a permission, and until then the message must not be thrown away.
    fn on_error(&mut self, text: &[u8]) -> Result<(), ProtocolError> {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_matches('\'');
        let refused = text
            .strip_prefix("Permissions Violation for Publish to ")
            .map(|quoted| quoted.trim_matches('"'))
            .and_then(|subject| self.unsettled.iter().position(|publication| publication.subject == subject));
        if let Some(position) = refused {
            self.settle(position, Outcome::Failed);
            return Ok(());
        }
        let shown = text.chars().filter(|character| !character.is_control()).take(MAX_ERROR_TEXT).collect();
        Err(ProtocolError::Server(shown))
    }

    fn settle(&mut self, position: usize, outcome: Outcome) {
        if let Some(publication) = self.unsettled.remove(position) {
            self.events.push_back(Event::Published(publication.ticket, outcome));
            self.spare.push(publication.subject);
        }
    }

    fn write_ping(&mut self) {
        self.output.extend_from_slice(b"PING\r\n");
        self.pings.push_back(self.published);
    }
}
