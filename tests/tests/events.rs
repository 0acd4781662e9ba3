//! Events that flows publish: in their own stream, below their tenant, under ids that a repetition can't double, and in
//! the outbox with the replies while the bus is away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{Bundle, FakeTelegram, Host, Nats, Redis, Stored, said, text};
use greentic_types::outgoing_id;
use greentic_types::subject::{EVENTS_STREAM, MESSAGE_ID_HEADER, TENANT_HEADER};
use serde_json::json;

const CHAT: i64 = 7;

/// Says something, then tells the rest of the world.
const FLOW: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: say
    type: reply
    config: {message: "Ordered: {{message}}"}
    next: tell
  - id: tell
    type: event
    config:
      event_type: order.placed
      payload: {item: "{{message}}", count: 2}
triggers:
  - {type: default, target: say}
"#;

/// The reply is the turn's first message and the event its second.
fn expected_id(delivery: u64) -> String {
    let (chat, delivery) = (CHAT.to_string(), delivery.to_string());
    outgoing_id(&["greentic.messaging.egress.dev.demo.default.telegram", &chat, &chat], &delivery, 1)
}

fn check(event: &Stored, delivery: u64, item: &str) {
    assert_eq!(event.subject, "greentic.events.dev.demo.order.placed");
    let header = |name: &str| event.headers.get(name).unwrap().as_str().to_owned();
    assert_eq!(header(MESSAGE_ID_HEADER), expected_id(delivery));
    assert_eq!(header(TENANT_HEADER), "demo");
    let payload = &event.payload;
    assert_eq!(payload["id"], expected_id(delivery));
    assert_eq!(payload["event_type"], "order.placed");
    assert_eq!(payload["source"], "telegram");
    assert_eq!(payload["tenant"]["tenant_id"], "demo");
    assert_eq!((&payload["conversation"], &payload["user"]), (&json!("7"), &json!("7")));
    assert_eq!(payload["payload"], json!({ "item": item, "count": 2 }));
}

#[tokio::test]
async fn an_event_is_in_the_stream_once_however_often_its_cause_is_delivered() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), FLOW, &[]);
    let host = Host::start(&bundle, &bundle.config(&format!("{}{}", redis.config(), nats.config())));
    host.ready().await;
    for (id, item) in [(1, "tea"), (1, "tea"), (2, "milk"), (1, "tea")] {
        host.deliver(&text(id, CHAT, item)).await;
    }
    let calls = telegram.calls(2).await;
    assert_eq!(said(&calls, CHAT), ["Ordered: tea", "Ordered: milk"]);
    let events = nats.messages(EVENTS_STREAM, 2).await;
    assert_eq!(events.len(), 2, "{events:#?}");
    check(&events[0], 1, "tea");
    check(&events[1], 2, "milk");
}

#[tokio::test]
async fn an_event_waits_in_the_outbox_while_the_bus_is_away() {
    let (Some(redis), Some(mut nats)) = (Redis::start().await, Nats::start().await) else { return };
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), FLOW, &[]);
    let host = Host::start(&bundle, &bundle.config(&format!("{}{}", redis.config(), nats.config())));
    host.ready().await;
    nats.stop();
    host.deliver(&text(1, CHAT, "tea")).await;
    nats.restart().await;
    let events = nats.messages(EVENTS_STREAM, 1).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    check(&events[0], 1, "tea");
}

#[tokio::test]
async fn without_a_bus_events_are_no_hindrance() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), FLOW, &[]);
    let host = Host::start(&bundle, &bundle.config(""));
    for id in 1..=3 {
        assert_eq!(host.post(&text(id, CHAT, &format!("{id}"))).await, 200);
    }
    let calls = telegram.calls(3).await;
    assert_eq!(said(&calls, CHAT), ["Ordered: 1", "Ordered: 2", "Ordered: 3"]);
}
