//! The session record: what a conversation remembers between two messages, as CBOR.
//!
//! `[format, {field: value}]`. A field that an older program may drop is added without a new format; anything else
//! raises [`FORMAT`], and a program that meets a higher one refuses the record instead of overwriting it. The same
//! record has the same bytes. Size limits are the store's.

use greentic_types::Value;
use minicbor::{Decode, Decoder, Encode, Encoder};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Format this program writes, and the highest it reads.
const FORMAT: u32 = 1;

/// How deep a stored value may nest: what `greentic_types::Value` decodes. Checked before encoding too, because a
/// record that can be stored and not read would lock its user out until it expires.
const MAX_DEPTH: usize = 32;

/// Use [`Record::encode`] and [`Record::decode`]; the derived traits write the fields without their format.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Record {
    /// `state.*` of the flows.
    #[n(0)]
    pub state: BTreeMap<String, Value>,
    /// Present while a flow waits for the next message.
    #[n(1)]
    pub wait: Option<Wait>,
    #[n(2)]
    pub locale: Option<String>,
    /// Milliseconds since the Unix epoch.
    #[n(3)]
    pub created_ms: u64,
    #[n(4)]
    pub updated_ms: u64,
    /// Counts commits.
    #[n(5)]
    pub revision: u64,
}

/// Where a waiting flow goes on.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Wait {
    /// Outermost flow first, the one that waits last.
    #[n(0)]
    pub frames: Vec<Frame>,
    /// Milliseconds since the Unix epoch.
    #[n(1)]
    pub deadline_ms: Option<u64>,
    /// The pack the node numbers belong to. With another pack they mean nothing.
    #[n(2)]
    pub pack_version: String,
}

/// One flow on the stack of a wait.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Frame {
    #[n(0)]
    pub flow: String,
    #[n(1)]
    pub node: u32,
    #[n(2)]
    pub variables: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer program.
    #[error("session record has format {found}, this program reads up to {known}: upgrade it", known = FORMAT)]
    Newer { found: u32 },
    #[error("session record can't be read: {0}")]
    Malformed(String),
    #[error("a value of the session nests deeper than {levels} levels", levels = MAX_DEPTH)]
    TooDeep,
}

impl Record {
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let frames = self.wait.iter().flat_map(|wait| &wait.frames);
        let mut values = self.state.values().chain(frames.flat_map(|frame| frame.variables.values()));
        if !values.all(|value| fits(value, MAX_DEPTH)) {
            return Err(RecordError::TooDeep);
        }
        self.write().map_err(|error| RecordError::Malformed(error.to_string()))
    }

    fn write(&self) -> Result<Vec<u8>, minicbor::encode::Error<Infallible>> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(2)?.u32(FORMAT)?.encode(self)?;
        Ok(encoder.into_writer())
    }

    pub fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
        let malformed = |error: minicbor::decode::Error| RecordError::Malformed(error.to_string());
        let mut decoder = Decoder::new(bytes);
        let length = decoder.array().map_err(malformed)?;
        let found = decoder.u32().map_err(malformed)?;
        // Before the length: a newer format may well have another.
        if found > FORMAT {
            return Err(RecordError::Newer { found });
        }
        if found != FORMAT || length != Some(2) {
            return Err(RecordError::Malformed(format!("format {found} with length {length:?}")));
        }
        let record: Record = decoder.decode().map_err(malformed)?;
        if decoder.position() != bytes.len() {
            return Err(RecordError::Malformed("bytes follow the record".to_owned()));
        }
        Ok(record)
    }
}

