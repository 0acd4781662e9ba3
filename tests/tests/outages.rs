//! Redis or NATS away: what can't be stored is refused with `Retry-After`, what was accepted reaches the stream exactly
//! once and in order when the server is back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use futures::future::join_all;
use greentic_tests::{Bundle, ECHO, FakeTelegram, Host, Nats, Redis, said, spoken, text, until};
use greentic_types::subject::EGRESS_STREAM;
use std::sync::atomic::{AtomicU64, Ordering};

struct System {
    host: Host,
    redis: Redis,
    nats: Nats,
    telegram: FakeTelegram,
    _bundle: Bundle,
}

/// `None` when a server isn't installed. One message has gone through when it is there.
async fn system() -> Option<System> {
    let (redis, nats) = (Redis::start().await?, Nats::start().await?);
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), ECHO, &[]);
    let host = Host::start(&bundle, &bundle.config(&format!("{}{}", redis.config(), nats.config())));
    host.ready().await;
    host.deliver(&text(1, FIRST, "up")).await;
    telegram.calls(1).await;
    Some(System { host, redis, nats, telegram, _bundle: bundle })
}

const FIRST: i64 = 9_999;

fn words(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| format!("message {number}")).collect()
}

/// One chat's messages, each after the one before was accepted, as Telegram sends them.
async fn talk(host: &Host, chat: i64, numbers: std::ops::Range<u64>, accepted: &AtomicU64) {
    for number in numbers {
        host.deliver(&text(chat as u64 * 100 + number, chat, &format!("message {number}"))).await;
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_is_accepted_while_nats_is_away_is_published_when_it_is_back() {
    let Some(mut system) = system().await else { return };
    let count = AtomicU64::new(0);
    system.nats.stop();
    tokio::join!(talk(&system.host, 1, 0..4, &count), talk(&system.host, 2, 0..3, &count));
    system.nats.restart().await;
    // Without a further message: what is left in an outbox is the relay's to publish.
    assert_eq!(system.nats.stream_of(EGRESS_STREAM, 8).await.len(), 8);

    tokio::join!(talk(&system.host, 1, 4..6, &count), talk(&system.host, 2, 3..6, &count));
    let envelopes = system.nats.stream_of(EGRESS_STREAM, 13).await;
    for chat in [1, 2] {
        assert_eq!(spoken(&envelopes, chat), words(0..6));
    }
    assert_eq!(envelopes.len(), 13);
    // A worker that lost its acknowledgement with the server may send twice; what it must not do is forget.
    let (telegram, wanted) = (&system.telegram, &words(0..6));
    until("every reply to be sent", || async move {
        let calls = telegram.calls(0).await;
        wanted.iter().all(|words| [1, 2].iter().all(|chat| said(&calls, *chat).contains(&words.as_str()))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nats_restarted_under_load_loses_and_doubles_nothing() {
    let Some(mut system) = system().await else { return };
    let accepted = &AtomicU64::new(0);
    let load = join_all((1..=10).map(|chat| talk(&system.host, chat, 0..10, accepted)));
    let nats = &mut system.nats;
    let restart = async {
        until("a third of the load", || async move { (accepted.load(Ordering::Relaxed) >= 30).then_some(()) }).await;
        nats.restart().await;
    };
    tokio::join!(load, restart);
    let envelopes = system.nats.stream_of(EGRESS_STREAM, 101).await;
    for chat in 1..=10 {
        assert_eq!(spoken(&envelopes, chat), words(0..10), "chat {chat}");
    }
    assert_eq!(envelopes.len(), 101);
}

#[tokio::test]
async fn without_redis_webhooks_are_to_come_again() {
    let Some(mut system) = system().await else { return };
    system.redis.stop();
    let response = system.host.webhook(&text(2, 3, "refused")).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");

    system.redis.restart().await;
    system.host.deliver(&text(2, 3, "refused")).await;
    system.host.deliver(&text(3, 3, "the end")).await;
    let envelopes = system.nats.stream_of(EGRESS_STREAM, 3).await;
    assert_eq!(spoken(&envelopes, 3), ["refused", "the end"]);
}
