//! Flows that reach out: only to hosts that the bundle names, with secrets that nobody sees but the server they are for;
//! a model that hesitates, calls a tool and answers; and what is said in the language of who wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_artifacts::LOOKUP_TOOL;
use greentic_tests::{Api, Bundle, FakeTelegram, Host, Nats, Redis, command, said, text};
use greentic_types::subject::EGRESS_STREAM;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use std::path::Path;

const CHAT: i64 = 7;
const KEY: &str = "k-4711-nobody-sees-this";
const KEY_VARIABLE: &str = "GREENTIC_SECRET__DEMO__DEFAULT__API_KEY";

const SECRETS: &str = "[secrets]\nrequired = [\"api_key\"]\n";

/// Asks a server, says what it said, and waits, so that all of it is kept in the session.
fn asking(api: &str, secret: &str) -> String {
    r#"
name: main
version: 1.0.0
nodes:
  - id: ask
    type: http
    config:
      url: "API/stock"
      query: {item: "{{message}}"}
      headers: {Authorization: "Bearer secret://SECRET", Accept: application/json}
    output: stock
    on_error: tell
    next: say
  - id: say
    type: reply
    config: {message: "{{stock.status}}: {{stock.body.count}} left"}
    next: hold
  - id: hold
    type: wait
    next: ask
  - id: tell
    type: reply
    config: {message: "failed: {{error.code}}"}
triggers:
  - {type: default, target: ask}
"#
    .replace("API", api)
    .replace("SECRET", secret)
}

fn log(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Everything that Redis holds, as one text.
async fn everything(mut redis: MultiplexedConnection) -> String {
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let mut all = Vec::new();
    for key in &keys {
        let kind: String = redis::cmd("TYPE").arg(key).query_async(&mut redis).await.unwrap();
        let (command, range) = match kind.as_str() {
            "string" => ("GET", false),
            "hash" => ("HGETALL", false),
            "list" => ("LRANGE", true),
            "set" => ("SMEMBERS", false),
            "zset" => ("ZRANGE", true),
            other => panic!("{key} is a {other}"),
        };
        let mut command = redis::cmd(command);
        command.arg(key);
        if range {
            command.arg(0).arg(-1);
        }
        let value: redis::Value = command.query_async(&mut redis).await.unwrap();
        collect(&value, &mut all);
    }
    assert!(!keys.is_empty());
    String::from_utf8_lossy(&all).into_owned()
}

fn collect(value: &redis::Value, all: &mut Vec<u8>) {
    match value {
        redis::Value::BulkString(bytes) => all.extend(bytes),
        redis::Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            collect(key, all);
            collect(value, all);
        }),
        _ => {}
    }
}

#[tokio::test]
async fn a_granted_host_gets_the_secret_and_nobody_else_sees_it() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let (telegram, api) = (FakeTelegram::start().await, Api::start().await);
    let bundle = Bundle::with_app(telegram.url(), &asking(api.url(), "api_key"), &[], &[], SECRETS);
    bundle.app_keys(&[&format!("allowed_hosts: [\"{}\"]", api.url())]);
    let config = format!("[logging]\nlevel = \"debug\"\n{}{}", redis.config(), nats.config());
    let (host, log_file) = Host::start_logged(&bundle, &bundle.config(&config), &[(KEY_VARIABLE, KEY)]);
    host.ready().await;
    api.plan(200, &[("content-type", "application/json")], r#"{"count":3}"#);

    host.deliver(&text(1, CHAT, "tea & milk")).await;
    let calls = telegram.calls(1).await;
    assert_eq!(said(&calls, CHAT), ["200: 3 left"]);
    let asked = api.asked();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {KEY}"));
    assert_eq!(asked[0].method, "GET");
    let target = url::Url::parse(&format!("http://x{}", asked[0].target)).unwrap();
    let pairs: Vec<(String, String)> = target.query_pairs().into_owned().collect();
    assert_eq!(pairs, [("item".to_owned(), "tea & milk".to_owned())]);

    let stored = everything(redis.connect().await).await;
    assert!(stored.contains("count"), "the session holds the answer, so it could hold the secret");
    assert!(!stored.contains(KEY));
    let published = nats.stream_of(EGRESS_STREAM, 1).await;
    assert!(!json!(published).to_string().contains(KEY));
    assert!(!log(&log_file).contains(KEY));
}

