//! Two host processes share one Redis and one NATS: a delivery counts once wherever it arrives and however often, and
//! the messages of one conversation run one at a time, none lost, none twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use futures::future::join_all;
use greentic_tests::{Bundle, FakeTelegram, Host, Nats, Redis, said, spoken, text};
use greentic_types::subject::EGRESS_STREAM;
use std::collections::BTreeSet;

const CHAT: i64 = 77;

/// Each reply names the message before it, as the session remembers it: two turns that overlapped would name the same
/// one, and the chain would fork.
const CHAIN: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: say
    type: reply
    config: {message: "{{message}} after ({{state.last}})"}
    next: keep
  - id: keep
    type: state
    config: {action: set, key: last, value: "{{message}}"}
triggers:
  - {type: default, target: say}
"#;

struct Cluster {
    hosts: [Host; 2],
    nats: Nats,
    _redis: Redis,
    telegram: FakeTelegram,
    _bundle: Bundle,
}

/// `None` when a server isn't installed.
async fn cluster() -> Option<Cluster> {
    let (redis, nats) = (Redis::start().await?, Nats::start().await?);
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), CHAIN, &[]);
    let config = bundle.config(&format!("{}{}", redis.config(), nats.config()));
    let hosts = [Host::start(&bundle, &config), Host::start(&bundle, &config)];
    for host in &hosts {
        host.ready().await;
    }
    Some(Cluster { hosts, nats, _redis: redis, telegram, _bundle: bundle })
}

#[tokio::test]
async fn one_delivery_ten_times_at_once_gives_one_reply() {
    let Some(cluster) = cluster().await else { return };
    let update = text(1, CHAT, "once");
    let posts = (0..10).map(|number| cluster.hosts[number % 2].post(&update));
    for status in join_all(posts).await {
        assert!((200..300).contains(&status), "{status}");
    }
    // What a second run had said would stand before this.
    cluster.hosts[1].deliver(&text(2, CHAT, "the end")).await;
    let envelopes = cluster.nats.stream_of(EGRESS_STREAM, 2).await;
    assert_eq!(spoken(&envelopes, CHAT), ["once after ()", "the end after (once)"]);
}

#[tokio::test]
async fn fifty_messages_at_once_to_both_run_one_at_a_time() {
    let Some(cluster) = cluster().await else { return };
    let names: Vec<String> = (0..50).map(|number| format!("m{number}")).collect();
    let deliveries = names.iter().enumerate().map(|(number, name)| {
        let host = &cluster.hosts[number % 2];
        async move { host.deliver(&text(1_000 + number as u64, CHAT, name)).await }
    });
    join_all(deliveries).await;

    let envelopes = cluster.nats.stream_of(EGRESS_STREAM, 50).await;
    let replies = spoken(&envelopes, CHAT);
    assert_eq!(replies.len(), 50, "{replies:#?}");
    let mut last = "";
    let mut seen = BTreeSet::new();
    for reply in &replies {
        let (name, before) = reply.split_once(" after (").unwrap();
        assert_eq!(before.trim_end_matches(')'), last, "the chain breaks at {reply}: {replies:#?}");
        assert!(seen.insert(name), "{name} ran twice: {replies:#?}");
        last = name;
    }
    assert_eq!(seen, names.iter().map(String::as_str).collect::<BTreeSet<_>>());

    // The platform is called in the same order, though both hosts could send: one of them has the channel.
    let calls = cluster.telegram.calls(50).await;
    assert_eq!(said(&calls, CHAT), replies);
}