/// Counts levels as decoding does.
fn fits(value: &Value, depth: usize) -> bool {
    let Some(left) = depth.checked_sub(1) else { return false };
    match value {
        Value::List(list) => list.iter().all(|item| fits(item, left)),
        Value::Map(map) => map.values().all(|item| fits(item, left)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `[1, {0: {}, 3: 1, 4: 2, 5: 3}]`.
    const SMALL: &[u8] = &[0x82, 1, 0xa4, 0, 0xa0, 3, 1, 4, 2, 5, 3];

    fn small() -> Record {
        Record { created_ms: 1, updated_ms: 2, revision: 3, ..Record::default() }
    }

    fn nested(levels: usize) -> Value {
        (1..levels).fold(Value::Int(7), |inner, _| Value::List(vec![inner]))
    }

    #[test]
    fn the_bytes_are_as_documented() {
        // Written down, because stored records outlive programs.
        assert_eq!(small().encode().unwrap(), SMALL);
        assert_eq!(Record::decode(SMALL).unwrap(), small());
    }

    #[test]
    fn a_field_of_a_later_program_is_passed_over() {
        // … 99: [1, 2]
        let later = [0x82, 1, 0xa5, 0, 0xa0, 3, 1, 4, 2, 5, 3, 0x18, 99, 0x82, 1, 2];
        assert_eq!(Record::decode(&later).unwrap(), small());
    }

    #[test]
    fn a_newer_format_is_named_and_refused() {
        assert_eq!(Record::decode(&[0x83, 2, 0, 0]), Err(RecordError::Newer { found: 2 }));
        let text = RecordError::Newer { found: 2 }.to_string();
        assert!(text.contains("format 2") && text.contains("upgrade"), "{text}");
    }

    #[test]
    fn what_is_not_a_record_is_malformed() {
        let mut longer = SMALL.to_vec();
        longer.push(0);
        let zero = [0x82, 0, 0xa0];
        let all: [&[u8]; 6] = [&[], &[0xa0], &[0x80], &zero, &longer, &SMALL[..SMALL.len() - 1]];
        for bad in all {
            assert!(matches!(Record::decode(bad), Err(RecordError::Malformed(_))), "{bad:02x?}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_written() {
        let with = |levels| Record { state: BTreeMap::from([("v".to_owned(), nested(levels))]), ..small() };
        let deepest = with(MAX_DEPTH);
        assert_eq!(Record::decode(&deepest.encode().unwrap()).unwrap(), deepest);
        assert_eq!(with(MAX_DEPTH + 1).encode(), Err(RecordError::TooDeep));
        assert!(Record::decode(&with(MAX_DEPTH + 1).write().unwrap()).is_err());

        let frame = Frame { variables: BTreeMap::from([("v".to_owned(), nested(99))]), ..Frame::default() };
        let waiting = Record { wait: Some(Wait { frames: vec![frame], ..Wait::default() }), ..small() };
        assert_eq!(waiting.encode(), Err(RecordError::TooDeep));
    }

    fn values() -> impl Strategy<Value = BTreeMap<String, Value>> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9f64).prop_map(Value::Float),
            ".{0,8}".prop_map(Value::Text),
        ];
        let value = leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::Map),
            ]
        });
        prop::collection::btree_map(".{0,6}", value, 0..4)
    }

    fn waits() -> impl Strategy<Value = Wait> {
        let frame =
            ("[a-z]{1,6}", any::<u32>(), values()).prop_map(|(flow, node, variables)| Frame { flow, node, variables });
        (prop::collection::vec(frame, 0..3), any::<Option<u64>>(), "[a-f0-9]{0,8}")
            .prop_map(|(frames, deadline_ms, pack_version)| Wait { frames, deadline_ms, pack_version })
    }

    proptest! {
        #[test]
        fn round_trip(
            state in values(),
            wait in prop::option::of(waits()),
            locale in prop::option::of("[a-z]{2}"),
            (created_ms, updated_ms, revision) in any::<(u64, u64, u64)>(),
        ) {
            let record = Record { state, wait, locale, created_ms, updated_ms, revision };
            let bytes = record.encode().unwrap();
            prop_assert_eq!(Record::decode(&bytes).unwrap(), record);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = Record::decode(&bytes);
            // Past the envelope, where the fields are.
            let _ = Record::decode(&[&[0x82, 1][..], &bytes].concat());
        }
    }
}
