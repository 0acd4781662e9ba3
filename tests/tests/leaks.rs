//! Ten thousand requests through a pool of a hundred places leave nothing behind: no memory, and every place is free
//! again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use greentic_tests::{Bundle, FakeTelegram, Host, text, until};
use std::time::Duration;

const HALF: u64 = 5_000;
const CHATS: u64 = 200;
const PLACES: u64 = 100;
/// One message in so many is answered: replies take instances, connections and memory of their own.
const REPLY_EACH: u64 = 10;

const CROWDED: i64 = 1_000;
const ELSEWHERE: i64 = 1_001;

/// A message of the crowded chat that waits this long is behind the loop.
const BLOCKED: Duration = Duration::from_millis(500);

const FLOW: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: keep
    type: state
    config: {action: set, key: last, value: "{{message}}"}
  - id: say
    type: reply
    config: {message: "{{message}}"}
  - id: work
    type: misbehave
    on_error: late
  - id: late
    type: reply
    config: {message: late}
triggers:
  - {type: message, pattern: "^say ", target: say}
  - {type: message, pattern: "^loop$", target: work}
  - {type: default, target: keep}
"#;

/// A loop is stopped after half of the execution time.
const CONFIG: &str = "[server]\nmax_concurrent_requests = 100\nadmission_wait_ms = 50\n\
                      [wasm]\nmax_execution_time_ms = 8000\n";

/// Posts so many messages, 32 at a time, and waits until all that must be said was.
async fn load(host: &Host, telegram: &FakeTelegram, ids: std::ops::Range<u64>) {
    let end = ids.end;
    let posts = ids.map(|id| async move {
        let words = if id % REPLY_EACH == 0 { format!("say {id}") } else { format!("keep {id}") };
        (id, host.post(&text(id, 1 + (id % CHATS) as i64, &words)).await)
    });
    let refused: Vec<_> = stream::iter(posts)
        .buffer_unordered(32)
        .filter(|(_, status)| {
            let refused = *status != 200;
            async move { refused }
        })
        .collect()
        .await;
    assert!(refused.is_empty(), "{refused:?}");
    telegram.calls((end / REPLY_EACH) as usize).await;
}

#[tokio::test]
async fn ten_thousand_requests_leave_nothing_behind() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), FLOW, &[("misbehave", greentic_artifacts::MISBEHAVE)]);
    let host = Host::start(&bundle, &bundle.config(CONFIG));

    load(&host, &telegram, 0..HALF).await;
    let warm = host.resident_bytes();
    load(&host, &telegram, HALF..2 * HALF).await;
    let after = host.resident_bytes();
    // What the stores keep of each delivery, and an allocator's moods.
    let allowed = warm + warm * 15 / 100 + (8 << 20);
    assert!(after <= allowed, "{} KiB after the first half, {} KiB after the second", warm >> 10, after >> 10);

    the_pool_is_idle(&host).await;
    every_place_is_free(&host).await;
}

/// Nothing of the pool is in use once the last reply is sent.
async fn the_pool_is_idle(host: &Host) {
    let idle = r#""pool":{"instances":0,"memories":0,"tables":0,"stacks":0}"#;
    until("the pool to be idle", || async move {
        let page = host.client().get(format!("{}/ready", host.url())).send().await.unwrap().text().await.unwrap();
        page.contains(idle).then_some(())
    })
    .await;
}

/// Fills the places with messages that wait behind a loop in one chat. A place that had leaked would refuse one of
/// them; one that is not counted would let a message of another chat through.
async fn every_place_is_free(host: &Host) {
    let looping = text(1_000_000, CROWDED, "loop");
    let crowd = async {
        let mut probe = 1_000_000;
        // The probe that is not answered keeps its place though its client has gone.
        until("the loop to hold its conversation", || {
            probe += 1;
            let update = text(probe, CROWDED, "probe");
            async move { tokio::time::timeout(BLOCKED, host.post(&update)).await.is_err().then_some(()) }
        })
        .await;
        let waiting = join_all(
            (0..PLACES - 2)
                .map(|number| async move { host.post(&text(2_000_000 + number, CROWDED, "behind it")).await }),
        );
        let full = until("every place to be taken", || async move {
            (host.post(&text(3_000_000, ELSEWHERE, "no place")).await == 503).then_some(())
        });
        tokio::join!(waiting, full).0
    };
    let (first, waiting) = tokio::join!(host.post(&looping), crowd);
    assert_eq!(first, 200);
    assert!(waiting.iter().all(|status| *status == 200), "{waiting:?}");
}
