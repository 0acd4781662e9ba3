//! A TCP connection over `wasi:sockets`, used without blocking.
//!
//! Knows no protocol. `std::net` is not used: it can't wait for reading, writing and a deadline at once. Which addresses
//! may be reached is the host's to say.

use crate::clock::Deadline;
use crate::stream::Stream;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// Hosts allocate what is asked for before they read; wasmtime gives no more than this at once.
const READ_SIZE: u64 = 64 * 1024;

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
    #[error("`{name}` can't be resolved to an address: {code}")]
    Name { name: String, code: ErrorCode },
    #[error("`{0}` could not be resolved to an address in time")]
    NameTimeout(String),
    #[error("TLS: {0}")]
    Tls(String),
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

/// The order of the fields is the order of dropping: a host traps when a resource goes before its children.
pub struct Socket {
    readable: Pollable,
    writable: Pollable,
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

impl Socket {
    pub fn connect(address: SocketAddr, deadline: &Deadline) -> Result<Socket, SocketError> {
        let refused = |code| SocketError::Connect { address, code };
        let (family, remote) = remote(address);
        let socket = create_tcp_socket(family).map_err(refused)?;
        socket.start_connect(&instance_network(), remote).map_err(refused)?;
        let (input, output) = finish_connect(&socket, address, deadline)?;
        Ok(Socket { readable: input.subscribe(), writable: output.subscribe(), input, output, _socket: socket })
    }

    /// Connects to a name or an address: to each of its addresses in turn. The error is the last one's.
    pub fn connect_to(host: &str, port: u16, deadline: &Deadline) -> Result<Socket, SocketError> {
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => resolve(host, deadline)?,
        };
        let mut last = SocketError::NoAddress;
        for address in addresses {
            match Socket::connect(SocketAddr::new(address, port), deadline) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Stream for Socket {
    fn read(&mut self) -> Result<Vec<u8>, SocketError> {
        Ok(self.input.read(READ_SIZE)?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        let permitted = usize::try_from(self.output.check_write()?).unwrap_or(usize::MAX);
        let piece = bytes.get(..permitted).unwrap_or(bytes);
        if !piece.is_empty() {
            self.output.write(piece)?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> Result<(), SocketError> {
        Ok(self.output.flush()?)
    }

    fn wait(&mut self, to_write: bool, deadline: &Deadline) {
        if to_write {
            poll(&[&self.readable, &self.writable, &deadline.reached]);
        } else {
            poll(&[&self.readable, &deadline.reached]);
        }
    }
}

fn resolve(name: &str, deadline: &Deadline) -> Result<Vec<IpAddr>, SocketError> {
    let failed = |code| SocketError::Name { name: name.to_owned(), code };
    let network = instance_network();
    let found = resolve_addresses(&network, name).map_err(failed)?;
    let ready = found.subscribe();
    let mut addresses = Vec::new();
    loop {
        match found.resolve_next_address() {
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => addresses.push(Ipv4Addr::new(a, b, c, d).into()),
            Ok(Some(IpAddress::Ipv6((a, b, c, d, e, f, g, h)))) => {
                addresses.push(Ipv6Addr::new(a, b, c, d, e, f, g, h).into());
            }
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) if deadline.passed() => return Err(SocketError::NameTimeout(name.to_owned())),
            Err(ErrorCode::WouldBlock) => {
                poll(&[&ready, &deadline.reached]);
            }
            Err(code) => return Err(failed(code)),
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
