//! A component's answer as data.

use super::error::{ErrorKind, Fault};
use crate::budget::check_depth;
use greentic_types::Value;

/// JSON where it is JSON, else text. A number that would not be written as it came (`1e5`, 20 digits) stays text: it
/// is somebody's order number.
pub fn answer(data: Option<String>) -> Result<Value, Fault> {
    let Some(text) = data else { return Ok(Value::Null) };
    let value = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(json) => Value::from_json(&json),
        Err(_) => return Ok(Value::Text(text)),
    };
    check_depth(&value).map_err(|error| Fault::new(ErrorKind::BadData, error.to_string()))?;
    let kept = match &value {
        Value::Int(number) => number.to_string() == text.trim(),
        Value::Float(number) => number.to_string() == text.trim(),
        _ => true,
    };
    Ok(if kept { value } else { Value::Text(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_and_the_rest_is_text() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (data, expected) in [
            ("42", Value::Int(42)),
            ("2.5", Value::Float(2.5)),
            ("1e5", text("1e5")),
            ("12345678901234567890", text("12345678901234567890")),
            ("007", text("007")),
            ("\"quoted\"", text("quoted")),
            ("hello", text("hello")),
            ("", text("")),
            ("null", Value::Null),
        ] {
            assert_eq!(answer(Some(data.to_owned())), Ok(expected), "{data}");
        }
        let object = answer(Some(r#"{"a":[1,true]}"#.to_owned())).unwrap();
        assert_eq!(object.to_json(), serde_json::json!({ "a": [1, true] }));
        assert_eq!(answer(None), Ok(Value::Null));
    }

    #[test]
    fn what_nests_too_deep_to_be_stored_is_refused() {
        let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
        assert_eq!(answer(Some(deep)).unwrap_err().kind, ErrorKind::BadData);
    }
}
