//! Redis or NATS away: the same refusals, and nothing lost, twice or out of order.

use crate::modes::{Channel, Mode};
use crate::observed::key;
use crate::scene::{NOBODY, Scene, play_as_our_host};
use greentic_tests::{ECHO, text};
use greentic_types::subject::EGRESS_STREAM;

const CHAT: i64 = 7;

pub async fn redis_away(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, ECHO, &[]);
    let script = async |scene: &mut Scene| {
        let mut answers = vec![scene.post(&text(1, CHAT, "before")).await];
        scene.servers.redis.stop();
        answers.push(scene.post(&text(2, CHAT, "refused")).await);
        scene.servers.redis.restart().await;
        // How soon the way back is found differs from host to host.
        answers.push(scene.deliver(&text(2, CHAT, "refused")).await);
        answers.push(scene.post(&text(3, CHAT, "the end")).await);
        answers
    };
    let Some(observed) = play_as_our_host(mode, &channel, 3, script).await else { return };
    let statuses: Vec<u16> = observed.answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 503, 200, 200]);
    assert!(observed.answers[1].retry_after, "{:?}", observed.answers[1]);
    assert_eq!(observed.spoken(CHAT), ["before", "refused", "the end"]);
}

/// What was accepted waits in the outbox. Our host's relay publishes it by itself; a composed component has none, and
/// the conversation's next turn publishes it first.
pub async fn nats_away(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, ECHO, &[]);
    let script = async |scene: &mut Scene| {
        let mut answers = vec![scene.post(&text(1, CHAT, "before")).await];
        scene.servers.nats.stop();
        answers.push(scene.post(&text(2, CHAT, "kept")).await);
        let mut connection = scene.servers.redis.connect().await;
        let kept: i64 = redis::cmd("HLEN").arg(key(CHAT, "o")).query_async(&mut connection).await.unwrap();
        assert_eq!(kept, 1, "publications in the outbox");
        scene.servers.nats.restart().await;
        // It listens before its stream is there.
        scene.servers.nats.messages(EGRESS_STREAM, 1).await;
        answers.push(scene.post(&text(3, CHAT, "the end")).await);
        answers
    };
    let Some(observed) = play_as_our_host(mode, &channel, 3, script).await else { return };
    assert!(observed.answers.iter().all(|answer| answer.status == 200), "{:#?}", observed.answers);
    assert_eq!(observed.spoken(CHAT), ["before", "kept", "the end"]);
}
