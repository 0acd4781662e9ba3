//! What a node asks of the model, and the requests that say so.

use crate::budget::MAX_OUTPUT;
use crate::engine::{HeaderValue, HttpRequest};
use crate::http;
use serde_json::{Value as Json, json};

/// Bytes of a request: a conversation and what tools answered in it.
const MAX_REQUEST: usize = 2 * MAX_OUTPUT;

/// An `llm` node, rendered.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// `https://api.openai.com/v1`, without the path of the interface.
    pub base_url: String,
    /// Name of the secret; none for a service that wants no key.
    pub api_key: Option<String>,
    pub model: String,
    pub system_prompt: Option<String>,
    /// Maps of `role` and `content`, before `prompt`.
    pub messages: Vec<greentic_types::Value>,
    pub prompt: Option<String>,
    pub temperature: Option<f64>,
    pub max_tokens: Option<u32>,
    pub json: bool,
    pub tools: Vec<ToolSpec>,
    pub max_turns: u32,
    pub retry_count: u32,
    /// Of one request.
    pub timeout_ms: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Json,
    /// Whether the engine carries out its calls. If not, a call is the node's result.
    pub bound: bool,
}

impl Ask {
    /// The conversation as it begins.
    pub fn opening(&self) -> Vec<Json> {
        let mut messages = Vec::new();
        let said = |role: &str, content: &str| json!({ "role": role, "content": content });
        messages.extend(self.system_prompt.iter().map(|prompt| said("system", prompt)));
        messages.extend(self.messages.iter().map(greentic_types::Value::to_json));
        messages.extend(self.prompt.iter().map(|prompt| said("user", prompt)));
        // Services refuse `json_object` where no message speaks of JSON.
        if self.json && !messages.iter().any(|message| message.to_string().to_ascii_lowercase().contains("json")) {
            messages.insert(0, said("system", "Answer with a JSON object and nothing else."));
        }
        messages
    }

    pub fn request(&self, messages: &[Json], with_tools: bool) -> Result<HttpRequest, String> {
        let mut body = json!({ "model": self.model, "messages": messages });
        let mut set = |name: &str, value: Json| {
            if let Json::Object(members) = &mut body {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(temperature) = self.temperature {
            set("temperature", json!(temperature));
        }
        if let Some(max_tokens) = self.max_tokens {
            set("max_tokens", json!(max_tokens));
        }
        if self.json {
            set("response_format", json!({ "type": "json_object" }));
        }
        if !self.tools.is_empty() {
            let tools = self.tools.iter().map(|tool| {
                let (name, description, parameters) = (&tool.name, &tool.description, &tool.parameters);
                let function = json!({ "name": name, "description": description, "parameters": parameters });
                json!({ "type": "function", "function": function })
            });
            set("tools", tools.collect());
            if !with_tools {
                set("tool_choice", json!("none"));
            }
        }
        let body = body.to_string();
        if body.len() > MAX_REQUEST {
            return Err(format!("the conversation with the model is longer than {MAX_REQUEST} bytes"));
        }
        let mut headers = vec![("content-type".to_owned(), HeaderValue::Text("application/json".to_owned()))];
        if let Some(name) = &self.api_key {
            let value = HeaderValue::Secret { prefix: "Bearer ".to_owned(), name: name.clone() };
            headers.push(("authorization".to_owned(), value));
        }
        let path = "chat/completions";
        let whole = self.base_url.trim_end_matches('/').ends_with(path);
        let url = if whole { self.base_url.clone() } else { http::join(&self.base_url, path) };
        let parts =
            http::Parts { method: "POST", url: &url, headers, timeout_ms: self.timeout_ms, ..Default::default() };
        let mut request = http::request(parts).map_err(|problem| format!("the model's service: {problem}"))?;
        request.body = Some(body.into_bytes());
        Ok(request)
    }
}