#[tokio::test]
async fn no_host_is_reached_unless_the_bundle_names_it() {
    let (telegram, api) = (FakeTelegram::start().await, Api::start().await);
    let bundle = Bundle::with_app(telegram.url(), &asking(api.url(), "api_key"), &[], &[], SECRETS);
    for (round, keys) in (1..).zip([&[][..], &["allowed_hosts: [\"127.0.0.1\", \"http://127.0.0.1:1\"]"]]) {
        bundle.app_keys(keys);
        let (host, log_file) = Host::start_logged(&bundle, &bundle.config(""), &[(KEY_VARIABLE, KEY)]);
        assert_eq!(host.post(&text(round, CHAT, "tea")).await, 200);
        let calls = telegram.calls(round as usize).await;
        assert_eq!(said(&calls, CHAT).last(), Some(&"failed: http-refused"));
        assert_eq!(api.asked().len(), 0);
        let log = log(&log_file);
        assert!(log.contains("apps.hello.allowed_hosts") && log.contains(api.url()), "{log}");
        assert!(!log.contains(KEY), "{log}");
    }
}

#[tokio::test]
async fn a_secret_that_the_pack_does_not_list_goes_nowhere() {
    let (telegram, api) = (FakeTelegram::start().await, Api::start().await);
    // The provider's own, too: the flows have no part in it.
    for (update, secret) in [(1, "other"), (2, "telegram_bot_token"), (3, "bot_token")] {
        let bundle = Bundle::with_app(telegram.url(), &asking(api.url(), secret), &[], &[], SECRETS);
        bundle.app_keys(&[&format!("allowed_hosts: [\"{}\"]", api.url())]);
        let environment = [(KEY_VARIABLE, KEY), ("GREENTIC_SECRET__DEMO__DEFAULT__OTHER", "set, but not granted")];
        let (host, log_file) = Host::start_logged(&bundle, &bundle.config(""), &environment);
        assert_eq!(host.post(&text(update, CHAT, "tea")).await, 200);
        let calls = telegram.calls(update as usize).await;
        assert_eq!(said(&calls, CHAT).last(), Some(&"failed: http-refused"), "{secret}");
        assert!(log(&log_file).contains("[secrets]"), "{secret}");
    }
    assert_eq!(api.asked().len(), 0);
}

#[test]
fn a_required_secret_that_is_missing_is_said_at_start() {
    let bundle = Bundle::with_app("http://127.0.0.1:9", &asking("http://127.0.0.1:9", "api_key"), &[], &[], SECRETS);
    let config = bundle.config("");
    let arguments = ["serve", "--port", "0", "--config"];
    let told = command().args(arguments).arg(config).arg(bundle.path()).output().unwrap();
    let error = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{error}");
    assert!(error.contains("`api_key`") && error.contains(KEY_VARIABLE), "{error}");
}

/// A model with one tool, a component of the pack.
const MODEL: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: ask
    type: llm
    config:
      model: small
      system_prompt: You know when shops are open.
      prompt: "{{message}}"
      tools:
        - name: hours
          description: Opening hours of a shop
          parameters: {type: object, properties: {place: {type: string}}}
          component: lookup-tool
    on_error: tell
    next: say
  - id: say
    type: reply
    config: {message: "{{llm_response}}"}
  - id: tell
    type: reply
    config: {message: "failed: {{error.code}}"}
triggers:
  - {type: default, target: ask}
"#;

