//! A TCP connection over `wasi:sockets`, used without blocking, and the clock it is waited on with.
//!
//! Knows no protocol. `std::net` is not used: it can't wait for reading, writing and a deadline at once.

use std::net::SocketAddr;
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// Nanoseconds of the monotonic clock.
pub type Instant = u64;

pub const MILLISECOND: Instant = 1_000_000;
pub const SECOND: Instant = 1_000 * MILLISECOND;

/// Hosts allocate what is asked for before they read; wasmtime gives no more than this at once.
const READ_SIZE: u64 = 64 * 1024;

pub fn now() -> Instant {
    monotonic_clock::now()
}

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("no address to connect to")]
    NoAddress,
    #[error("`{0}` is not an address: write `ip:port`, IPv6 in brackets")]
    Address(String),
    #[error("connect to {address}: {code}")]
    Connect { address: SocketAddr, code: ErrorCode },
    #[error("connect to {0}: no answer in time")]
    ConnectTimeout(SocketAddr),
    #[error("the server closed the connection")]
    Closed,
    #[error("connection lost: {0}")]
    Lost(String),
}

impl From<StreamError> for SocketError {
    fn from(error: StreamError) -> SocketError {
        match error {
            StreamError::Closed => SocketError::Closed,
            StreamError::LastOperationFailed(cause) => SocketError::Lost(cause.to_debug_string()),
        }
    }
}

/// A moment that can be waited for along with a socket.
pub struct Deadline {
    at: Instant,
    reached: Pollable,
}

impl Deadline {
    pub fn after(duration: Instant) -> Deadline {
        let at = now().saturating_add(duration);
        Deadline { at, reached: monotonic_clock::subscribe_instant(at) }
    }

    pub fn passed(&self) -> bool {
        now() >= self.at
    }
}

/// The order of the fields is the order of dropping: a host traps when a resource goes before its children.
pub struct Socket {
    readable: Pollable,
    writable: Pollable,
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

impl Socket {
    pub fn connect(address: &str, deadline: &Deadline) -> Result<Socket, SocketError> {
        let address: SocketAddr = address.parse().map_err(|_| SocketError::Address(address.to_owned()))?;
        let refused = |code| SocketError::Connect { address, code };
        let (family, remote) = remote(address);
        let socket = create_tcp_socket(family).map_err(refused)?;
        socket.start_connect(&instance_network(), remote).map_err(refused)?;
        let (input, output) = finish_connect(&socket, address, deadline)?;
        Ok(Socket { readable: input.subscribe(), writable: output.subscribe(), input, output, _socket: socket })
    }

    /// What has come; empty when nothing has.
    pub fn read(&self) -> Result<Vec<u8>, SocketError> {
        Ok(self.input.read(READ_SIZE)?)
    }

    /// Writes what the host takes now and says how much that was.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, SocketError> {
        let permitted = usize::try_from(self.output.check_write()?).unwrap_or(usize::MAX);
        let piece = bytes.get(..permitted).unwrap_or(bytes);
        if !piece.is_empty() {
            self.output.write(piece)?;
        }
        Ok(piece.len())
    }

    /// Asks the host to hold nothing back. Until it is done, `write` takes nothing.
    pub fn flush(&self) -> Result<(), SocketError> {
        Ok(self.output.flush()?)
    }

    /// Waits until there is something to read, room to write when that is asked for, or the deadline.
    pub fn wait(&self, to_write: bool, deadline: &Deadline) {
        if to_write {
            poll(&[&self.readable, &self.writable, &deadline.reached]);
        } else {
            poll(&[&self.readable, &deadline.reached]);
        }
    }
}

fn finish_connect(
    socket: &TcpSocket,
    address: SocketAddr,
    deadline: &Deadline,
) -> Result<(InputStream, OutputStream), SocketError> {
    let ready = socket.subscribe();
    loop {
        match socket.finish_connect() {
            Ok(streams) => return Ok(streams),
            Err(ErrorCode::WouldBlock) if deadline.passed() => return Err(SocketError::ConnectTimeout(address)),
            Err(ErrorCode::WouldBlock) => {
                poll(&[&ready, &deadline.reached]);
            }
            Err(code) => return Err(SocketError::Connect { address, code }),
        }
    }
}

fn remote(address: SocketAddr) -> (IpAddressFamily, IpSocketAddress) {
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            let remote = Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) };
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(remote))
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            let remote = Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: address.scope_id(),
            };
            (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(remote))
        }
    }
}
