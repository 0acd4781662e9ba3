//! Values on their way into a script and out of it.

use crate::budget::{Budget, MAX_DATA_DEPTH};
use greentic_types::Value;
use rhai::Dynamic;

/// Recursion follows the value, whose depth was bounded when it was made.
pub fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(list) => Dynamic::from_array(list.iter().map(to_dynamic).collect()),
        Value::Map(map) => {
            Dynamic::from_map(map.iter().map(|(key, value)| (key.as_str().into(), to_dynamic(value))).collect())
        }
    }
}

/// On failure, what is wrong with it, as the end of a sentence.
pub fn to_value(value: &Dynamic, budget: &mut Budget) -> Result<Value, String> {
    owned(value, budget, MAX_DATA_DEPTH)
}

fn owned(value: &Dynamic, budget: &mut Budget, depth: usize) -> Result<Value, String> {
    let left = depth.checked_sub(1).ok_or_else(|| format!("nests deeper than {MAX_DATA_DEPTH} levels"))?;
    // What a value takes in memory beside its text, as everywhere in the budget.
    let mut pay = |bytes: usize| budget.take(bytes + 8).map_err(|_| "is too large".to_owned());
    if value.is_unit() {
        pay(0)?;
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        pay(0)?;
        return Ok(Value::Bool(flag));
    }
    if let Ok(number) = value.as_int() {
        pay(0)?;
        return Ok(Value::Int(number));
    }
    if let Ok(number) = value.as_float() {
        pay(0)?;
        return Ok(Value::Float(number));
    }
    if value.is_string() || value.is_char() {
        let text = value.to_string();
        pay(text.len())?;
        return Ok(Value::Text(text));
    }
    if let Ok(items) = value.as_array_ref() {
        pay(0)?;
        return items.iter().map(|item| owned(item, budget, left)).collect::<Result<_, _>>().map(Value::List);
    }
    if let Ok(members) = value.as_map_ref() {
        pay(members.keys().map(|key| key.len()).sum())?;
        let members = members.iter().map(|(key, value)| Ok((key.to_string(), owned(value, budget, left)?)));
        return members.collect::<Result<_, String>>().map(Value::Map);
    }
    Err(format!("is of type `{}`, which can't be kept", value.type_name()))
}
