//! Shapes: data with templates in it, as `state` values, component inputs and platform members are written.
//!
//! A shape is a CBOR value in which byte strings are templates. Values have no byte strings of their own, so the two
//! can't be confused. Keys are meant as they stand.

use crate::budget::{Budget, MAX_DATA_DEPTH, RenderError, check_depth};
use crate::data::View;
use crate::template::render_value;
use greentic_types::Value;
use minicbor::Decoder;
use minicbor::data::Type;
use std::collections::BTreeMap;

pub fn render_shape(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<Value, RenderError> {
    let value = shape(&mut Decoder::new(program), view, budget, MAX_DATA_DEPTH)?;
    // What a path brought in may nest deeper than what was written.
    check_depth(&value)?;
    Ok(value)
}

fn shape(decoder: &mut Decoder<'_>, view: View<'_>, budget: &mut Budget, depth: usize) -> Result<Value, RenderError> {
    let left = depth.checked_sub(1).ok_or(RenderError::TooDeep)?;
    match decoder.datatype()? {
        Type::Bytes => render_value(decoder.bytes()?, view, budget),
        Type::Array => {
            let length = definite(decoder.array()?)?;
            let mut list = Vec::new();
            for _ in 0..length {
                budget.take(1)?;
                list.push(shape(decoder, view, budget, left)?);
            }
            Ok(Value::List(list))
        }
        Type::Map => {
            let length = definite(decoder.map()?)?;
            let mut map = BTreeMap::new();
            for _ in 0..length {
                let key = decoder.str()?;
                budget.take(key.len())?;
                map.insert(key.to_owned(), shape(decoder, view, budget, left)?);
            }
            Ok(Value::Map(map))
        }
        _ => {
            let value: Value = decoder.decode()?;
            budget.take_value(&value)?;
            Ok(value)
        }
    }
}

fn definite(length: Option<u64>) -> Result<u64, RenderError> {
    length.ok_or_else(|| RenderError::Malformed("indefinite length".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::template;
    use minicbor::Encoder;
    use proptest::prelude::*;

    #[test]
    fn templates_are_filled_in_and_keep_their_types() {
        let data = Value::from_json(&serde_json::json!({ "n": 3, "s": "x" }));
        let mut e = Encoder::new(Vec::new());
        e.map(3).unwrap();
        e.str("a").unwrap().bytes(&template("{{n}}").unwrap().program).unwrap();
        e.str("b")
            .unwrap()
            .array(2)
            .unwrap()
            .bool(true)
            .unwrap()
            .bytes(&template("{{n}}{{s}}").unwrap().program)
            .unwrap();
        e.str("{{s}}").unwrap().str("{{s}}").unwrap();
        let value = render_shape(e.writer(), View::of(&data), &mut Budget::default()).unwrap();
        let expected = serde_json::json!({ "a": 3, "b": [true, "3x"], "{{s}}": "{{s}}" });
        assert_eq!(value.to_json(), expected);
    }

    #[test]
    fn a_path_can_not_smuggle_in_depth() {
        let deep = (0..MAX_DATA_DEPTH).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let data = Value::Map([("deep".to_owned(), deep)].into());
        let mut e = Encoder::new(Vec::new());
        e.bytes(&template("{{deep}}").unwrap().program).unwrap();
        let result = render_shape(e.writer(), View::of(&data), &mut Budget::default());
        assert_eq!(result, Err(RenderError::TooDeep));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(program in prop::collection::vec(any::<u8>(), 0..128)) {
            let _ = render_shape(&program, View::of(&Value::Null), &mut Budget::default());
        }
    }
}
