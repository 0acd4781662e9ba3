//! Reading what platforms really send: an optional member of an unexpected type counts as absent, and the rest of
//! the document stands. Platforms add and change members without a version, and a refused update comes again.
//!
//! Raw slices of the document are parsed on demand, so strings stay borrowed and uninteresting parts are only
//! skipped. Nesting is bounded by serde_json (128); what is skipped is skipped without recursion.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A string, borrowed unless it held escapes.
#[derive(Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An optional scalar or object: absent as well when it is null or not a `T`.
pub struct Loose<T>(pub Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Loose(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Loose(read(raw)))
    }
}

impl Loose<Text<'_>> {
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_ref().map(|text| text.0.as_ref())
    }

    pub fn to_owned_string(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }
}

/// A list: empty when absent or no list, and without those of its items that are not a `T`.
pub struct LooseList<T>(pub Vec<T>);

impl<T> Default for LooseList<T> {
    fn default() -> Self {
        LooseList(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for LooseList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        let items: Vec<&'de RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        Ok(LooseList(items.into_iter().filter_map(read).collect()))
    }
}

/// One raw value as a `T`. Arrays are refused, because derived structs would take them as members in order.
pub fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    let json = raw.get();
    if json.starts_with('[') { None } else { serde_json::from_str(json).ok() }
}

/// A whole document that must be one JSON object in UTF-8.
pub fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let json = std::str::from_utf8(bytes).ok()?;
    if !json.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Sample<'a> {
        number: Loose<i64>,
        #[serde(borrow)]
        text: Loose<Text<'a>>,
        #[serde(borrow)]
        list: LooseList<Text<'a>>,
    }

    #[test]
    fn a_member_of_another_type_counts_as_absent_and_the_rest_stands() {
        let sample: Sample<'_> = document(br#"{"number":"1","text":"a","list":["x",2,"y",null],"new":{}}"#).unwrap();
        assert_eq!(sample.number.0, None);
        assert_eq!(sample.text.as_str(), Some("a"));
        let list: Vec<&str> = sample.list.0.iter().map(|item| item.0.as_ref()).collect();
        assert_eq!(list, ["x", "y"]);

        let sample: Sample<'_> = document(br#"{"number":7,"text":["a"],"list":{"a":1}}"#).unwrap();
        assert_eq!((sample.number.0, sample.text.as_str(), sample.list.0.len()), (Some(7), None, 0));
    }

    #[test]
    fn text_is_borrowed_unless_it_holds_escapes() {
        let sample: Sample<'_> = document(br#"{"text":"plain"}"#).unwrap();
        assert!(matches!(sample.text.0, Some(Text(Cow::Borrowed("plain")))));
        let sample: Sample<'_> = document(br#"{"text":"\ud83d\ude00"}"#).unwrap();
        assert_eq!(sample.text.as_str(), Some("😀"));
    }

    #[test]
    fn only_one_whole_object_is_a_document() {
        for bad in ["", "null", "[1]", "\"a\"", "{", "{} {}", "{\"number\":1,\"number\":2}"] {
            assert!(document::<Sample<'_>>(bad.as_bytes()).is_none(), "{bad:?}");
        }
        assert!(document::<Sample<'_>>(b"{\"text\":\"\xff\"}").is_none());
        assert!(document::<Sample<'_>>(b" \n{} ").is_some());
    }
}
