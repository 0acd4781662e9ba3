//! A chat completion by the interface that OpenAI made common: requests out, answers in, as a pure machine.
//!
//! [`Exchange::start`] gives the first request. What each [`Next`] asks for is answered by [`Exchange::answer`],
//! [`Exchange::slept`] or [`Exchange::tool`], until it is [`Next::Done`] or [`Next::Failed`]. However the model and the
//! service behave, it ends: requests, rounds of tools, pauses and the length of the conversation are all bounded.
//!
//! The key is a secret's name. Its value is put in by the driver and never seen here.

mod answer;
mod ask;

pub use ask::{Ask, ToolSpec};

use crate::budget::{MAX_PAUSE_MS, MAX_PAUSES_MS};
use crate::engine::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use crate::http;
use answer::{Call, Said};
use greentic_types::Value;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};

/// Rounds of tools where the node names no other number.
pub const DEFAULT_TURNS: u32 = 5;

/// Further requests after one that was refused for a while, where the node names no other number.
pub const DEFAULT_RETRIES: u32 = 2;

/// Requests of one node, whatever for.
const MAX_REQUESTS: u32 = 32;

/// Pause before the first repetition; it doubles each time.
const FIRST_PAUSE_MS: u64 = 500;

/// Calls that one answer may ask for.
const MAX_CALLS: usize = 16;

/// Bytes of a tool's answer that the model is shown.
const MAX_TOOL_ANSWER: usize = 64 * 1024;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Next {
    Http(HttpRequest),
    /// Milliseconds.
    Sleep(u64),
    /// A tool that the node binds to a component. `arguments` is a map.
    Tool {
        name: String,
        arguments: Value,
    },
    Done(Completion),
    Failed(LlmError),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The text; with JSON output what it says; and where the model calls a tool that is bound to nothing, a map of
    /// `content` and `tool_calls`, a list of `name` and `arguments`.
    pub value: Value,
    /// What the service counted, over all requests: `requests`, `prompt_tokens`, `completion_tokens`, `total_tokens`.
    pub usage: Value,
}

/// The message is for the operator; it holds nothing of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LlmError {
    pub message: String,
    /// Whether the same may well succeed later.
    pub may_pass: bool,
    /// The service was not allowed to be reached, or not with this key.
    pub refused: bool,
}

#[derive(Debug)]
pub struct Exchange {
    ask: Ask,
    messages: Vec<serde_json::Value>,
    /// Calls of the last answer that are still to be made; the first is under way.
    calls: VecDeque<Call>,
    requests: u32,
    turns: u32,
    retries: u32,
    paused_ms: u64,
    repaired: bool,
    usage: BTreeMap<String, Value>,
}

impl Exchange {
    pub fn start(ask: Ask) -> (Exchange, Next) {
        let mut exchange = Exchange {
            messages: ask.opening(),
            ask,
            calls: VecDeque::new(),
            requests: 0,
            turns: 0,
            retries: 0,
            paused_ms: 0,
            repaired: false,
            usage: BTreeMap::new(),
        };
        let next = exchange.request();
        (exchange, next)
    }

    /// After [`Next::Http`].
    pub fn answer(&mut self, result: Result<HttpResponse, HttpFailure>) -> Next {
        let response = match result {
            Ok(response) => response,
            Err(failure) => {
                let may_pass = matches!(failure.kind, HttpFailureKind::Timeout | HttpFailureKind::Unreachable);
                let refused = failure.kind == HttpFailureKind::Refused;
                let error = LlmError { message: format!("the model's service: {failure}"), may_pass, refused };
                return self.again(error, None);
            }
        };
        if !(200..300).contains(&response.status) {
            let error = LlmError {
                message: format!("the model's service answered with status {}", response.status),
                may_pass: http::may_pass(response.status),
                refused: matches!(response.status, 401 | 403),
            };
            return self.again(error, http::retry_after_ms(&response));
        }
        match answer::read(&response.body) {
            Ok(said) => {
                self.count(&said);
                self.said(said)
            }
            Err(message) => Next::Failed(LlmError { message, may_pass: true, refused: false }),
        }
    }

    /// After [`Next::Sleep`].
    pub fn slept(&mut self) -> Next {
        self.request()
    }

    /// After [`Next::Tool`]: what it answered, or why it did not, which the model is told.
    pub fn tool(&mut self, result: Result<String, String>) -> Next {
        if let Some(call) = self.calls.pop_front() {
            let content = match result {
                Ok(answer) => cut(answer, MAX_TOOL_ANSWER),
                Err(problem) => json!({ "error": cut(problem, 500) }).to_string(),
            };
            self.messages.push(json!({ "role": "tool", "tool_call_id": call.id, "content": content }));
        }
        self.next_call()
    }

