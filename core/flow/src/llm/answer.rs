//! What the model said, out of the service's answer. Everything in it may be missing or of another type.

use crate::budget::{MAX_OUTPUT, check_depth};
use greentic_types::Value;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Bytes of an answer.
const MAX_ANSWER: usize = 4 * MAX_OUTPUT;

const COUNTS: [&str; 3] = ["prompt_tokens", "completion_tokens", "total_tokens"];

#[derive(Debug, PartialEq)]
pub struct Said {
    pub content: String,
    pub calls: Vec<Call>,
    /// The message as it goes back with the next request.
    pub message: Json,
    pub usage: Vec<(String, i64)>,
}

#[derive(Debug, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

impl Call {
    /// A map, or what is wrong, as the model is told.
    pub fn arguments(&self) -> Result<Value, String> {
        if self.arguments.trim().is_empty() {
            return Ok(Value::Map(BTreeMap::new()));
        }
        match json_in(&self.arguments) {
            Ok(map @ Value::Map(_)) => Ok(map),
            Ok(_) => Err("the arguments are no JSON object".to_owned()),
            Err(problem) => Err(format!("the arguments are not valid JSON: {problem}")),
        }
    }
}

/// On failure, what an operator is told.
pub fn read(body: &[u8]) -> Result<Said, String> {
    if body.len() > MAX_ANSWER {
        return Err(format!("the model's answer is larger than {MAX_ANSWER} bytes"));
    }
    let answer: Json =
        serde_json::from_slice(body).map_err(|_| "the model's service answered with no JSON".to_owned())?;
    let message = answer.pointer("/choices/0/message").ok_or("the model's answer has no message")?;
    let content = content(message.get("content").unwrap_or(&Json::Null));
    let mut calls: Vec<Call> =
        message.get("tool_calls").and_then(Json::as_array).into_iter().flatten().filter_map(call).collect();
    // Before there were tools, a message had at most one function.
    if let (true, Some(function)) = (calls.is_empty(), message.get("function_call")) {
        calls.extend(called("call", function));
    }
    if calls.is_empty() && content.is_empty() {
        return Err(match message.get("refusal").and_then(Json::as_str) {
            Some(_) => "the model refused to answer".to_owned(),
            None => "the model's answer is empty".to_owned(),
        });
    }
    let message = json!({
        "role": "assistant",
        "content": content,
        "tool_calls": calls.iter().map(Call::as_sent).collect::<Vec<_>>(),
    });
    let count = |name: &&str| Some(((*name).to_owned(), answer.get("usage")?.get(*name)?.as_i64()?.max(0)));
    Ok(Said { usage: COUNTS.iter().filter_map(count).collect(), content, calls, message })
}

/// Text, or the texts of a list of parts.
fn content(content: &Json) -> String {
    match content {
        Json::String(text) => text.clone(),
        Json::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn call(call: &Json) -> Option<Call> {
    called(call.get("id").and_then(Json::as_str).unwrap_or("call"), call.get("function")?)
}

fn called(id: &str, function: &Json) -> Option<Call> {
    let name = function.get("name")?.as_str()?.to_owned();
    // Some services send the arguments as an object.
    let arguments = match function.get("arguments") {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    Some(Call { id: id.to_owned(), name, arguments })
}

impl Call {
    fn as_sent(&self) -> Json {
        let function = json!({ "name": self.name, "arguments": self.arguments });
        json!({ "id": self.id, "type": "function", "function": function })
    }
}

/// The JSON in a text, also in the fence that models like to put around it.
pub fn json_in(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let inner = fenced.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim());
    // The place tells no more than where; serde's message quotes nothing of the text.
    let json: Json = serde_json::from_str(inner).map_err(|error| error.to_string())?;
    let value = Value::from_json(&json);
    check_depth(&value).map_err(|error| error.to_string())?;
    Ok(value)
}
