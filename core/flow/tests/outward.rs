//! Nodes that reach out, and what they do when that fails: requests, tries, pauses, events, logs, translated texts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

mod support;

use greentic_flow::engine::{ErrorKind, Failure, FailureKind, HeaderValue, HttpFailure, HttpFailureKind, LogLevel};
use greentic_flow::ir::{Extras, Node, Retry};
use greentic_types::{Message, Value};
use support::{World, message, texts};

fn flow(nodes: &str) -> String {
    format!("name: f\nversion: 1\ntriggers: [{{type: default, target: a}}]\nnodes:\n{nodes}")
}

const FETCH: &str = "  - id: a\n    type: http\n    config:\n      method: post\n      url: 'https://x.example/{{message}}'\n      \
                     headers: {X-User: '{{user_id}}', Authorization: 'Bearer secret://shop_key', X-Odd: '{{flow.odd}}'}\n      \
                     body: {who: '{{user_id}}', n: 3}\n    next: b\n  \
                     - {id: b, type: reply, config: {message: '{{http_response.status}} {{http_response.body.a}}'}}\n  \
                     - {id: sorry, type: reply, config: {message: '{{error.code}} {{http_response.status}}'}}";

/// Gives the first node what its text does not say.
fn with(world: &mut World, extras: Extras<'static>, on_error: Option<u32>) {
    let record = world.flows[0].nodes[0].clone();
    let mut node: Node<'_> = minicbor::decode(&record).unwrap();
    node.extras = Some(extras);
    node.on_error = on_error;
    world.flows[0].nodes[0] = minicbor::to_vec(&node).unwrap();
}