    fn request(&mut self) -> Next {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return fail(format!("the model was asked {MAX_REQUESTS} times without coming to an end"));
        }
        // In the last round it has to answer.
        let with_tools = self.turns < self.ask.max_turns;
        match self.ask.request(&self.messages, with_tools) {
            Ok(request) => Next::Http(request),
            Err(message) => fail(message),
        }
    }

    /// The same request after a pause, if that is worth it.
    fn again(&mut self, error: LlmError, wanted_ms: Option<u64>) -> Next {
        if !error.may_pass || self.retries >= self.ask.retry_count {
            return Next::Failed(error);
        }
        let usual = FIRST_PAUSE_MS.saturating_mul(1 << self.retries.min(10)).min(u64::from(MAX_PAUSE_MS));
        let pause = wanted_ms.unwrap_or(usual);
        self.paused_ms = self.paused_ms.saturating_add(pause);
        // A service that asks for a longer pause has failed, as far as this turn goes.
        if pause > u64::from(MAX_PAUSE_MS) || self.paused_ms > u64::from(MAX_PAUSES_MS) {
            let message = format!("{} and asks for a pause of {} s", error.message, pause / 1000);
            return Next::Failed(LlmError { message, ..error });
        }
        self.retries += 1;
        Next::Sleep(pause)
    }

    fn said(&mut self, said: Said) -> Next {
        if said.calls.is_empty() {
            return self.spoken(said.content);
        }
        if said.calls.len() > MAX_CALLS {
            return fail(format!("the model called more than {MAX_CALLS} tools at once"));
        }
        let is_bound = |call: &Call| self.ask.tools.iter().all(|tool| tool.name != call.name || tool.bound);
        if !said.calls.iter().all(is_bound) {
            return self.done(unbound_calls(said));
        }
        self.turns += 1;
        if self.turns > self.ask.max_turns {
            return fail(format!("the model still calls tools after {} rounds", self.ask.max_turns));
        }
        self.messages.push(said.message);
        self.calls = said.calls.into();
        self.next_call()
    }

    fn next_call(&mut self) -> Next {
        let Some(call) = self.calls.front() else { return self.request() };
        if !self.ask.tools.iter().any(|tool| tool.name == call.name) {
            let problem = format!("there is no tool `{}`", call.name);
            return self.tool(Err(problem));
        }
        match call.arguments() {
            Ok(arguments) => Next::Tool { name: call.name.clone(), arguments },
            Err(problem) => self.tool(Err(problem)),
        }
    }

    /// The model's last word, which with JSON output has to be JSON; once it may be asked to put that right.
    fn spoken(&mut self, content: String) -> Next {
        if !self.ask.json {
            return self.done(Value::Text(content));
        }
        match answer::json_in(&content) {
            Ok(value) => self.done(value),
            Err(problem) if !self.repaired => {
                self.repaired = true;
                self.messages.push(json!({ "role": "assistant", "content": content }));
                let ask =
                    format!("This is not valid JSON ({problem}). Answer again with the JSON object and nothing else.");
                self.messages.push(json!({ "role": "user", "content": ask }));
                self.request()
            }
            Err(problem) => fail(format!("the model's answer is not valid JSON: {problem}")),
        }
    }

    fn count(&mut self, said: &Said) {
        for (name, count) in said.usage.iter().map(|(name, count)| (name.as_str(), *count)).chain([("requests", 1)]) {
            let sum = match self.usage.get(name) {
                Some(Value::Int(sum)) => sum.saturating_add(count),
                _ => count,
            };
            self.usage.insert(name.to_owned(), Value::Int(sum));
        }
    }

    fn done(&mut self, value: Value) -> Next {
        Next::Done(Completion { value, usage: Value::Map(std::mem::take(&mut self.usage)) })
    }
}

fn unbound_calls(said: Said) -> Value {
    let call = |call: &Call| {
        // What is no map is handed on as it came.
        let arguments = call.arguments().unwrap_or_else(|_| Value::Text(call.arguments.clone()));
        let members = [("name".to_owned(), Value::Text(call.name.clone())), ("arguments".to_owned(), arguments)];
        Value::Map(members.into())
    };
    let calls = Value::List(said.calls.iter().map(call).collect());
    let members = [("content".to_owned(), Value::Text(said.content)), ("tool_calls".to_owned(), calls)];
    Value::Map(members.into())
}

fn fail(message: String) -> Next {
    Next::Failed(LlmError { message, may_pass: false, refused: false })
}

/// At most so many bytes, at the boundary of a character.
fn cut(mut text: String, length: usize) -> String {
    let end = text.floor_char_boundary(length);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests;
