//! One message for the bus, and how it lies in a conversation's outbox until the bus has it.
//!
//! An entry carries its place: the turn's fencing token, then its number within the turn. Sorted by that, an outbox
//! is in the order in which the flow spoke, whatever order the store gives its entries in.

use minicbor::{Decode, Decoder, Encode, Encoder};
use std::convert::Infallible;
use std::fmt;

/// Format of an outbox entry; `[format, turn, index, publication]`.
const FORMAT: u32 = 1;

/// One message for the bus.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Publication {
    /// `Nats-Msg-Id`.
    #[n(0)]
    pub id: String,
    #[n(1)]
    pub subject: String,
    #[n(2)]
    pub headers: Vec<(String, String)>,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
}

/// Without headers and payload: message text must not reach a log.
impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// Written by a newer program.
    #[error("outbox entry has format {found}, this program reads up to {known}: upgrade it", known = FORMAT)]
    Newer { found: u32 },
    #[error("outbox entry can't be read: {0}")]
    Malformed(String),
}

/// A publication with its place in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Fencing token of the turn that committed it.
    pub turn: u64,
    /// Its number among that turn's publications.
    pub index: u32,
    pub publication: Publication,
}

impl OutboxEntry {
    /// What a turn stores of its publications: id and bytes of each, numbered in the order given.
    pub fn encode_all(turn: u64, publications: &[Publication]) -> Result<Vec<(&str, Vec<u8>)>, OutboxError> {
        let numbered = (0..).zip(publications);
        numbered
            .map(|(index, publication)| {
                write(turn, index, publication)
                    .map(|bytes| (publication.id.as_str(), bytes))
                    .map_err(|error| OutboxError::Malformed(error.to_string()))
            })
            .collect()
    }

    /// The publications of an outbox, in the order in which they were committed.
    pub fn decode_all(stored: &[Vec<u8>]) -> Result<Vec<Publication>, OutboxError> {
        let mut entries = stored.iter().map(|bytes| OutboxEntry::decode(bytes)).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|entry| (entry.turn, entry.index));
        Ok(entries.into_iter().map(|entry| entry.publication).collect())
    }

    pub fn decode(bytes: &[u8]) -> Result<OutboxEntry, OutboxError> {
        let malformed = |error: minicbor::decode::Error| OutboxError::Malformed(error.to_string());
        let mut decoder = Decoder::new(bytes);
        let length = decoder.array().map_err(malformed)?;
        let found = decoder.u32().map_err(malformed)?;
        if found > FORMAT {
            return Err(OutboxError::Newer { found });
        }
        if found != FORMAT || length != Some(4) {
            return Err(OutboxError::Malformed(format!("format {found} with length {length:?}")));
        }
        let turn = decoder.u64().map_err(malformed)?;
        let index = decoder.u32().map_err(malformed)?;
        let publication = decoder.decode().map_err(malformed)?;
        if decoder.position() != bytes.len() {
            return Err(OutboxError::Malformed("bytes follow the entry".to_owned()));
        }
        Ok(OutboxEntry { turn, index, publication })
    }
}

fn write(turn: u64, index: u32, publication: &Publication) -> Result<Vec<u8>, minicbor::encode::Error<Infallible>> {
    let mut encoder = Encoder::new(Vec::with_capacity(publication.payload.len() + 256));
    encoder.array(4)?.u32(FORMAT)?.u64(turn)?.u32(index)?.encode(publication)?;
    Ok(encoder.into_writer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn publication(id: &str) -> Publication {
        let headers = vec![("Greentic-Tenant".to_owned(), "acme".to_owned())];
        Publication { id: id.into(), subject: "s".into(), headers, payload: b"hello".to_vec() }
    }

    #[test]
    fn an_outbox_comes_back_in_order() {
        let turns = [vec![publication("c"), publication("a")], vec![publication("b")], vec![publication("d")]];
        let mut stored = Vec::new();
        // 9 and 10, because text would sort them the other way round.
        for (turn, publications) in [8, 9, 10].into_iter().zip(&turns) {
            stored.extend(OutboxEntry::encode_all(turn, publications).unwrap().into_iter().map(|(_, bytes)| bytes));
        }
        stored.reverse();
        let ids: Vec<_> = OutboxEntry::decode_all(&stored).unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["c", "a", "b", "d"]);
    }

    #[test]
    fn a_newer_entry_is_refused() {
        assert_eq!(OutboxEntry::decode(&[0x81, 2]), Err(OutboxError::Newer { found: 2 }));
        assert_eq!(OutboxEntry::decode_all(&[vec![0x81, 2]]), Err(OutboxError::Newer { found: 2 }));
    }

    #[test]
    fn debug_shows_no_text() {
        let shown = format!("{:?}", publication("an-id"));
        assert!(shown.contains("an-id") && !shown.contains("hello") && !shown.contains("104"), "{shown}");
    }

    proptest! {
        #[test]
        fn round_trip(
            (turn, id, subject) in (any::<u64>(), ".{0,8}", ".{0,8}"),
            headers in prop::collection::vec((".{0,4}", ".{0,4}"), 0..3),
            payload in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let publication = Publication { id, subject, headers, payload };
            let encoded = OutboxEntry::encode_all(turn, std::slice::from_ref(&publication)).unwrap();
            let entry = OutboxEntry::decode(&encoded[0].1).unwrap();
            prop_assert_eq!(entry, OutboxEntry { turn, index: 0, publication: publication.clone() });
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = OutboxEntry::decode(&bytes);
            let _ = OutboxEntry::decode(&[&[0x84, 1, 1, 0][..], &bytes].concat());
        }
    }
}
