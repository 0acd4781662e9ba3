//! What a conversation has in place of the network and of components.
//!
//! Answers of one kind are given in their order; the last one stays. What no fake answers fails, and fails the test: a
//! conversation must not depend on what was forgotten.

use super::part::{Part, Problem};
use crate::chat::Outside;
use greentic_flow::engine::{Failure, FailureKind, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, VecDeque};

/// Where a model's service takes its requests.
const COMPLETIONS: &str = "/chat/completions";

#[derive(Debug, Clone, Default)]
pub struct Fakes {
    http: Vec<HttpFake>,
    llm: VecDeque<Http>,
    /// By `component` or `component.operation`.
    components: BTreeMap<String, VecDeque<Result<Option<String>, Failure>>>,
    pub texts: BTreeMap<String, String>,
    /// What was reached for and not faked.
    pub missing: Vec<String>,
}

type Http = Result<HttpResponse, HttpFailure>;

#[derive(Debug, Clone)]
struct HttpFake {
    /// Any when absent.
    method: Option<String>,
    /// Whole, or its beginning before a last `*`.
    url: String,
    answers: VecDeque<Http>,
}

impl Fakes {
    pub fn parse(part: &Part<'_>) -> Result<Fakes, Problem> {
        part.keys(&["http", "llm", "components"])?;
        let mut fakes = Fakes::default();
        if let Some(http) = part.get("http") {
            fakes.http = http.items()?.map(|part| http_fake(&part)).collect::<Result<_, _>>()?;
        }
        if let Some(llm) = part.get("llm") {
            fakes.llm = llm.items()?.map(|part| completion(&part)).collect::<Result<_, _>>()?;
        }
        if let Some(components) = part.get("components") {
            for (name, part) in components.entries()? {
                fakes.components.insert(name.to_owned(), one_or_several(&part, component)?);
            }
        }
        Ok(fakes)
    }
}

fn one_or_several<T>(part: &Part<'_>, read: fn(&Part<'_>) -> Result<T, Problem>) -> Result<VecDeque<T>, Problem> {
    if !part.value.is_array() {
        return Ok(VecDeque::from([read(part)?]));
    }
    let all: VecDeque<T> = part.items()?.map(|part| read(&part)).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(part.problem("at least one answer belongs here")) } else { Ok(all) }
}

fn http_fake(part: &Part<'_>) -> Result<HttpFake, Problem> {
    part.keys(&["method", "url", "answer"])?;
    let method = part.get("method").map(|method| method.text().map(str::to_ascii_uppercase)).transpose()?;
    let url = part.required("url")?.text()?.to_owned();
    Ok(HttpFake { method, url, answers: one_or_several(&part.required("answer")?, response)? })
}

fn response(part: &Part<'_>) -> Result<Http, Problem> {
    part.keys(&["status", "headers", "body", "error"])?;
    if let Some(error) = part.get("error") {
        return failure(&error).map(Err);
    }
    let mut headers = Vec::new();
    if let Some(part) = part.get("headers") {
        for (name, value) in part.entries()? {
            headers.push((name.to_owned(), value.text()?.to_owned()));
        }
    }
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let (body, content_type) = match part.get("body").map(|body| body.value) {
        None => (Vec::new(), None),
        Some(Json::String(text)) => (text.clone().into_bytes(), Some("text/plain")),
        Some(data) => (data.to_string().into_bytes(), Some("application/json")),
    };
    if let (Some(content_type), false) = (content_type, typed) {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Ok(Ok(HttpResponse { status: status(part)?, headers, body }))
}

fn status(part: &Part<'_>) -> Result<u16, Problem> {
    let Some(status) = part.get("status") else { return Ok(200) };
    let number = status.value.as_u64().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| (100..600).contains(number)).ok_or_else(|| status.problem("a status is from 100 to 599"))
}

fn failure(part: &Part<'_>) -> Result<HttpFailure, Problem> {
    let kind = match part.text()? {
        "timeout" => HttpFailureKind::Timeout,
        "unreachable" => HttpFailureKind::Unreachable,
        "refused" => HttpFailureKind::Refused,
        _ => return Err(part.problem("known are timeout, unreachable, refused")),
    };
    Ok(HttpFailure { kind, detail: "as the test has it".to_owned() })
}

/// What a model's service answers: a text, or `content` and `tool_calls`, or what any server may answer.
fn completion(part: &Part<'_>) -> Result<Http, Problem> {
    if !part.value.is_object() {
        return Ok(Ok(message(json!({ "role": "assistant", "content": part.text()? }))));
    }
    part.keys(&["content", "tool_calls", "status", "headers", "body", "error"])?;
    if part.get("content").is_none() && part.get("tool_calls").is_none() {
        return response(part);
    }
    let content = match part.get("content").map(|content| content.value) {
        None => Json::Null,
        Some(Json::String(text)) => text.clone().into(),
        // As a model that was asked for JSON writes it.
        Some(data) => data.to_string().into(),
    };
    let mut calls = Vec::new();
    if let Some(part) = part.get("tool_calls") {
        for (number, call) in part.items()?.enumerate() {
            call.keys(&["name", "arguments"])?;
            let arguments = call.get("arguments").map_or_else(|| "{}".to_owned(), |given| given.value.to_string());
            let function = json!({ "name": call.required("name")?.text()?, "arguments": arguments });
            calls.push(json!({ "id": format!("call-{number}"), "type": "function", "function": function }));
        }
    }
    Ok(Ok(message(json!({ "role": "assistant", "content": content, "tool_calls": calls }))))
}

