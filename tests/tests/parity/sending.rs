//! Replies without our worker: sent within the request, or by the component beside the bus.

use crate::modes::{Channel, EGRESS_TOKEN, Egress, Mode};
use crate::observed::observe;
use crate::scene::Scene;
use greentic_tests::{ECHO, FakeTelegram, said, text};
use greentic_types::subject::EGRESS_STREAM;

const CHAT: i64 = 21;

pub async fn direct(mode: Mode) {
    let telegram = FakeTelegram::start().await;
    let channel = Channel::with_flow(telegram.url(), ECHO, &[]);
    let Some(scene) = Scene::open(&channel, &[mode], Egress::Direct).await else { return };
    let hello = text(1, CHAT, "hello");
    let mut answers = vec![scene.post(&hello).await, scene.post(&hello).await];

    // Told to wait, it waits and sends again within the same request.
    let wait = r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":1}}"#;
    telegram.plan(429, &[], wait);
    answers.push(scene.post(&text(2, CHAT, "slowly")).await);
    // What is refused for good is dropped, and not kept for ever.
    telegram.plan(403, &[], r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#);
    answers.push(scene.post(&text(3, CHAT, "unwanted")).await);
    answers.push(scene.post(&text(4, CHAT, "the end")).await);

    let calls = telegram.calls(5).await;
    assert_eq!(said(&calls, CHAT), ["hello", "slowly", "slowly", "unwanted", "the end"]);
    assert_eq!(calls.len(), 5, "{calls:#?}");
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
    // No outbox is left, and nothing went to the bus.
    let observed = observe(&scene, answers, 0).await;
    assert_eq!(observed.record(CHAT), None, "this flow keeps nothing");
}

pub async fn trigger(mode: Mode) {
    let telegram = FakeTelegram::start().await;
    let channel = Channel::with_flow(telegram.url(), ECHO, &[]);
    let Some(scene) = Scene::open(&channel, &[mode], Egress::Trigger).await else { return };
    let answers = vec![scene.post(&text(1, CHAT, "hello")).await];
    assert_eq!(answers[0].status, 200);
    let message = scene.servers.nats.messages(EGRESS_STREAM, 1).await.remove(0).bytes;

    for token in [None, Some(""), Some("wrong"), Some(&EGRESS_TOKEN[1..])] {
        let refused = scene.trigger(token, &message).await;
        assert_eq!(refused.status, 401, "{token:?}: {refused:?}");
        assert_eq!(refused.content_type.as_deref(), Some("application/problem+json"));
    }
    let garbled = scene.trigger(Some(EGRESS_TOKEN), b"{}").await;
    assert_eq!(garbled.status, 422, "{garbled:?}");
    // Another tenant's message is not sent in this one's name.
    let foreign =
        String::from_utf8(message.to_vec()).unwrap().replace("\"tenant_id\":\"demo\"", "\"tenant_id\":\"other\"");
    assert_ne!(foreign.as_bytes(), &message[..]);
    let foreign = scene.trigger(Some(EGRESS_TOKEN), foreign.as_bytes()).await;
    assert_eq!(foreign.status, 422, "{foreign:?}");
    assert!(telegram.calls(0).await.is_empty());

    // The platform is away, then refuses for good, then takes it.
    telegram.plan(500, &[], "");
    let later = scene.trigger(Some(EGRESS_TOKEN), &message).await;
    assert_eq!((later.status, later.retry_after), (503, true), "{later:?}");
    telegram.plan(403, &[], r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#);
    let never = scene.trigger(Some(EGRESS_TOKEN), &message).await;
    assert_eq!((never.status, never.retry_after), (422, false), "{never:?}");
    assert_eq!(scene.trigger(Some(EGRESS_TOKEN), &message).await.status, 200);

    let calls = telegram.calls(3).await;
    assert_eq!(said(&calls, CHAT), ["hello", "hello", "hello"]);
    assert_eq!(calls.len(), 3, "{calls:#?}");
    // Sending leaves session and stream as they were.
    observe(&scene, answers, 1).await;
}
