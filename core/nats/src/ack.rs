//! JetStream's answer to a publication, and what it means for the message.
//!
//! The rule for refusals: `Rejected` only where the message itself is at fault and every later try must end the
//! same. What hangs on the state of a stream, an account or a server (missing, full, sealed, without a leader) is
//! `Failed`, because somebody can repair it and the message must still be there then.

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// In the stream; without JetStream: taken by the server.
    Stored,
    /// In the stream already, under the same message id.
    Duplicate,
    /// Not stored, and may be the next time.
    Failed,
    /// Refused for good.
    Rejected,
}

/// `err_code`s that the message itself causes.
const PERMANENT: [u32; 8] = [
    10054, // message size exceeds the stream's maximum
    10060, // Nats-Expected-Stream names another stream
    10063, // Nats-Expected-Last-Sequence: sequences only grow, so a missed one never comes back
    10070, // Nats-Expected-Last-Msg-Id: likewise
    10071, // Nats-Expected-Last-Sequence and its per-subject form: likewise
    10097, // header block over 64 KiB
    10164, // 10071 as newer servers write it
    10165, // Nats-TTL is not a duration
];

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    stream: Option<IgnoredAny>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    error: Option<AckError>,
}

#[derive(Deserialize)]
struct AckError {
    #[serde(default)]
    err_code: u32,
}

/// Anybody who listens on the subject may answer. Only what names a stream and a sequence is believed.
pub(crate) fn outcome(payload: &[u8]) -> Outcome {
    match serde_json::from_slice::<Ack>(payload) {
        Ok(Ack { error: Some(error), .. }) if PERMANENT.contains(&error.err_code) => Outcome::Rejected,
        Ok(Ack { stream: Some(_), seq: 1.., error: None, duplicate }) => {
            if duplicate {
                Outcome::Duplicate
            } else {
                Outcome::Stored
            }
        }
        Ok(_) | Err(_) => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The first four are what nats-server 2.9.10 wrote, byte for byte.
    #[test]
    fn answers() {
        let cases = [
            (r#"{"stream":"S", "seq":1}"#, Outcome::Stored),
            (r#"{"stream":"S", "seq":1,"duplicate": true}"#, Outcome::Duplicate),
            (
                r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"S","seq":0}"#,
                Outcome::Rejected,
            ),
            (
                r#"{"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"S","seq":0}"#,
                Outcome::Rejected,
            ),
            (r#"{"stream":"S","domain":"hub","seq":18446744073709551615,"val":"7"}"#, Outcome::Stored),
            (r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#, Outcome::Failed),
            (r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}"#, Outcome::Failed),
            (r#"{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}"#, Outcome::Failed),
            (r#"{"error":{"code":400,"err_code":10109,"description":"stream is sealed"}}"#, Outcome::Failed),
            (r#"{"error":{},"stream":"S","seq":1}"#, Outcome::Failed),
            (r#"{"stream":"S","seq":0}"#, Outcome::Failed),
            (r#"{"seq":1}"#, Outcome::Failed),
            (r#"{"stream":"S"}"#, Outcome::Failed),
            ("{}", Outcome::Failed),
            ("thanks", Outcome::Failed),
            ("", Outcome::Failed),
        ];
        for (answer, expected) in cases {
            assert_eq!(outcome(answer.as_bytes()), expected, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_count_as_stored(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(outcome(&bytes), Outcome::Failed);
        }
    }
}
