//! Bytes to and from a server, without waiting for either: plain or under TLS.
//!
//! A trait, because what speaks over it is generic: a guest that never speaks TLS then carries none of it.

use crate::clock::Deadline;
use crate::socket::{Socket, SocketError};
use crate::tls::Tls;

pub trait Stream {
    /// What has come; empty when nothing has.
    fn read(&mut self) -> Result<Vec<u8>, SocketError>;

    /// Writes what is taken now and says how much that was.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError>;

    /// Asks for nothing to be held back. Until it is done, `write` may take nothing.
    fn flush(&mut self) -> Result<(), SocketError>;

    /// Waits until there is something to read, room to write when that is asked for, or the deadline.
    fn wait(&mut self, to_write: bool, deadline: &Deadline);
}

/// For guests whose deployment says whether it is TLS.
pub enum Channel {
    Plain(Socket),
    Tls(Box<Tls>),
}

impl Channel {
    fn stream(&mut self) -> &mut dyn Stream {
        match self {
            Channel::Plain(socket) => socket,
            Channel::Tls(tls) => tls.as_mut(),
        }
    }
}

impl Stream for Channel {
    fn read(&mut self) -> Result<Vec<u8>, SocketError> {
        self.stream().read()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        self.stream().write(bytes)
    }

    fn flush(&mut self) -> Result<(), SocketError> {
        self.stream().flush()
    }

    fn wait(&mut self, to_write: bool, deadline: &Deadline) {
        self.stream().wait(to_write, deadline);
    }
}
