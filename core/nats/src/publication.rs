//! One message for the server: checked first, then written as HPUB. What passes the check can't break out of its
//! place on the wire, so no subject or header can smuggle in an operation of its own.

use crate::{Rejection, decimal};

/// Makes JetStream drop what it has already.
const MESSAGE_ID: &str = "Nats-Msg-Id";
const VERSION: &str = "NATS/1.0\r\n";

/// Leaves room for the inbox and the sizes within the server's line of 4 KiB.
const MAX_SUBJECT: usize = 1024;

/// A message to publish; always with headers, because it always has an id.
pub struct Publication<'a> {
    pub subject: &'a str,
    /// Sent as `Nats-Msg-Id`, which `headers` therefore must not hold.
    pub message_id: &'a str,
    pub headers: &'a [(String, String)],
    pub payload: &'a [u8],
}

/// What HPUB announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    headers: u64,
    total: u64,
}

impl Publication<'_> {
    pub(crate) fn check(&self, max_payload: u64) -> Result<Sizes, Rejection> {
        if !is_subject(self.subject) {
            return Err(Rejection::Subject);
        }
        if self.message_id.is_empty() || !is_header_value(self.message_id) {
            return Err(Rejection::MessageId);
        }
        let mut headers = VERSION.len() as u64 + line_size(MESSAGE_ID, self.message_id) + 2;
        for (name, value) in self.headers {
            if !is_header_name(name) {
                return Err(Rejection::HeaderName);
            }
            if !is_header_value(value) {
                return Err(Rejection::HeaderValue);
            }
            headers += line_size(name, value);
        }
        let total = headers + self.payload.len() as u64;
        if total > max_payload {
            return Err(Rejection::TooLarge { size: total, limit: max_payload });
        }
        Ok(Sizes { headers, total })
    }

    /// `reply` is the inbox's prefix and the ticket that completes it.
    pub(crate) fn write(&self, reply: Option<(&str, u64)>, sizes: Sizes, output: &mut Vec<u8>) {
        output.extend_from_slice(b"HPUB ");
        output.extend_from_slice(self.subject.as_bytes());
        output.push(b' ');
        if let Some((inbox, ticket)) = reply {
            output.extend_from_slice(inbox.as_bytes());
            decimal::push(output, ticket);
            output.push(b' ');
        }
        decimal::push(output, sizes.headers);
        output.push(b' ');
        decimal::push(output, sizes.total);
        output.extend_from_slice(b"\r\n");
        output.extend_from_slice(VERSION.as_bytes());
        push_line(output, MESSAGE_ID, self.message_id);
        for (name, value) in self.headers {
            push_line(output, name, value);
        }
        output.extend_from_slice(b"\r\n");
        output.extend_from_slice(self.payload);
        output.extend_from_slice(b"\r\n");
    }
}

/// `Name: value` and its line end.
fn line_size(name: &str, value: &str) -> u64 {
    name.len() as u64 + value.len() as u64 + 4
}

fn push_line(output: &mut Vec<u8>, name: &str, value: &str) {
    output.extend_from_slice(name.as_bytes());
    output.extend_from_slice(b": ");
    output.extend_from_slice(value.as_bytes());
    output.extend_from_slice(b"\r\n");
}

/// Narrower than NATS: ASCII without quotes and backslashes, so that an error which quotes a subject (`%q`) shows it
/// unchanged and the publication it means is found.
fn is_subject(subject: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>' | b'"' | b'\'' | b'\\');
    subject.len() <= MAX_SUBJECT && subject.bytes().all(allowed) && subject.split('.').all(|token| !token.is_empty())
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !name.eq_ignore_ascii_case(MESSAGE_ID)
}

