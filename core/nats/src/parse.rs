//! One operation of the server's, read from the front of what has come so far.
//!
//! Sizes are checked when they are announced, before what they announce is waited for: so the caller's buffer never
//! has to hold more than one operation of the largest size allowed here.

use crate::{ProtocolError, decimal};

/// nats-server's own limit for a line. No server has a reason for a longer one but INFO.
pub(crate) const MAX_CONTROL_LINE: usize = 4 * 1024;
/// INFO lists the addresses of a whole cluster, 20 to 60 bytes each: a thousand servers.
pub(crate) const MAX_INFO: usize = 64 * 1024;
/// The largest `max_payload` that NATS's documentation advises. Acknowledgements are far smaller.
pub(crate) const MAX_PAYLOAD: usize = 8 * 1024 * 1024;
/// What JetStream allows; a server's own status headers are a line.
pub(crate) const MAX_HEADERS: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// The JSON.
    Info(&'a [u8]),
    Okay,
    /// As it stands on the wire, in single quotes.
    Error(&'a [u8]),
    Ping,
    Pong,
    Message(Message<'a>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) subject: &'a [u8],
    pub(crate) subscription: u64,
    /// The header block; empty for MSG.
    headers: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl Message<'_> {
    /// Whether the server itself speaks (`NATS/1.0 503`: nobody listens) instead of handing on a message.
    pub(crate) fn is_status(&self) -> Result<bool, ProtocolError> {
        if self.headers.is_empty() {
            return Ok(false);
        }
        let rest = self
            .headers
            .strip_prefix(b"NATS/1.0")
            .ok_or(ProtocolError::Malformed("a header block without its version"))?;
        let first_line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
        Ok(words(first_line).next().is_some())
    }
}

/// The first operation of `input` and its length, or `None` while it is incomplete.
pub(crate) fn next(input: &[u8]) -> Result<Option<(Operation<'_>, usize)>, ProtocolError> {
    let Some((line, rest)) = split_line(input)? else {
        return Ok(None);
    };
    let length = input.len() - rest.len();
    let verb_length = line.iter().position(is_space).unwrap_or(line.len());
    let (verb, arguments) = line.split_at_checked(verb_length).unwrap_or((line, &[]));
    let operation = match verb {
        b"MSG" => return message(false, arguments, rest, length),
        b"HMSG" => return message(true, arguments, rest, length),
        b"INFO" => Operation::Info(arguments),
        b"+OK" => Operation::Okay,
        b"-ERR" => Operation::Error(arguments.trim_ascii()),
        b"PING" => Operation::Ping,
        b"PONG" => Operation::Pong,
        _ => return Err(ProtocolError::Malformed("an unknown operation")),
    };
    Ok(Some((operation, length)))
}

/// A line, and what follows it.
type Split<'i> = (&'i [u8], &'i [u8]);

/// The first line, without its end, and what follows it.
fn split_line(input: &[u8]) -> Result<Option<Split<'_>>, ProtocolError> {
    let (what, limit) =
        if input.starts_with(b"INFO") { ("INFO", MAX_INFO) } else { ("a control line", MAX_CONTROL_LINE) };
    let window = input.get(..limit).unwrap_or(input);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return if input.len() < limit { Ok(None) } else { Err(ProtocolError::TooLong { what, limit }) };
    };
    let Some((line, rest)) = input.split_at_checked(end + 1) else {
        return Ok(None);
    };
    let line = line.strip_suffix(b"\r\n").ok_or(ProtocolError::Malformed("a line that does not end in CR LF"))?;
    Ok(Some((line, rest)))
}

/// `<subject> <sid> [reply] [header size] <size>`, and the bytes after the line.
fn message<'a>(
    has_headers: bool,
    arguments: &'a [u8],
    rest: &'a [u8],
    line_length: usize,
) -> Result<Option<(Operation<'a>, usize)>, ProtocolError> {
    const SHAPE: ProtocolError = ProtocolError::Malformed("a message line of the wrong shape");
    let mut words = words(arguments);
    let (Some(subject), Some(subscription)) = (words.next(), words.next().and_then(decimal::parse)) else {
        return Err(SHAPE);
    };
    let tail = (words.next(), words.next(), words.next(), words.next());
    let (header_size, size) = match (has_headers, tail) {
        (false, (Some(size), None, ..) | (Some(_), Some(size), None, _)) => (None, size),
        (true, (Some(headers), Some(size), None, _) | (Some(_), Some(headers), Some(size), None)) => {
            (Some(headers), size)
        }
        _ => return Err(SHAPE),
    };
    let header_size = header_size.map_or(Ok(0), |word| bounded(word, "a header block", MAX_HEADERS))?;
    let size = bounded(size, "a message", MAX_PAYLOAD)?;
    if header_size > size {
        return Err(ProtocolError::Malformed("headers longer than their message"));
    }
    let Some((body, after)) = rest.split_at_checked(size) else {
        return Ok(None);
    };
    if after.len() < 2 {
        return Ok(None);
    }
    if !after.starts_with(b"\r\n") {
        return Err(ProtocolError::Malformed("a message longer than announced"));
    }
    let (headers, payload) = body.split_at_checked(header_size).unwrap_or((body, &[]));
    let message = Message { subject, subscription, headers, payload };
    Ok(Some((Operation::Message(message), line_length + size + 2)))
}

fn bounded(word: &[u8], what: &'static str, limit: usize) -> Result<usize, ProtocolError> {
    let size = decimal::parse(word).ok_or(ProtocolError::Malformed("a size that is not a number"))?;
    usize::try_from(size).ok().filter(|size| *size <= limit).ok_or(ProtocolError::TooLong { what, limit })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(is_space).filter(|word| !word.is_empty())
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
