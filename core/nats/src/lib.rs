//! The NATS client protocol as a pure state machine: bytes in, bytes and events out.
//!
//! Made for one job: publishing with headers and learning each publication's fate, by JetStream's acknowledgement or,
//! without JetStream, by the server's answer to a later PING. Whatever a server sends, nothing here panics and no
//! buffer outgrows a stated limit. Sockets, TLS, time, random numbers and retries belong to the caller; subscriptions
//! other than the inbox are left out.

mod ack;
mod connection;
mod decimal;
mod error;
mod handshake;
mod parse;
mod publication;

#[cfg(test)]
mod conversations;
#[cfg(test)]
mod hostile;

pub use ack::Outcome;
pub use connection::{Connection, Event};
pub use error::{ProtocolError, PublishError, Rejection};
pub use handshake::Options;
pub use publication::Publication;
