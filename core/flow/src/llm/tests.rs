//! The machine against answers that services give, and against ones that none should.

use super::*;
use crate::engine::HeaderValue;
use proptest::prelude::*;
use serde_json::Value as Json;

fn ask() -> Ask {
    Ask {
        base_url: "https://llm.test/v1".into(),
        api_key: Some("llm_api_key".into()),
        model: "m".into(),
        system_prompt: Some("be kind".into()),
        prompt: Some("hi".into()),
        max_turns: 2,
        retry_count: 2,
        ..Ask::default()
    }
}

fn tool(name: &str, bound: bool) -> ToolSpec {
    ToolSpec { name: name.into(), description: String::new(), parameters: json!({"type": "object"}), bound }
}

fn response(status: u16, body: &Json) -> Result<HttpResponse, HttpFailure> {
    Ok(HttpResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() })
}

fn text(content: &str) -> Result<HttpResponse, HttpFailure> {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    response(200, &json!({"choices": [{"message": {"content": content}}], "usage": usage}))
}

fn calls(calls: &[(&str, &str)]) -> Result<HttpResponse, HttpFailure> {
    let calls: Vec<Json> = calls
        .iter()
        .enumerate()
        .map(|(id, (name, arguments))| json!({"id": format!("c{id}"), "function": {"name": name, "arguments": arguments}}))
        .collect();
    response(200, &json!({"choices": [{"message": {"content": null, "tool_calls": calls}}]}))
}