#[tokio::test]
async fn a_model_that_is_busy_then_calls_a_tool_and_answers() {
    let (telegram, api) = (FakeTelegram::start().await, Api::start().await);
    let secrets = "[secrets]\nrequired = [\"llm_api_key\"]\n";
    let bundle = Bundle::with_app(telegram.url(), MODEL, &[("lookup-tool", LOOKUP_TOOL)], &[], secrets);
    bundle.app_keys(&[
        &format!("allowed_hosts: [\"{}\"]", api.url()),
        &format!("config: {{llm: {{base_url: \"{}/v1\"}}}}", api.url()),
    ]);
    let message = |message: serde_json::Value| json!({ "choices": [{ "message": message }] }).to_string();
    api.plan(429, &[("retry-after", "0")], r#"{"error":{"message":"slow down"}}"#);
    let call =
        json!({ "id": "c1", "type": "function", "function": { "name": "hours", "arguments": r#"{"place":"Bern"}"# } });
    api.plan(200, &[], &message(json!({ "role": "assistant", "content": null, "tool_calls": [call] })));
    api.plan(200, &[], &message(json!({ "role": "assistant", "content": "Bern opens at nine." })));

    let variable = "GREENTIC_SECRET__DEMO__LLM_API_KEY";
    let (host, log_file) = Host::start_logged(&bundle, &bundle.config(""), &[(variable, KEY)]);
    assert_eq!(host.post(&text(1, CHAT, "When does Bern open?")).await, 200);
    let calls = telegram.calls(1).await;
    assert_eq!(said(&calls, CHAT), ["Bern opens at nine."]);

    let asked = api.asked();
    assert_eq!(asked.len(), 3, "{asked:#?}");
    for request in &asked {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/chat/completions"));
        assert_eq!(request.header("authorization"), format!("Bearer {KEY}"));
    }
    assert_eq!(asked[0].body, asked[1].body, "the same again after the pause");
    let messages = asked[2].body["messages"].as_array().unwrap();
    let answer = messages.last().unwrap();
    assert_eq!((&answer["role"], &answer["tool_call_id"]), (&json!("tool"), &json!("c1")));
    let told: serde_json::Value = serde_json::from_str(answer["content"].as_str().unwrap()).unwrap();
    assert_eq!((&told["opens"], &told["tenant"]), (&json!("09:00"), &json!("demo")));
    assert!(!log(&log_file).contains(KEY));
}

const GREETING: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: greet
    type: reply
    config: {message: '{{t "greeting.hello"}} {{t "greeting.bye"}} ({{locale}})'}
triggers:
  - {type: default, target: greet}
"#;

/// A message of somebody whose program speaks this language. A chat of its own, because a conversation has a memory.
fn in_language(chat: i64, language: Option<&str>) -> String {
    let mut update: serde_json::Value = serde_json::from_str(&text(chat as u64, chat, "hello")).unwrap();
    if let Some(language) = language {
        update["message"]["from"]["language_code"] = json!(language);
    }
    update.to_string()
}

#[tokio::test]
async fn a_flow_speaks_the_language_of_who_wrote() {
    let telegram = FakeTelegram::start().await;
    let files = [
        ("assets/i18n/de.json", r#"{"greeting": {"hello": "Hallo", "bye": "Tschüss"}}"#),
        ("assets/i18n/en.json", r#"{"greeting.hello": "Hi", "greeting.bye": "Bye"}"#),
    ];
    let bundle = Bundle::with_app(telegram.url(), GREETING, &[], &files, "[assets]\ni18n = \"assets/i18n/\"\n");
    std::fs::write(bundle.path().join("de-ch.yaml"), "greeting: {hello: Grüezi}\n").unwrap();
    bundle.edit(|text| format!("{text}i18n: {{default_locale: en, locales: {{de-CH: de-ch.yaml}}}}\n"));
    let host = Host::start(&bundle, &bundle.config(""));
    let expected = [
        (Some("de"), "Hallo Tschüss (de)"),
        (Some("de-CH"), "Grüezi Tschüss (de-CH)"),
        (Some("fr"), "Hi Bye (fr)"),
        (None, "Hi Bye (en)"),
    ];
    for (chat, (language, _)) in (1..).zip(&expected) {
        assert_eq!(host.post(&in_language(chat, *language)).await, 200);
    }
    let calls = telegram.calls(expected.len()).await;
    for (chat, (_, text)) in (1..).zip(&expected) {
        assert_eq!(said(&calls, chat), [*text]);
    }
}
