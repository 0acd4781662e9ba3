//! What the worker makes of the platform's answers: 429 waits as long as it is told, 5xx backs off, a refusal for good
//! goes to the dead letters; and a chat keeps its order all the while.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{BOT_TOKEN, Bundle, Call, ECHO, FakeTelegram, Host, Nats, Redis, said, spoken, text};
use greentic_types::subject::{DEAD_LETTER_STREAM, EGRESS_STREAM, REASON_HEADER};
use std::time::Duration;

const CHAT: i64 = 1;
const OTHER_CHAT: i64 = 2;

async fn start(config: &str) -> (Host, FakeTelegram, Bundle) {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), ECHO, &[]);
    let host = Host::start(&bundle, &bundle.config(config));
    (host, telegram, bundle)
}

/// Times between a chat's calls.
fn gaps(calls: &[Call], chat: i64) -> Vec<Duration> {
    let times: Vec<_> = calls.iter().filter(|call| call.chat() == chat).map(|call| call.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Posts a first message that the platform does not take at once, then one behind it and one in another chat.
async fn post_three(host: &Host, telegram: &FakeTelegram) {
    assert_eq!(host.post(&text(1, CHAT, "first")).await, 200);
    telegram.calls(1).await;
    assert_eq!(host.post(&text(2, CHAT, "second")).await, 200);
    assert_eq!(host.post(&text(3, OTHER_CHAT, "elsewhere")).await, 200);
}

#[tokio::test]
async fn a_429_is_sent_again_after_the_time_it_names_and_the_chat_keeps_its_order() {
    let (host, telegram, _bundle) = start("").await;
    let body = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}"#;
    telegram.plan(429, &[], body);
    post_three(&host, &telegram).await;
    let calls = telegram.calls(4).await;
    assert_eq!(said(&calls, CHAT), ["first", "first", "second"]);
    assert!(gaps(&calls, CHAT)[0] >= Duration::from_secs(1), "{calls:#?}");
    // Other chats don't wait with it.
    let order: Vec<i64> = calls.iter().map(Call::chat).collect();
    assert_eq!(order, [CHAT, OTHER_CHAT, CHAT, CHAT]);
}

#[tokio::test]
async fn a_429_may_name_its_time_in_the_header() {
    let (host, telegram, _bundle) = start("").await;
    telegram.plan(429, &[("Retry-After", "2")], "");
    post_three(&host, &telegram).await;
    let calls = telegram.calls(4).await;
    assert_eq!(said(&calls, CHAT), ["first", "first", "second"]);
    assert!(gaps(&calls, CHAT)[0] >= Duration::from_secs(2), "{calls:#?}");
}

#[tokio::test]
async fn a_5xx_is_sent_again_with_growing_pauses() {
    let (host, telegram, _bundle) = start("").await;
    telegram.plan(500, &[], r#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#);
    assert_eq!(host.post(&text(1, CHAT, "first")).await, 200);
    telegram.calls(1).await;
    telegram.plan(502, &[("Content-Type", "text/html")], "<html>Bad Gateway</html>");
    assert_eq!(host.post(&text(2, CHAT, "second")).await, 200);
    let calls = telegram.calls(4).await;
    assert_eq!(said(&calls, CHAT), ["first", "first", "first", "second"]);
    let gaps = gaps(&calls, CHAT);
    assert!(gaps[0] >= Duration::from_secs(1) && gaps[1] >= Duration::from_secs(2), "{gaps:?}");
}

/// The pause is longer than the bus waits for a worker that says nothing: without a sign of life for what waits, it would
/// hand the second message out again and again.
#[tokio::test]
async fn what_waits_behind_a_long_pause_is_sent_once() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let (host, telegram, _bundle) = start(&format!("{}{}", redis.config(), nats.config())).await;
    host.ready().await;
    telegram.plan(
        429,
        &[],
        r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":13}}"#,
    );
    assert_eq!(host.post(&text(1, CHAT, "first")).await, 200);
    telegram.calls(1).await;
    assert_eq!(host.post(&text(2, CHAT, "second")).await, 200);
    telegram.calls(3).await;
    assert_eq!(host.post(&text(3, CHAT, "third")).await, 200);
    assert_eq!(said(&telegram.calls(4).await, CHAT), ["first", "first", "second", "third"]);
}

#[tokio::test]
async fn a_refusal_for_good_is_dead_lettered_with_its_reason_and_the_chat_goes_on() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let (host, telegram, _bundle) = start(&format!("{}{}", redis.config(), nats.config())).await;
    host.ready().await;
    telegram.plan(403, &[], r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#);
    post_three(&host, &telegram).await;

    let letters = nats.messages(DEAD_LETTER_STREAM, 1).await;
    let [letter] = letters.as_slice() else { panic!("{letters:#?}") };
    assert_eq!(letter.subject, "greentic.messaging.dlq.dev.demo.default.telegram");
    let reason = letter.headers.get(REASON_HEADER).unwrap().as_str();
    assert!(reason.contains("403") && reason.contains("bot was blocked by the user"), "{reason}");
    assert!(!reason.contains(BOT_TOKEN) && !reason.contains("first"), "{reason}");
    assert_eq!(letter.headers.get("Greentic-Tenant").unwrap().as_str(), "demo");

    // The letter is the message as it stood in the stream.
    let envelopes = nats.stream_of(EGRESS_STREAM, 3).await;
    assert_eq!(spoken(&envelopes, CHAT), ["first", "second"]);
    assert!(envelopes.contains(&letter.payload), "{letter:#?}");
    let calls = telegram.calls(3).await;
    assert_eq!(said(&calls, CHAT), ["first", "second"]);
    assert_eq!(said(&calls, OTHER_CHAT), ["elsewhere"]);
}

/// JetStream hands out again in the order in which each message's time runs out, and a host may die with a part of its
/// signs of life sent. The next host must put them back in order before it sends the first.
#[tokio::test]
async fn what_a_dead_host_had_in_hand_goes_out_in_order_and_before_what_is_new() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let config = format!("{}{}", redis.config(), nats.config());
    let (mut dead, telegram, bundle) = start(&config).await;
    dead.ready().await;
    telegram.plan(
        429,
        &[],
        r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":600}}"#,
    );
    let words = ["one", "two", "three", "four"];
    for (number, word) in (1..).zip(words) {
        assert_eq!(dead.post(&text(number, CHAT, word)).await, 200);
    }
    telegram.calls(1).await;
    let subjects = nats.signs_of_life(words.len()).await;
    dead.kill();
    // The sign of life for the first message that the dead host still sent: the others' time runs out before.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let client = nats.connect().await;
    client.publish(subjects[0].clone(), "+WPI".into()).await.unwrap();
    client.flush().await.unwrap();

    let host = Host::start(&bundle, &bundle.config(&config));
    host.ready().await;
    assert_eq!(host.post(&text(100, CHAT, "new")).await, 200);
    let calls = telegram.calls(words.len() + 2).await;
    assert_eq!(said(&calls, CHAT), ["one", "one", "two", "three", "four", "new"]);
}
