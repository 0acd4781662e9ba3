//! HTTP as nodes use it: a request made of data, data made of an answer. Pure; carrying it out is the driver's.
//!
//! What data rendered to can never make a second header or a second request: every part is checked here, whatever the
//! driver checks again. Which hosts may be reached is the host's decision.

use crate::budget::{MAX_OUTPUT, check_depth};
use crate::data::json;
use crate::engine::{HeaderValue, HttpRequest, HttpResponse};
use greentic_types::Value;
use std::collections::BTreeMap;

/// Bytes of a URL. Servers take about 8 KiB; a longer one is a mistake.
const MAX_URL: usize = 8 * 1024;

const MAX_HEADERS: usize = 50;

const MAX_HEADER: usize = 8 * 1024;

/// Pause that an answer may ask for; a longer one is no pause within a turn.
const MAX_RETRY_AFTER_MS: u64 = 24 * 60 * 60 * 1000;

/// Set by whoever carries the request out.
const RESERVED_HEADERS: [&str; 8] =
    ["connection", "content-length", "host", "keep-alive", "proxy-authorization", "te", "transfer-encoding", "upgrade"];

/// Never part of a result: it would be kept in the session, and could be said or logged.
const WITHHELD_HEADERS: [&str; 2] = ["set-cookie", "www-authenticate"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpProblem {
    #[error("`{0}` is no method of HTTP")]
    Method(String),
    #[error("the URL {0}")]
    Url(&'static str),
    #[error("`query` is a map of texts, numbers or lists of them")]
    Query,
    #[error("the header `{0}` {1}")]
    Header(String, &'static str),
    #[error("a request has at most {MAX_HEADERS} headers")]
    TooManyHeaders,
    #[error("the body of a request is larger than {MAX_OUTPUT} bytes")]
    TooLarge,
    #[error("the body of the answer is larger than {MAX_OUTPUT} bytes")]
    AnswerTooLarge,
    #[error("the body can't be written as JSON: {0}")]
    Body(String),
}

/// What a node says, rendered.
#[derive(Debug, Default)]
pub struct Parts<'p> {
    /// In any case; GET when it is empty, or POST where there is a body.
    pub method: &'p str,
    pub url: &'p str,
    /// A map, added to the URL.
    pub query: Option<&'p Value>,
    pub headers: Vec<(String, HeaderValue)>,
    /// Maps and lists are sent as JSON, or as a form where the headers say so; anything else as text.
    pub body: Option<&'p Value>,
    pub timeout_ms: Option<u32>,
}

pub fn request(parts: Parts<'_>) -> Result<HttpRequest, HttpProblem> {
    let body = parts.body.filter(|body| **body != Value::Null);
    let method = method(parts.method, body.is_some())?;
    let mut url = checked_url(parts.url)?;
    if let Some(query) = parts.query {
        add_query(&mut url, query)?;
    }
    let mut headers = parts.headers;
    headers.iter().try_for_each(check_header)?;
    let body = body.map(|body| encode(body, &mut headers)).transpose()?;
    if headers.len() > MAX_HEADERS {
        return Err(HttpProblem::TooManyHeaders);
    }
    Ok(HttpRequest { method, url, headers, body, timeout_ms: parts.timeout_ms })
}

/// `{status, headers, body}`: names in lower case, the body as data where it is JSON.
pub fn result(response: &HttpResponse) -> Result<Value, HttpProblem> {
    let mut headers: BTreeMap<String, Value> = BTreeMap::new();
    for (name, value) in response.headers.iter().take(MAX_HEADERS) {
        let name = name.to_ascii_lowercase();
        if WITHHELD_HEADERS.contains(&name.as_str()) || value.len() > MAX_HEADER {
            continue;
        }
        match headers.get_mut(&name) {
            Some(Value::Text(before)) => {
                before.push_str(", ");
                before.push_str(value);
            }
            _ => {
                headers.insert(name, Value::Text(value.clone()));
            }
        }
    }
    let members = [
        ("status", Value::Int(i64::from(response.status))),
        ("headers", Value::Map(headers)),
        ("body", body(response)?),
    ];
    Ok(Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// The first header of this name in any case.
pub fn header<'r>(response: &'r HttpResponse, name: &str) -> Option<&'r str> {
    let (_, value) = response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Whether the same request may well succeed a moment later.
pub fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// The pause that the answer asks for, where it does so in seconds. (A date would need a clock.)
pub fn retry_after_ms(response: &HttpResponse) -> Option<u64> {
    if let Some(milliseconds) = header(response, "retry-after-ms").and_then(|text| text.trim().parse::<u64>().ok()) {
        return Some(milliseconds.min(MAX_RETRY_AFTER_MS));
    }
    let seconds: f64 = header(response, "retry-after")?.trim().parse().ok()?;
    let known = seconds.is_finite() && seconds >= 0.0;
    // A float becomes the nearest number that there is.
    known.then_some(((seconds * 1000.0) as u64).min(MAX_RETRY_AFTER_MS))
}

/// `path` below `base`, with one slash between them.
pub fn join(base: &str, path: &str) -> String {
    format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
}

fn method(name: &str, has_body: bool) -> Result<String, HttpProblem> {
    let name = name.trim().to_ascii_uppercase();
    match name.as_str() {
        "" if has_body => Ok("POST".to_owned()),
        "" => Ok("GET".to_owned()),
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => Ok(name),
        _ => Err(HttpProblem::Method(name.chars().take(20).collect())),
    }
}

/// Absolute, and with everything percent-encoded that can't stand in a URL.
fn checked_url(url: &str) -> Result<String, HttpProblem> {
    let url = url.trim();
    if url.len() > MAX_URL {
        return Err(HttpProblem::Url("is too long"));
    }
    let (scheme, rest) = url.split_once("://").ok_or(HttpProblem::Url("does not begin with `https://`"))?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(HttpProblem::Url("is neither of `https` nor of `http`"));
    }
    let (authority, path) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    if authority.is_empty() || !authority.chars().all(allowed) {
        return Err(HttpProblem::Url("names no host, or one with signs that no host has"));
    }
    // What follows a `#` is never sent.
    let path = path.split('#').next().unwrap_or_default();
    let mut checked = format!("{}://{authority}", scheme.to_ascii_lowercase());
    if !path.starts_with('/') {
        checked.push('/');
    }
    for byte in path.bytes() {
        let stands =
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
        if stands { checked.push(char::from(byte)) } else { push_encoded(&mut checked, byte) }
    }
    if checked.len() > MAX_URL * 3 {
        return Err(HttpProblem::Url("is too long"));
    }
    Ok(checked)
}

fn push_encoded(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.extend([byte >> 4, byte & 15].iter().filter_map(|digit| DIGITS.get(usize::from(*digit))));
}

fn add_query(url: &mut String, query: &Value) -> Result<(), HttpProblem> {
    let Value::Map(_) = query else {
        return if *query == Value::Null { Ok(()) } else { Err(HttpProblem::Query) };
    };
    let form = form(query).ok_or(HttpProblem::Query)?;
    if !form.is_empty() {
        let joint = match url.split_once('?') {
            None => "?",
            Some((_, before)) if before.is_empty() || before.ends_with('&') => "",
            Some(_) => "&",
        };
        url.push_str(joint);
        url.push_str(&form);
    }
    if url.len() > MAX_URL * 3 {
        return Err(HttpProblem::Url("is too long"));
    }
    Ok(())
}

/// `name=value&…`; a list gives its name several times, null is left out. None: it is no map of simple values.
fn form(value: &Value) -> Option<String> {
    let Value::Map(members) = value else { return None };
    let mut out = String::new();
    for (name, value) in members {
        let items = match value {
            Value::List(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        for item in items {
            let text = match item {
                Value::Null => continue,
                Value::Bool(flag) => flag.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Text(text) => text.clone(),
                Value::List(_) | Value::Map(_) => return None,
            };
            if !out.is_empty() {
                out.push('&');
            }
            push_component(&mut out, name);
            out.push('=');
            push_component(&mut out, &text);
        }
    }
    Some(out)
}

fn push_component(out: &mut String, text: &str) {
    for byte in text.bytes() {
        let stands = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if stands { out.push(char::from(byte)) } else { push_encoded(out, byte) }
    }
}

fn check_header((name, value): &(String, HeaderValue)) -> Result<(), HttpProblem> {
    let wrong = |why: &'static str| Err(HttpProblem::Header(name.chars().take(60).collect(), why));
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(token) {
        return wrong("has a name that no header has");
    }
    if RESERVED_HEADERS.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return wrong("is set by whoever sends the request");
    }
    let text = match value {
        HeaderValue::Text(text) => text,
        HeaderValue::Secret { prefix, .. } => prefix,
    };
    if text.len() > MAX_HEADER || text.chars().any(|c| c.is_control() && c != '\t') {
        return wrong("has a line break or is too long");
    }
    Ok(())
}

/// The body's bytes; says what they are where the node does not.
fn encode(body: &Value, headers: &mut Vec<(String, HeaderValue)>) -> Result<Vec<u8>, HttpProblem> {
    let stated = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_form = matches!(stated, Some((_, HeaderValue::Text(kind)))
        if kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    let is_stated = stated.is_some();
    let (text, kind) = match body {
        Value::Map(_) if is_form => (form(body).ok_or(HttpProblem::Query)?, ""),
        Value::Map(_) | Value::List(_) => (written(body)?, "application/json"),
        Value::Text(text) => (text.clone(), "text/plain; charset=utf-8"),
        other => (written(other)?, "text/plain; charset=utf-8"),
    };
    if text.len() > MAX_OUTPUT {
        return Err(HttpProblem::TooLarge);
    }
    if !is_stated {
        headers.push(("content-type".to_owned(), HeaderValue::Text(kind.to_owned())));
    }
    Ok(text.into_bytes())
}

fn written(body: &Value) -> Result<String, HttpProblem> {
    json(body).map_err(|error| HttpProblem::Body(error.to_string()))
}

fn body(response: &HttpResponse) -> Result<Value, HttpProblem> {
    if response.body.len() > MAX_OUTPUT {
        return Err(HttpProblem::AnswerTooLarge);
    }
    let kind = header(response, "content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() || kind == "application/json" || kind == "text/json" || kind.ends_with("+json") {
        let parsed = serde_json::from_slice(&response.body).ok().map(|json| Value::from_json(&json));
        // Deeper than a session could hold: it stays text.
        if let Some(value) = parsed.filter(|value| check_depth(value).is_ok()) {
            return Ok(value);
        }
    }
    Ok(Value::Text(String::from_utf8_lossy(&response.body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn value(json: serde_json::Value) -> Value {
        Value::from_json(&json)
    }

    fn answer(kind: &str, body: &str) -> HttpResponse {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned()), ("Set-Cookie".to_owned(), "s=1".to_owned())];
        HttpResponse { status: 200, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn urls_and_queries() {
        let made = |url: &str, query: serde_json::Value| {
            let query = value(query);
            request(Parts { url, query: Some(&query), ..Parts::default() }).map(|request| request.url)
        };
        for (url, query, expected) in [
            ("https://a.b", json!(null), "https://a.b/"),
            ("HTTPS://a.b/x y?q=é#part", json!({}), "https://a.b/x%20y?q=%C3%A9"),
            ("https://a.b/?x=1", json!({"q": "a b&c", "n": 2, "none": null}), "https://a.b/?x=1&n=2&q=a%20b%26c"),
            ("https://a.b:8080/p", json!({"l": ["x", 1, true]}), "https://a.b:8080/p?l=x&l=1&l=true"),
            ("https://a.b/%41{x}", json!({}), "https://a.b/%41%7Bx%7D"),
            ("http://[::1]:80?x", json!({}), "http://[::1]:80/?x"),
        ] {
            assert_eq!(made(url, query).as_deref(), Ok(expected), "{url}");
        }
        for url in
            ["", "a.b/c", "ftp://a.b", "https://", "https:///p", "https://u:p@a.b/", "https://a b/", "https://ä.de/"]
        {
            assert!(made(url, json!({})).is_err(), "{url}");
        }
        assert_eq!(made("https://a.b", json!({"deep": {"x": 1}})), Err(HttpProblem::Query));
        assert_eq!(made("https://a.b", json!("x")), Err(HttpProblem::Query));
    }

    #[test]
    fn bodies_say_what_they_are() {
        let made = |body: serde_json::Value, kind: Option<&str>| {
            let body = value(body);
            let stated = kind.map(|kind| ("Content-Type".to_owned(), HeaderValue::Text(kind.to_owned())));
            let parts = Parts {
                url: "https://a.b",
                body: Some(&body),
                headers: stated.into_iter().collect(),
                ..Parts::default()
            };
            let request = request(parts).unwrap();
            let kind = match request.headers.as_slice() {
                [(_, HeaderValue::Text(kind))] => kind.clone(),
                other => format!("{other:?}"),
            };
            (request.method, kind, String::from_utf8(request.body.unwrap_or_default()).unwrap())
        };
        let expected = |method: &str, kind: &str, body: &str| (method.to_owned(), kind.to_owned(), body.to_owned());
        assert_eq!(made(json!({"a": 1}), None), expected("POST", "application/json", r#"{"a":1}"#));
        assert_eq!(made(json!("x"), None), expected("POST", "text/plain; charset=utf-8", "x"));
        assert_eq!(made(json!(null), None), expected("GET", "[]", ""));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(made(json!({"a b": "ü"}), Some(form)), expected("POST", form, "a%20b=%C3%BC"));
        assert_eq!(made(json!([1]), Some("application/vnd.x+json")), expected("POST", "application/vnd.x+json", "[1]"));
    }

    #[test]
    fn data_makes_no_second_header() {
        let made = |name: &str, text: &str| {
            let headers = vec![(name.to_owned(), HeaderValue::Text(text.to_owned()))];
            request(Parts { url: "https://a.b", headers, ..Parts::default() })
        };
        assert!(made("x-a", "1").is_ok());
        for (name, text) in [("x", "a\r\nb: c"), ("x y", ""), ("", ""), ("Host", "evil"), ("content-length", "0")] {
            assert!(matches!(made(name, text), Err(HttpProblem::Header(..))), "{name}");
        }
        assert!(request(Parts { url: "https://a.b", method: "GET\r\n", ..Parts::default() }).is_ok());
        assert!(request(Parts { url: "https://a.b", method: "CONNECT", ..Parts::default() }).is_err());
    }

    #[test]
    fn answers_are_data() {
        let body = |kind: &str, text: &str| result(&answer(kind, text)).unwrap().get("body").unwrap().to_json();
        assert_eq!(body("application/json; charset=utf-8", r#"{"a":[1]}"#), json!({"a": [1]}));
        assert_eq!(body("application/problem+json", "{}"), json!({}));
        assert_eq!(body("text/plain", "{}"), json!("{}"));
        assert_eq!(body("application/json", "broken"), json!("broken"));
        assert_eq!(body("", "[1]"), json!([1]));
        let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
        assert_eq!(body("application/json", &deep), json!(deep));
        let result = result(&answer("text/plain", "")).unwrap();
        assert_eq!(result.get("status"), Some(&Value::Int(200)));
        assert_eq!(result.get("headers").unwrap().to_json(), json!({"content-type": "text/plain"}));
    }

    #[test]
    fn pauses_are_read_and_bounded() {
        let after = |name: &str, text: &str| {
            let headers = vec![(name.to_owned(), text.to_owned())];
            retry_after_ms(&HttpResponse { status: 429, headers, body: Vec::new() })
        };
        assert_eq!(after("Retry-After", "2"), Some(2000));
        assert_eq!(after("retry-after", "0.5"), Some(500));
        assert_eq!(after("retry-after-ms", "70"), Some(70));
        assert_eq!(after("retry-after", "1e30"), Some(MAX_RETRY_AFTER_MS));
        for none in ["-1", "NaN", "Wed, 21 Oct 2026 07:28:00 GMT", ""] {
            assert_eq!(after("retry-after", none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_url_has_room_for_more(url in ".{0,60}", name in ".{0,10}", text in ".{0,20}") {
            let query = value(json!({ name.as_str(): text }));
            let headers = vec![(name, HeaderValue::Text(text))];
            if let Ok(request) = request(Parts { url: &format!("https://a.b/{url}"), query: Some(&query), headers, ..Parts::default() }) {
                prop_assert!(request.url.bytes().all(|byte| byte.is_ascii_graphic()), "{}", request.url);
            }
        }

        #[test]
        fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = result(&HttpResponse { status: 200, headers: Vec::new(), body });
        }
    }
}