/// The body of the request that is asked for.
fn sent(next: Next) -> Json {
    match next {
        Next::Http(request) => serde_json::from_slice(&request.body.unwrap()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn done(next: Next) -> Completion {
    match next {
        Next::Done(completion) => completion,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_and_its_answer() {
    let (mut exchange, next) = Exchange::start(Ask { temperature: Some(0.5), max_tokens: Some(9), ..ask() });
    let Next::Http(request) = next else { panic!() };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://llm.test/v1/chat/completions"));
    let key = HeaderValue::Secret { prefix: "Bearer ".into(), name: "llm_api_key".into() };
    assert!(request.headers.contains(&("authorization".to_owned(), key)));
    let body: Json = serde_json::from_slice(&request.body.unwrap()).unwrap();
    let messages = json!([{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]);
    assert_eq!(body, json!({"model": "m", "messages": messages, "temperature": 0.5, "max_tokens": 9}));
    let completion = done(exchange.answer(text("hello")));
    assert_eq!(completion.value, Value::Text("hello".into()));
    let usage = json!({"requests": 1, "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    assert_eq!(completion.usage.to_json(), usage);
}

#[test]
fn json_is_read_and_repaired_once() {
    let (mut exchange, next) = Exchange::start(Ask { json: true, ..ask() });
    let body = sent(next);
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("JSON"));
    let repair = sent(exchange.answer(text("sorry, {")));
    assert_eq!(repair["messages"].as_array().unwrap().len(), 5);
    let completion = done(exchange.answer(text("```json\n{\"a\": [1]}\n```")));
    assert_eq!(completion.value.to_json(), json!({"a": [1]}));
    assert_eq!(completion.usage.get("total_tokens"), Some(&Value::Int(10)));

    let (mut exchange, _) = Exchange::start(Ask { json: true, ..ask() });
    sent(exchange.answer(text("no")));
    assert!(matches!(exchange.answer(text("no")), Next::Failed(LlmError { may_pass: false, .. })));
}

#[test]
fn tools_are_called_and_their_answers_sent() {
    let (mut exchange, next) = Exchange::start(Ask { tools: vec![tool("a", true), tool("b", true)], ..ask() });
    assert_eq!(sent(next)["tools"].as_array().unwrap().len(), 2);
    let next = exchange.answer(calls(&[("a", "{\"x\":1}"), ("c", "{}"), ("b", "broken"), ("b", "")]));
    let arguments = Value::from_json(&json!({"x": 1}));
    assert_eq!(next, Next::Tool { name: "a".into(), arguments });
    // `c` does not exist and `b` has broken arguments: the model is told, and nobody else is asked.
    let next = exchange.tool(Ok("one".into()));
    assert_eq!(next, Next::Tool { name: "b".into(), arguments: Value::Map(BTreeMap::new()) });
    let body = sent(exchange.tool(Err("no".into())));
    let answers: Vec<_> = body["messages"].as_array().unwrap().iter().skip(3).collect();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0], &json!({"role": "tool", "tool_call_id": "c0", "content": "one"}));
    assert!(answers[1]["content"].as_str().unwrap().contains("no tool `c`"));
    assert!(answers[2]["content"].as_str().unwrap().contains("not valid JSON"));
    assert_eq!(answers[3]["content"], "{\"error\":\"no\"}");
    assert_eq!(done(exchange.answer(text("ok"))).value, Value::Text("ok".into()));
}

#[test]
fn a_call_of_an_unbound_tool_is_the_result() {
    let (mut exchange, _) = Exchange::start(Ask { tools: vec![tool("a", false)], ..ask() });
    let value = done(exchange.answer(calls(&[("a", "{\"x\":1}")]))).value.to_json();
    assert_eq!(value, json!({"content": "", "tool_calls": [{"name": "a", "arguments": {"x": 1}}]}));
}

#[test]
fn rounds_of_tools_are_bounded() {
    let (mut exchange, _) = Exchange::start(Ask { tools: vec![tool("a", true)], ..ask() });
    exchange.answer(calls(&[("a", "{}")]));
    assert_eq!(sent(exchange.tool(Ok("1".into()))).get("tool_choice"), None);
    exchange.answer(calls(&[("a", "{}")]));
    assert_eq!(sent(exchange.tool(Ok("2".into())))["tool_choice"], "none");
    assert!(matches!(exchange.answer(calls(&[("a", "{}")])), Next::Failed(_)));
}

#[test]
fn what_may_pass_is_tried_again_after_a_pause() {
    let (mut exchange, _) = Exchange::start(ask());
    assert_eq!(exchange.answer(response(503, &json!({}))), Next::Sleep(500));
    sent(exchange.slept());
    let headers = vec![("Retry-After".to_owned(), "3".to_owned())];
    let limited = HttpResponse { status: 429, headers, body: Vec::new() };
    assert_eq!(exchange.answer(Ok(limited)), Next::Sleep(3000));
    sent(exchange.slept());
    let timeout = HttpFailure { kind: HttpFailureKind::Timeout, detail: "slow".into() };
    assert!(matches!(exchange.answer(Err(timeout)), Next::Failed(LlmError { may_pass: true, .. })));

    let (mut exchange, _) = Exchange::start(ask());
    let headers = vec![("retry-after".to_owned(), "3600".to_owned())];
    let closed = HttpResponse { status: 429, headers, body: Vec::new() };
    assert!(matches!(exchange.answer(Ok(closed)), Next::Failed(_)));
    for status in [400, 401, 403, 404] {
        let (mut exchange, _) = Exchange::start(ask());
        let Next::Failed(error) = exchange.answer(response(status, &json!({"error": "sk-secret"}))) else { panic!() };
        assert!(!error.may_pass && !error.message.contains("sk-"), "{status}");
        assert_eq!(error.refused, status == 401 || status == 403);
    }
}

#[test]
fn an_address_that_is_none_is_told() {
    let (_, next) = Exchange::start(Ask { base_url: String::new(), ..ask() });
    assert!(matches!(next, Next::Failed(error) if error.message.contains("URL")));
    let (_, next) = Exchange::start(Ask { prompt: Some("x".repeat(1024 * 1024)), ..ask() });
    assert!(matches!(next, Next::Failed(_)));
}

/// Answers, right and wrong, that a service might give.
fn any_answer() -> impl Strategy<Value = Result<HttpResponse, HttpFailure>> {
    let bodies = vec![
        json!({"choices": [{"message": {"content": "x"}}]}).to_string(),
        json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}}]}).to_string(),
        json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "a", "arguments": 5}}]}}]}).to_string(),
        json!({"choices": [{"message": {"function_call": {"name": "z"}}}]}).to_string(),
        json!({"choices": [{"message": {"content": [{"text": "{}"}]}}], "usage": {"total_tokens": -1}}).to_string(),
        json!({"choices": [{"message": {"refusal": "no"}}]}).to_string(),
        "[]".to_owned(),
        String::new(),
    ];
    let body = prop_oneof![prop::sample::select(bodies), ".{0,40}"];
    (prop::sample::select(vec![200u16, 200, 200, 429, 500, 404]), body, any::<bool>()).prop_map(|(status, body, ok)| {
        if ok {
            return Ok(HttpResponse { status, headers: Vec::new(), body: body.into_bytes() });
        }
        Err(HttpFailure { kind: HttpFailureKind::Unreachable, detail: String::new() })
    })
}

proptest! {
    #[test]
    fn it_always_ends(
        answers in prop::collection::vec(any_answer(), 64),
        json in any::<bool>(),
        retry_count in 0u32..10,
        max_turns in 0u32..40,
    ) {
        let (mut exchange, mut next) = Exchange::start(Ask { json, retry_count, max_turns, tools: vec![tool("a", true)], ..ask() });
        let mut answers = answers.into_iter();
        let mut ended = false;
        for _ in 0..600 {
            next = match next {
                Next::Http(_) => match answers.next() {
                    Some(answer) => exchange.answer(answer),
                    None => break,
                },
                Next::Sleep(pause) => {
                    prop_assert!(pause <= u64::from(MAX_PAUSE_MS));
                    exchange.slept()
                }
                Next::Tool { .. } => exchange.tool(Ok("x".repeat(10))),
                Next::Done(_) | Next::Failed(_) => {
                    ended = true;
                    break;
                }
            };
        }
        prop_assert!(ended);
    }
}
