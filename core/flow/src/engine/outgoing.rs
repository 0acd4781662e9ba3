//! An HTTP exchange as nodes describe it. Carrying it out is the driver's: the engine never sees a secret's value, so
//! none can reach a scope, a record or a log.

use std::fmt;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// In capitals.
    pub method: String,
    /// Absolute.
    pub url: String,
    pub headers: Vec<(String, HeaderValue)>,
    pub body: Option<Vec<u8>>,
    /// The driver's own limit holds where this is absent or longer.
    pub timeout_ms: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    Text(String),
    /// `prefix` and then the secret of that name, as the flow's author wrote it.
    Secret {
        prefix: String,
        name: String,
    },
}

/// What came back, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// Names in any case, as they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Why nothing came back. The detail is for the operator and never holds what a secret could be seen in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFailure {
    pub kind: HttpFailureKind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFailureKind {
    /// No answer within the time.
    Timeout,
    /// No connection, or it broke.
    Unreachable,
    /// The host does not allow it: an address that was not granted, or a secret that was not.
    Refused,
    /// The answer is larger than the driver takes.
    TooLarge,
    /// It is no request that could be sent.
    Invalid,
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
