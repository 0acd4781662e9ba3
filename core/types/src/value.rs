//! A value as flows know it: JSON's shapes, kept in CBOR where it is stored.
//!
//! Whole numbers stay whole (`3`, not `3.0`), as authors of templates expect.

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::ser::{SerializeMap, SerializeSeq};
use std::collections::BTreeMap;

/// How deep a stored value may nest. Deeper input is refused: decoding recurses, and a guest's stack is small.
pub const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    /// Sorted, so that the same value has the same bytes.
    Map(BTreeMap<String, Value>),
}

impl Value {
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// JSON's view of it. NaN and the infinities, which JSON lacks, become null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
            Value::Float(f) => (*f).into(),
            Value::Text(t) => t.clone().into(),
            Value::List(l) => l.iter().map(Value::to_json).collect(),
            Value::Map(m) => serde_json::Value::Object(m.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }

    /// Numbers beyond `i64` become floats, as in JSON's own reading.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(n) => match n.as_i64() {
                Some(i) => Value::Int(i),
                None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(s) => Value::Text(s.clone()),
            serde_json::Value::Array(a) => Value::List(a.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(o) => {
                Value::Map(o.iter().map(|(k, v)| (k.clone(), Value::from_json(v))).collect())
            }
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => s.serialize_unit(),
            Value::Bool(b) => s.serialize_bool(*b),
            Value::Int(i) => s.serialize_i64(*i),
            Value::Float(f) => s.serialize_f64(*f),
            Value::Text(t) => s.serialize_str(t),
            Value::List(l) => {
                let mut seq = s.serialize_seq(Some(l.len()))?;
                for item in l {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Map(m) => {
                let mut map = s.serialize_map(Some(m.len()))?;
                for (key, value) in m {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        match self {
            Value::Null => e.null()?.ok(),
            Value::Bool(b) => e.bool(*b)?.ok(),
            Value::Int(i) => e.i64(*i)?.ok(),
            Value::Float(f) => e.f64(*f)?.ok(),
            Value::Text(t) => e.str(t)?.ok(),
            Value::List(l) => {
                e.array(l.len() as u64)?;
                for item in l {
                    item.encode(e, ctx)?;
                }
                Ok(())
            }
            Value::Map(m) => {
                e.map(m.len() as u64)?;
                for (key, value) in m {
                    e.str(key)?;
                    value.encode(e, ctx)?;
                }
                Ok(())
            }
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decode_value(d, MAX_DEPTH)
    }
}

fn decode_value(d: &mut Decoder<'_>, depth: usize) -> Result<Value, decode::Error> {
    let left = depth.checked_sub(1).ok_or_else(|| decode::Error::message("value nests too deep"))?;
    Ok(match d.datatype()? {
        Type::Null | Type::Undefined => {
            d.skip()?;
            Value::Null
        }
        Type::Bool => Value::Bool(d.bool()?),
        Type::F16 | Type::F32 | Type::F64 => Value::Float(d.f64()?),
        Type::String => Value::Text(d.str()?.to_owned()),
        Type::Array => {
            let len = d.array()?.ok_or_else(|| decode::Error::message("indefinite array"))?;
            // The announced length is not believed: a few bytes must not make a large allocation.
            let mut list = Vec::with_capacity(len.min(64) as usize);
            for _ in 0..len {
                list.push(decode_value(d, left)?);
            }
            Value::List(list)
        }
        Type::Map => {
            let len = d.map()?.ok_or_else(|| decode::Error::message("indefinite map"))?;
            let mut map = BTreeMap::new();
            for _ in 0..len {
                let key = d.str()?.to_owned();
                map.insert(key, decode_value(d, left)?);
            }
            Value::Map(map)
        }
        _ => Value::Int(d.i64()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9f64).prop_map(Value::Float),
            ".{0,12}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn cbor_round_trip(value in any_value()) {
            let bytes = minicbor::to_vec(&value).unwrap();
            prop_assert_eq!(minicbor::decode::<Value>(&bytes).unwrap(), value);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = minicbor::decode::<Value>(&bytes);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let mut bytes = vec![0x81; 10_000];
        bytes.push(0xf6);
        assert!(minicbor::decode::<Value>(&bytes).is_err());
    }
}