fn is_header_value(value: &str) -> bool {
    !value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(publication: &Publication<'_>, reply: Option<(&str, u64)>) -> Result<Vec<u8>, Rejection> {
        let mut output = Vec::new();
        publication.write(reply, publication.check(1024)?, &mut output);
        Ok(output)
    }

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn golden() {
        let publication = Publication {
            subject: "a.b",
            message_id: "id-1",
            headers: &headers(&[("Greentic-Tenant", "acme"), ("traceparent", "")]),
            payload: b"hi\r\n!",
        };
        let body = "NATS/1.0\r\nNats-Msg-Id: id-1\r\nGreentic-Tenant: acme\r\ntraceparent: \r\n\r\nhi\r\n!\r\n";
        let expected = format!("HPUB a.b _INBOX.n.7 69 74\r\n{body}");
        assert_eq!(wire(&publication, Some(("_INBOX.n.", 7))), Ok(expected.into_bytes()));
        assert_eq!(wire(&publication, None), Ok(format!("HPUB a.b 69 74\r\n{body}").into_bytes()));
    }

    #[test]
    fn what_could_break_out_of_its_place_is_rejected() {
        let long = "a".repeat(1025);
        for subject in ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPING", "a\t", "*", "a.>", "ä", "a\"", "a\\", &long] {
            let publication = Publication { subject, message_id: "i", headers: &[], payload: b"" };
            assert_eq!(wire(&publication, None), Err(Rejection::Subject), "{subject:?}");
        }
        for message_id in ["", "a\nb", "a\rb", "a\0"] {
            let publication = Publication { subject: "s", message_id, headers: &[], payload: b"" };
            assert_eq!(wire(&publication, None), Err(Rejection::MessageId), "{message_id:?}");
        }
        for name in ["", "a b", "a:", "a\r\nb", "é", "nats-msg-id"] {
            let headers = headers(&[(name, "v")]);
            let publication = Publication { subject: "s", message_id: "i", headers: &headers, payload: b"" };
            assert_eq!(wire(&publication, None), Err(Rejection::HeaderName), "{name:?}");
        }
        let headers = headers(&[("n", "v\r\n\r\nMSG")]);
        let publication = Publication { subject: "s", message_id: "i", headers: &headers, payload: b"" };
        assert_eq!(wire(&publication, None), Err(Rejection::HeaderValue));
    }

    #[test]
    fn headers_count_towards_the_limit() {
        // 10 + 16 + 2 bytes of headers.
        let publication = |payload| Publication { subject: "s", message_id: "i", headers: &[], payload };
        assert_eq!(publication(&[0; 72]).check(100), Ok(Sizes { headers: 28, total: 100 }));
        assert_eq!(publication(&[0; 73]).check(100), Err(Rejection::TooLarge { size: 101, limit: 100 }));
    }

    proptest! {
        #[test]
        fn announced_sizes_are_the_written_ones(
            pairs in prop::collection::vec(("[a-zA-Z][!-9;-~]{0,8}", "[^\r\n\0]{0,12}"), 0..5),
            payload in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let publication = Publication { subject: "s.t", message_id: "id", headers: &pairs, payload: &payload };
            let bytes = wire(&publication, Some(("i.", u64::MAX))).unwrap();
            let end = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap();
            let line = std::str::from_utf8(&bytes[..end]).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            prop_assert_eq!(&words[..3], &["HPUB", "s.t", "i.18446744073709551615"][..]);
            let (header_size, total): (usize, usize) = (words[3].parse().unwrap(), words[4].parse().unwrap());
            let body = &bytes[end + 2..];
            prop_assert_eq!(body.len(), total + 2);
            prop_assert!(body[..header_size].ends_with(b"\r\n\r\n"));
            prop_assert_eq!(&body[header_size..total], &payload[..]);
            prop_assert!(body.ends_with(b"\r\n"));
        }

        #[test]
        fn no_publication_panics(subject in ".{0,12}", message_id in ".{0,12}", name in ".{0,12}", value in ".{0,12}") {
            let headers = [(name, value)];
            let publication = Publication { subject: &subject, message_id: &message_id, headers: &headers, payload: b"" };
            let _ = wire(&publication, None);
        }
    }
}
