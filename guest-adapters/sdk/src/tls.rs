//! TLS 1.3 over a socket: rustls with algorithms in pure Rust, since none with C or assembly builds for this target
//! without a C compiler.
//!
//! The rule: the server's certificate is always checked, by the authorities of the web or by those the deployment names
//! instead. No certificate of ours is shown. Only 1.3: every Redis and NATS that offers TLS has it, and of 1.2 nothing
//! has to be right then. Randomness is the host's (`wasi:random`).

use crate::clock::Deadline;
use crate::socket::{Socket, SocketError};
use crate::stream::Stream;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, NamedGroup, PeerMisbehaved, RootCertStore};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use wasip2::random::random::get_random_bytes;

pub struct Tls {
    session: ClientConnection,
    socket: Socket,
    /// Decrypted and not yet read.
    plain: Vec<u8>,
    /// The server said that nothing follows.
    closed: bool,
}

impl Tls {
    /// Shakes hands. `authorities` is PEM, and stands in place of the web's.
    pub fn connect(
        socket: Socket,
        host: &str,
        authorities: Option<&str>,
        deadline: &Deadline,
    ) -> Result<Tls, SocketError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| SocketError::Tls(format!("`{host}` is no name that a certificate can have")))?;
        let session = ClientConnection::new(Arc::new(config(authorities)?), name).map_err(broken)?;
        let mut tls = Tls { session, socket, plain: Vec::new(), closed: false };
        loop {
            tls.write_out()?;
            if !tls.session.is_handshaking() {
                return Ok(tls);
            }
            if deadline.passed() {
                return Err(SocketError::Tls("the server did not finish the handshake in time".to_owned()));
            }
            if !tls.take_in()? {
                tls.socket.wait(tls.session.wants_write(), deadline);
            }
        }
    }

    /// Decrypts what has come. False when nothing has.
    fn take_in(&mut self) -> Result<bool, SocketError> {
        let came = self.socket.read()?;
        let mut rest = came.as_slice();
        while !rest.is_empty() && !self.closed {
            self.session.read_tls(&mut rest).map_err(lost)?;
            let state = match self.session.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    // The alert that tells the server why, if it can still go out.
                    let _ = self.write_out();
                    return Err(broken(error));
                }
            };
            let start = self.plain.len();
            self.plain.resize(start.saturating_add(state.plaintext_bytes_to_read()), 0);
            let decrypted = self.plain.get_mut(start..).unwrap_or_default();
            self.session.reader().read_exact(decrypted).map_err(lost)?;
            self.closed = state.peer_has_closed();
        }
        Ok(!came.is_empty())
    }

    /// Writes what is encrypted, as far as the socket takes it.
    fn write_out(&mut self) -> Result<(), SocketError> {
        let mut wrote = false;
        while self.session.wants_write() {
            match self.session.write_tls(&mut Sink(&mut self.socket)) {
                Ok(_) => wrote = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(lost(error)),
            }
        }
        if wrote { self.socket.flush() } else { Ok(()) }
    }
}

impl Stream for Tls {
    fn read(&mut self) -> Result<Vec<u8>, SocketError> {
        self.write_out()?;
        self.take_in()?;
        if self.plain.is_empty() && self.closed {
            return Err(SocketError::Closed);
        }
        Ok(std::mem::take(&mut self.plain))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        // No more is encrypted while earlier records wait: so the socket's pace bounds what is held here.
        self.write_out()?;
        if self.session.wants_write() {
            return Ok(0);
        }
        let taken = self.session.writer().write(bytes).map_err(lost)?;
        self.write_out()?;
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), SocketError> {
        self.write_out()
    }

    fn wait(&mut self, to_write: bool, deadline: &Deadline) {
        self.socket.wait(to_write || self.session.wants_write(), deadline);
    }
}

/// The socket as rustls writes to one.
struct Sink<'a>(&'a mut Socket);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            Ok(written) => Ok(written),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(error: rustls::Error) -> SocketError {
    SocketError::Tls(error.to_string())
}

fn lost(error: io::Error) -> SocketError {
    SocketError::Lost(error.to_string())
}

fn config(authorities: Option<&str>) -> Result<ClientConfig, SocketError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate
                    .map_err(|_| SocketError::Tls("the authorities' certificates are not PEM".to_owned()))?;
                roots.add(certificate).map_err(broken)?;
            }
        }
    }
    if roots.is_empty() {
        return Err(SocketError::Tls("the authorities' PEM holds no certificate".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(broken)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Randomness is taken from `wasi:random` here and not by the algorithms' crates, which know only its predecessor and
/// would draw a whole adapter for it into the component.
fn provider() -> CryptoProvider {
    CryptoProvider {
        // The first is the quickest without a processor's help.
        cipher_suites: vec![
            rustls_rustcrypto::TLS13_CHACHA20_POLY1305_SHA256,
            rustls_rustcrypto::TLS13_AES_128_GCM_SHA256,
            rustls_rustcrypto::TLS13_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![&X25519 as &dyn SupportedKxGroup],
        signature_verification_algorithms: rustls_rustcrypto::provider().signature_verification_algorithms,
        secure_random: &Random,
        key_provider: &NoKeys,
    }
}

#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        let random = get_random_bytes(bytes.len() as u64);
        if random.len() != bytes.len() {
            return Err(GetRandomFailed);
        }
        bytes.copy_from_slice(&random);
        Ok(())
    }
}

#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no certificate of our own is ever shown".to_owned()))
    }
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        let mut secret = [0; 32];
        Random.fill(&mut secret).map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        let public = x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, rustls::Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = x25519_dalek::x25519(self.secret, peer);
        // A peer that sends a point of small order would know the secret of everybody (RFC 8446, 7.4.2).
        if shared == [0; 32] {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(shared.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }
}
