//! What can go wrong: with the connection (`ProtocolError`, it is over) and with one publication (`PublishError`, the
//! connection goes on). No message carries credentials, payloads or header values.

/// The connection is over. Everything unsettled is of unknown fate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("the server sent {what} of more than {limit} bytes")]
    TooLong { what: &'static str, limit: usize },
    #[error("the server broke the NATS protocol: {0}")]
    Malformed(&'static str),
    /// The sidecar on our own host does not speak TLS; composed components do.
    #[error("the server requires TLS: use tls:// where that is spoken, or offer a plain port on a trusted network")]
    TlsRequired,
    #[error("TLS is asked for (tls://), and the server does not offer it: switch it on there, or use nats://")]
    TlsNotOffered,
    #[error("the server does not support headers: use nats-server 2.2 or later")]
    HeadersUnsupported,
    #[error("the nkey seed is not a user's seed: it should begin with `SU`")]
    NkeySeed,
    #[error("an nkey seed is configured, but the server asks for no signature: give it nkey users, or remove the seed")]
    NonceMissing,
    #[error("the server closed the connection: {0}")]
    Server(String),
    #[error("not connected")]
    NotConnected,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Nothing is wrong with the publication.
    #[error("not connected")]
    NotConnected,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// Why a publication can't be sent on this connection however often it is tried. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("not a subject: up to 1,024 ASCII characters, no space, wildcard, quote or empty token")]
    Subject,
    #[error("the message id is empty or not a header value")]
    MessageId,
    #[error("not a header name, or one that the message id sets already")]
    HeaderName,
    #[error("a header value with a line break or a zero byte")]
    HeaderValue,
    #[error("{size} bytes of headers and payload, and the server takes {limit}")]
    TooLarge { size: u64, limit: u64 },
}
