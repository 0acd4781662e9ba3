//! `http`: a request, and its answer as data, whatever its status.
//!
//! An answer that says that the request failed is a result like any other, unless the node says what to do about a
//! failure: with `on_error` or `err_map` it is one, and with `retry` it is tried again while that may help.

use crate::budget::Budget;
use crate::data::View;
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::{Phase, Turn};
use crate::engine::{Effect, HeaderValue, HttpFailure, HttpResponse};
use crate::http::{self, HttpProblem, Parts};
use crate::ir::{HeaderText, Http};
use crate::template::render;
use greentic_types::Value;

pub fn run(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, node: &Http<'_>) -> Result<Outcome, Fault> {
    let mut budget = Budget::default();
    let scope = turn.scope();
    let view = View::of(&scope);
    let method = render(&node.method, view, &mut budget)?;
    let url = render(&node.url, view, &mut budget)?;
    let mut headers = Vec::with_capacity(node.headers.len());
    for header in &node.headers {
        let value = match &header.value {
            HeaderText::Template(text) => HeaderValue::Text(render(text, view, &mut budget)?),
            HeaderText::Secret { prefix, name } => {
                HeaderValue::Secret { prefix: prefix.as_str().to_owned(), name: name.as_str().to_owned() }
            }
        };
        headers.push((header.name.as_str().to_owned(), value));
    }
    let query = turn.shape(node.query.as_deref(), &mut budget)?;
    let body = turn.shape(node.body.as_deref(), &mut budget)?;
    let request = http::request(Parts {
        method: &method,
        url: &url,
        query: Some(&query),
        headers,
        body: Some(&body),
        timeout_ms: visit.timeout_ms(),
    })?;
    turn.phase = Phase::Http(visit.again());
    Ok(Outcome::Next(Effect::Http(request)))
}

pub fn answer(result: Result<HttpResponse, HttpFailure>) -> Result<Value, Fault> {
    Ok(http::result(&result?)?)
}

pub fn returned(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, value: Value) -> Result<Outcome, Fault> {
    let status = match value.get("status") {
        Some(Value::Int(status)) => u16::try_from(*status).unwrap_or_default(),
        _ => 0,
    };
    if status < 400 {
        return Ok(Outcome::done(value));
    }
    let fault = Fault {
        may_pass: http::may_pass(status),
        ..Fault::telling(ErrorKind::HttpStatus, format!("the server answered with status {status}"))
    };
    let node = visit.node;
    let mapped = node.extras.as_ref().is_some_and(|extras| extras.err_map.is_some());
    if node.on_error.is_some() || mapped || turn.pause_before_retry(visit, &fault).is_some() {
        // What the server said of it is there for whoever handles it.
        turn.keep(node, value);
        return Err(fault);
    }
    Ok(Outcome::done(value))
}

impl From<HttpProblem> for Fault {
    fn from(problem: HttpProblem) -> Self {
        let kind = match &problem {
            HttpProblem::AnswerTooLarge | HttpProblem::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::BadRequest,
        };
        Fault::telling(kind, problem.to_string())
    }
}