fn tries(max: u32, kinds: &[&'static str]) -> Extras<'static> {
    let kinds = kinds.iter().map(|kind| (*kind).into()).collect();
    Extras { retry: Some(Retry { max, backoff_ms: 100, kinds }), ..Extras::default() }
}

#[test]
fn a_request_is_made_of_the_flows_data_and_its_secrets_stay_names() {
    let text = flow(FETCH).replacen("version: 1\n", "version: 1\nvariables: {odd: 'secret://other'}\n", 1);
    let mut world = World::of(&text, &[]);
    world.answers(200, r#"{"a":[1]}"#);
    assert_eq!(texts(&world.say("carts")), ["200 [1]"]);
    let request = &world.requests[0];
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://x.example/carts"));
    let header = |name: &str| request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    assert_eq!(header("x-user"), Some(&HeaderValue::Text("u1".into())));
    let secret = HeaderValue::Secret { prefix: "Bearer ".into(), name: "shop_key".into() };
    assert_eq!(header("authorization"), Some(&secret));
    // What data rendered to is never looked up.
    assert_eq!(header("x-odd"), Some(&HeaderValue::Text("secret://other".into())));
    assert_eq!(header("content-type"), Some(&HeaderValue::Text("application/json".into())));
    let body: serde_json::Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({ "who": "u1", "n": 3 }));
}

#[test]
fn what_may_pass_is_tried_again_after_a_growing_pause() {
    let mut world = World::of(&flow(FETCH), &[]);
    with(&mut world, tries(3, &[]), None);
    world.answers(503, "{}");
    world.network.push_back(Err(HttpFailure { kind: HttpFailureKind::Timeout, detail: "10 s".into() }));
    world.answers(200, r#"{"a":1}"#);
    assert_eq!(texts(&world.say("x")), ["200 1"]);
    assert_eq!(world.pauses, [100, 200]);
}

#[test]
fn when_the_tries_are_used_up_the_answer_stands_as_it_is() {
    let mut world = World::of(&flow(FETCH), &[]);
    with(&mut world, tries(1, &[]), None);
    world.answers(503, "{}");
    world.answers(429, r#"{"a":2}"#);
    assert_eq!(texts(&world.say("x")), ["429 2"]);
    with(&mut world, tries(1, &[]), Some(2));
    world.answers(503, "{}");
    world.answers(500, "{}");
    assert_eq!(texts(&world.say("x")), ["http-status 500"]);
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    let mut world = World::of(&flow(FETCH), &[]);
    with(&mut world, tries(3, &[]), None);
    world.answers(404, "{}");
    assert_eq!(texts(&world.say("x")), ["404 "]);
    world.network.push_back(Err(HttpFailure { kind: HttpFailureKind::Refused, detail: "not granted".into() }));
    let error = world.say("x").error.unwrap();
    assert_eq!((error.kind, error.node.as_str()), (ErrorKind::HttpRefused, "a"));
    assert!(world.pauses.is_empty());
}

#[test]
fn pauses_of_a_turn_are_bounded() {
    let mut world = World::of(&flow(FETCH), &[]);
    with(&mut world, tries(10, &[]), None);
    for _ in 0..11 {
        world.answers(503, "{}");
    }
    world.say("x");
    assert!(world.pauses.iter().sum::<u32>() <= 10_000, "{:?}", world.pauses);
    assert!(world.pauses.len() >= 5);
}

#[test]
fn a_component_that_says_it_failed_is_tried_again_only_when_the_node_says_so() {
    let nodes = "  - {id: a, type: broken, next: b}\n  - {id: b, type: reply, config: {message: ok}}";
    let mut world = World::of(&flow(nodes), &["broken"]);
    let failure = Failure { kind: FailureKind::Failed, message: "no".to_owned() };
    world.components.insert("broken.".to_owned(), Err(failure));
    with(&mut world, tries(2, &[]), None);
    assert_eq!(world.say("x").error.unwrap().kind, ErrorKind::ComponentFailed);
    assert_eq!(world.calls.len(), 1);
    for kinds in ["component", "component-failed"] {
        world.calls.clear();
        with(&mut world, tries(2, &[kinds]), None);
        world.say("x");
        assert_eq!(world.calls.len(), 3);
    }
}

#[test]
fn events_and_logs_leave_with_the_turn() {
    let nodes = "  - {id: a, type: event, config: {event_type: 'order.{{message}}', payload: {n: '{{user_id}}'}}, next: b}\n  \
                 - {id: b, type: log, config: {level: warn, message: 'ordered {{message}}'}}";
    let mut world = World::of(&flow(nodes), &[]);
    let ending = world.say("tea");
    assert_eq!(ending.events[0].event_type, "order.tea");
    assert_eq!(ending.events[0].payload, Value::Map([("n".to_owned(), Value::Text("u1".into()))].into()));
    assert_eq!((ending.logs[0].level, ending.logs[0].message.as_str()), (LogLevel::Warn, "ordered tea"));
    assert_eq!((ending.logs[0].flow.as_str(), ending.logs[0].node.as_str()), ("f", "b"));
    // A type that would reach another subject is refused, and with the turn goes all that it said.
    let ending = world.say("a.>");
    assert_eq!(ending.error.unwrap().kind, ErrorKind::BadRequest);
    assert!(ending.events.is_empty());
}

#[test]
fn translated_texts_are_asked_for_once_and_in_the_users_language() {
    let nodes = "  - {id: a, type: reply, config: {message: 'i18n:hello'}, next: b}\n  \
                 - {id: b, type: reply, config: {message: '{{t \"hello\"}} {{t \"bye\"}}'}}";
    let mut world = World::of(&flow(nodes), &[]);
    for (key, text) in [("de/hello", "Hallo"), ("en/hello", "Hello"), ("de/bye", "Tschüss")] {
        world.texts.insert(key.to_owned(), text.to_owned());
    }
    let german = Message { locale: Some("de".into()), ..message("x") };
    assert_eq!(texts(&world.turn(&german)), ["Hallo", "Hallo Tschüss"]);
    assert_eq!(world.asked_texts, 2);
    assert_eq!(texts(&world.say("x"))[0], "Hello");
}

fn model(config: &str) -> String {
    flow(&format!(
        "  - {{id: a, type: llm, config: {{model: m, prompt: 'Say {{{{message}}}}', base_url: 'https://llm.example/v1'{config}}}, next: b}}\n  \
         - {{id: b, type: reply, config: {{message: '{{{{llm_response}}}} ({{{{llm_usage.total_tokens}}}})'}}}}"
    ))
}

#[test]
fn a_model_answers_and_its_key_stays_a_name() {
    let mut world = World::of(&model(", system_prompt: Be kind, api_key: 'secret://my_key'"), &[]);
    world.answers(429, "{}");
    world.answers(200, r#"{"choices":[{"message":{"content":"Hi"}}],"usage":{"total_tokens":7}}"#);
    assert_eq!(texts(&world.say("hi")), ["Hi (7)"]);
    assert_eq!(world.pauses.len(), 1);
    let request = &world.requests[1];
    assert_eq!(request.url, "https://llm.example/v1/chat/completions");
    let key = HeaderValue::Secret { prefix: "Bearer ".into(), name: "my_key".into() };
    assert!(request.headers.iter().any(|(name, value)| name == "authorization" && *value == key));
    let body: serde_json::Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["messages"][0]["content"], "Be kind");
    assert_eq!(body["messages"][1]["content"], "Say hi");
}

#[test]
fn a_model_calls_the_tools_it_is_given() {
    let tools = ", tools: [{name: price, description: What it costs, component: shop.price}]";
    let mut world = World::of(&model(tools), &["shop"]);
    world.components.insert("shop.price".to_owned(), Ok(Some("3 EUR".to_owned())));
    let call = r#"{"choices":[{"message":{"tool_calls":[{"id":"1","type":"function",
        "function":{"name":"price","arguments":"{\"item\":\"tea\"}"}}]}}]}"#;
    world.answers(200, call);
    world.answers(200, r#"{"choices":[{"message":{"content":"It costs 3 EUR"}}]}"#);
    assert_eq!(texts(&world.say("hi")), ["It costs 3 EUR ()"]);
    assert_eq!(world.calls, [r#"{"item":"tea"}"#]);
    let body: serde_json::Value = serde_json::from_slice(world.requests[1].body.as_ref().unwrap()).unwrap();
    assert_eq!(body["messages"][2]["content"], "3 EUR");
}

#[test]
fn a_model_that_can_not_be_had_is_a_failure_of_its_node() {
    let text = model(", retry_count: 0").replacen(", next: b", ", next: b, on_error: c", 1)
        + "\n  - {id: c, type: reply, config: {message: '{{error.code}} {{error.kind}}'}}";
    let mut world = World::of(&text, &[]);
    world.answers(500, "{}");
    assert_eq!(texts(&world.say("hi")), ["llm-failed llm"]);
    world.answers(401, "{}");
    assert_eq!(texts(&world.say("hi")), ["http-refused http"]);
}

#[test]
fn a_card_is_filled_in_and_carried_as_json() {
    let ending = World::of(include_str!("flows/kinds.ygtc"), &[]).say("card");
    let card: serde_json::Value = serde_json::from_str(ending.replies[0].card.as_ref().unwrap()).unwrap();
    assert_eq!(card["body"][0]["text"], "Hi u1");
}
