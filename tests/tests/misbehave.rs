//! Guests that loop, hoard, recurse or trap are stopped within the deadline and reported to the flow, while other
//! chats' messages are answered as ever; a host call that never returns costs its own request only; and what one
//! instance leaves in its memory no other instance ever finds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use futures::StreamExt;
use futures::stream;
use greentic_tests::{Bundle, FakeTelegram, Host, MISBEHAVING, Redis, said, text};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

const BAD_CHAT: i64 = 999;
const GOOD_CHATS: i64 = 50;
const DEADLINE: Duration = Duration::from_secs(2);
const CONFIG: &str = "[wasm]\nmax_execution_time_ms = 2000\nmax_memory_mb = 64\n";

async fn host(telegram: &FakeTelegram, config: &str) -> (Host, Bundle) {
    let components = [("misbehave", greentic_artifacts::MISBEHAVE)];
    let bundle = Bundle::with_flow(telegram.url(), MISBEHAVING, &components);
    (Host::start(&bundle, &bundle.config(config)), bundle)
}

/// One message in each good chat, some at a time.
async fn good_traffic(host: &Host, round: u64) {
    let posts = (1..=GOOD_CHATS).map(|chat| async move {
        let update = text(round * 1_000 + chat as u64, chat, &format!("good-{round}"));
        assert_eq!(host.post(&update).await, 200, "chat {chat}, round {round}");
    });
    stream::iter(posts).buffer_unordered(8).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn guests_that_misbehave_are_stopped_and_reported_and_others_are_served() {
    let telegram = FakeTelegram::start().await;
    let (host, _bundle) = host(&telegram, CONFIG).await;
    let rounds = ["loop", "memory", "recurse", "trap", "bare", "babble"];
    for (round, how) in (1..).zip(rounds) {
        let update = text(round * 1_000, BAD_CHAT, how);
        let (status, ()) = tokio::join!(host.post(&update), good_traffic(&host, round));
        // Past the deadline it would be 504: so it was stopped, and its user told, within it.
        assert_eq!(status, 200, "{how}");
    }
    let calls = telegram.calls(rounds.len() * (GOOD_CHATS as usize + 1)).await;
    let told = said(&calls, BAD_CHAT);
    assert_eq!(told.len(), rounds.len(), "{told:#?}");
    for (how, reply) in rounds.iter().zip(&told) {
        // Where the flow handles nothing, the user gets the bundle's words and none of the inside.
        let expected = match *how {
            "bare" => "Something went wrong.",
            "babble" => "stopped: component-failed: ",
            _ => "stopped: component-stopped: ",
        };
        assert!(reply.starts_with(expected), "{how}: {reply}");
    }
    let expected: Vec<String> = (1..=rounds.len()).map(|round| format!("behaved: good-{round}")).collect();
    for chat in 1..=GOOD_CHATS {
        assert_eq!(said(&calls, chat), expected, "chat {chat}");
    }
}

#[tokio::test]
async fn a_host_call_that_never_returns_ends_at_the_deadline() {
    let Some(redis) = Redis::start().await else { return };
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());
    let host = Host::start(&bundle, &bundle.config(&format!("{CONFIG}{}", redis.config())));
    host.deliver(&text(1, 1, "hello")).await;

    redis.pause();
    let started = Instant::now();
    let status = host.post(&text(2, 1, "hello")).await;
    let took = started.elapsed();
    let health = host.client().get(format!("{}/health", host.url())).send().await.unwrap().status();
    redis.resume();
    assert!(matches!(status, 503 | 504), "{status}");
    // A second deadline's worth for a machine that has other things to do.
    assert!(took < 2 * DEADLINE, "{took:?}");
    assert_eq!(health, 200);

    host.deliver(&text(3, 3, "hello")).await;
    // The refused one comes again, and counts as new exactly once.
    host.deliver(&text(2, 1, "hello")).await;
    host.deliver(&text(2, 1, "hello")).await;
    host.deliver(&text(4, 1, "shout the end")).await;
    let welcome = "Hello! I am Greta. What shall we do?";
    let calls = telegram.calls(4).await;
    assert_eq!(said(&calls, 1), [welcome, welcome, "SHOUT THE END!"]);
    assert_eq!(said(&calls, 3), [welcome]);
}

#[tokio::test]
async fn no_instance_finds_what_another_left_in_memory() {
    let telegram = FakeTelegram::start().await;
    // Few places, so that every slot of the pool is used again and again.
    let (host, _bundle) = host(&telegram, "[server]\nmax_concurrent_requests = 4\n").await;
    // New for each run: no file of this build can hold it.
    let canary = &format!("canary {:016x}", RandomState::new().hash_one(0));
    let host = &host;
    let look = |id: u64| async move { assert_eq!(host.post(&text(id, 1 + id as i64 % 7, canary)).await, 200) };
    for id in 1..=200 {
        look(id).await;
    }
    stream::iter((201..=300).map(look)).buffer_unordered(4).collect::<Vec<()>>().await;
    let calls = telegram.calls(300).await;
    let found: Vec<&str> = calls.iter().map(|call| call.text()).filter(|text| *text != "found 0").collect();
    assert!(found.is_empty() && calls.len() == 300, "{} calls, {found:?}", calls.len());
}
