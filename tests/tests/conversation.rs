//! One conversation from webhook to platform and back: exactly the right calls, in order, whatever comes twice, late or
//! edited, with a second conversation in between; and what Redis and NATS hold of it afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_session::scripts::INDEX;
use greentic_tests::{Bundle, Call, FakeTelegram, Host, Nats, Redis, callback, edited, spoken, text, until};
use greentic_types::subject::EGRESS_STREAM;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use std::collections::HashSet;

const ADA: i64 = 1_111_111;
const BOB: i64 = 2_222_222;

/// Messages that one visit causes.
const CALLS: usize = 6;

fn press_id(chat: i64) -> String {
    format!("press-of-{chat}")
}

/// One user's whole visit. What must cause nothing comes before something that must, so that its effect would show.
async fn visit(host: &Host, chat: i64, name: &str) {
    let id = |number: u64| chat as u64 * 100 + number;
    for update in [
        text(id(1), chat, "hello"),
        text(id(1), chat, "hello"),
        callback(id(2), chat, &press_id(chat), "name"),
        edited(id(3), chat, "hello, edited while the flow waits"),
        callback(id(2), chat, &press_id(chat), "name"),
        text(id(4), chat, name),
        text(id(1), chat, "hello"),
        text(id(4), chat, name),
        text(id(5), chat, "shout hello"),
        text(id(6), chat, "hi"),
    ] {
        assert_eq!(host.post(&update).await, 200, "{update}");
    }
}

/// What the platform must see of a visit.
fn expected(chat: i64, name: &str) -> Vec<(&'static str, Value)> {
    let menu = |first: &str| {
        json!({"inline_keyboard": [[
            {"text": first, "callback_data": "name"},
            {"text": "How it works", "callback_data": "how"}
        ]]})
    };
    let say = |text: &str| ("sendMessage", json!({"chat_id": chat, "text": text}));
    let offer =
        |text: &str, first: &str| ("sendMessage", json!({"chat_id": chat, "text": text, "reply_markup": menu(first)}));
    vec![
        offer("Hello! I am Greta. What shall we do?", "Tell me your name"),
        ("answerCallbackQuery", json!({"callback_query_id": press_id(chat)})),
        say("What is your name?"),
        say(&format!("Nice to meet you, {name}.")),
        say("SHOUT HELLO!"),
        offer(&format!("Hello again, {name}! I am still Greta."), "Use another name"),
    ]
}

/// The calls that belong to a conversation. Answering a button press names no chat.
fn calls_of(calls: &[Call], chat: i64) -> Vec<(&str, Value)> {
    calls
        .iter()
        .filter(|call| call.chat() == chat || call.body["callback_query_id"] == press_id(chat))
        .map(|call| (call.method.as_str(), call.body.clone()))
        .collect()
}

async fn both_visits(host: &Host, telegram: &FakeTelegram) {
    tokio::join!(visit(host, ADA, "Ada"), visit(host, BOB, "Bob"));
    let calls = telegram.calls(2 * CALLS).await;
    assert_eq!(calls_of(&calls, ADA), expected(ADA, "Ada"));
    assert_eq!(calls_of(&calls, BOB), expected(BOB, "Bob"));
    assert_eq!(calls.len(), 2 * CALLS, "{calls:#?}");
}

fn key(chat: i64, part: &str) -> String {
    format!("greentic:{{dev:demo:default:telegram:{chat}:{chat}}}:{part}")
}

async fn ask(connection: &mut MultiplexedConnection, command: &str, key: &str) -> i64 {
    redis::cmd(command).arg(key).query_async(connection).await.unwrap()
}

#[tokio::test]
async fn two_conversations_over_redis_and_nats() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());
    let config = format!("[session]\ndefault_timeout = 120\n{}{}", redis.config(), nats.config());
    let host = Host::start(&bundle, &bundle.config(&config));
    host.ready().await;
    both_visits(&host, &telegram).await;

    let envelopes = nats.stream_of(EGRESS_STREAM, 2 * CALLS as u64).await;
    let ids: HashSet<&str> = envelopes.iter().filter_map(|envelope| envelope["id"].as_str()).collect();
    assert_eq!((envelopes.len(), ids.len()), (2 * CALLS, 2 * CALLS), "{envelopes:#?}");
    for (chat, name) in [(ADA, "Ada"), (BOB, "Bob")] {
        let expected = expected(chat, name);
        let texts: Vec<&str> = expected.iter().map(|(_, body)| body["text"].as_str().unwrap_or_default()).collect();
        assert_eq!(spoken(&envelopes, chat), texts);
    }

    let connection = redis.connect().await;
    for chat in [ADA, BOB] {
        let left = ask(&mut connection.clone(), "TTL", &key(chat, "s")).await;
        assert!((1..=120).contains(&left), "TTL {left}");
        until("an empty outbox", || {
            let mut connection = connection.clone();
            async move { (ask(&mut connection, "EXISTS", &key(chat, "o")).await == 0).then_some(()) }
        })
        .await;
    }
    until("an empty index of outboxes", || {
        let mut connection = connection.clone();
        async move { (ask(&mut connection, "ZCARD", INDEX).await == 0).then_some(()) }
    })
    .await;
}

#[tokio::test]
async fn the_same_with_nothing_but_the_host() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());
    let host = Host::start(&bundle, &bundle.config(""));
    both_visits(&host, &telegram).await;
}