fn message(message: Json) -> HttpResponse {
    let body = json!({ "choices": [{ "message": message }] });
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    HttpResponse { status: 200, headers, body: body.to_string().into_bytes() }
}

fn component(part: &Part<'_>) -> Result<Result<Option<String>, Failure>, Problem> {
    part.keys(&["data", "error"])?;
    if let Some(error) = part.get("error") {
        return Ok(Err(Failure { kind: FailureKind::Failed, message: error.text()?.to_owned() }));
    }
    Ok(Ok(match part.value.get("data") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(data) => Some(data.to_string()),
    }))
}

/// The next answer; the last one stays.
fn next<T: Clone>(answers: &mut VecDeque<T>) -> Option<T> {
    if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
}

impl HttpFake {
    fn takes(&self, request: &HttpRequest) -> bool {
        let method = self.method.as_ref().is_none_or(|method| *method == request.method);
        let url = match self.url.strip_suffix('*') {
            Some(beginning) => request.url.starts_with(beginning),
            None => request.url == self.url,
        };
        method && url
    }
}

impl Outside for Fakes {
    fn invoke(&mut self, component: &str, operation: &str, _: &str) -> Result<Option<String>, Failure> {
        let name = if operation.is_empty() { component.to_owned() } else { format!("{component}.{operation}") };
        let key = if self.components.contains_key(&name) { name.as_str() } else { component };
        self.components.get_mut(key).and_then(next).unwrap_or_else(|| {
            self.missing.push(format!("component {name}"));
            Err(Failure { kind: FailureKind::Unknown, message: format!("the test has no fake of `{name}`") })
        })
    }

    fn http(&mut self, request: &HttpRequest) -> Http {
        let fake = self.http.iter_mut().find(|fake| fake.takes(request));
        if let Some(answer) = fake.and_then(|fake| next(&mut fake.answers)) {
            return answer;
        }
        let path = request.url.split('?').next().unwrap_or_default();
        if path.ends_with(COMPLETIONS)
            && request.method == "POST"
            && let Some(answer) = next(&mut self.llm)
        {
            return answer;
        }
        let what = format!("{} {}", request.method, request.url);
        let detail = format!("the test has no fake of {what}");
        self.missing.push(what);
        Err(HttpFailure { kind: HttpFailureKind::Refused, detail })
    }

    fn text(&self, _: &str, key: &str) -> Option<String> {
        self.texts.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fakes(json: Json) -> Fakes {
        Fakes::parse(&Part::root(&json)).map_err(|problem| problem.0).unwrap()
    }

    fn get(url: &str) -> HttpRequest {
        let (method, url) = ("GET".to_owned(), url.to_owned());
        HttpRequest { method, url, headers: Vec::new(), body: None, timeout_ms: None }
    }

    #[test]
    fn answers_come_in_order_and_the_last_stays() {
        let mut fakes = fakes(json!({
            "components": { "a": [{ "data": { "n": 1 } }, { "error": "no" }], "a.b": { "data": "text" } },
            "http": [{ "url": "https://x.example/*", "answer": { "body": [1] } }, { "method": "get", "url": "https://y.example/", "answer": { "error": "timeout" } }],
            "llm": ["hi", { "content": { "n": 1 }, "tool_calls": [{ "name": "t", "arguments": { "q": 1 } }] }],
        }));
        assert_eq!(fakes.invoke("a", "", "").unwrap().unwrap(), "{\"n\":1}");
        assert_eq!(fakes.invoke("a", "c", "").unwrap_err().message, "no");
        assert_eq!(fakes.invoke("a", "c", "").unwrap_err().message, "no");
        assert_eq!(fakes.invoke("a", "b", "").unwrap().unwrap(), "text");
        let answer = fakes.http(&get("https://x.example/1?a=b")).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"[1]"[..]));
        assert_eq!(fakes.http(&get("https://y.example/")).unwrap_err().kind, HttpFailureKind::Timeout);
        let ask = HttpRequest { method: "POST".to_owned(), ..get("https://z.example/v1/chat/completions") };
        assert!(String::from_utf8(fakes.http(&ask).unwrap().body).unwrap().contains("\"hi\""));
        assert!(String::from_utf8(fakes.http(&ask).unwrap().body).unwrap().contains("{\\\"q\\\":1}"));
        assert!(fakes.missing.is_empty());
        assert!(fakes.invoke("c", "d", "").is_err() && fakes.http(&get("https://z.example/")).is_err());
        assert_eq!(fakes.missing, ["component c.d", "GET https://z.example/"]);
    }
}
