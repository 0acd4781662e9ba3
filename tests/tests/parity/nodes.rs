//! Components that fail, and one that traps: where a node is isolated and where it is part of the whole.

use crate::modes::{Channel, Egress, Mode};
use crate::observed::{key, observe};
use crate::scene::{NOBODY, Scene, play_as_our_host};
use greentic_artifacts::{MISBEHAVE, SHOUT};
use greentic_tests::{MISBEHAVING, text};

const CHAT: i64 = 11;
const OTHER_CHAT: i64 = 12;

/// A component that says no, and one that says more than it may.
const FAILING: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: refuse
    type: shout
    config: {input: " "}
    output: result
    on_error: tell
    next: say
  - id: babble
    type: misbehave
    config: {input: babble}
    output: result
    on_error: tell
    next: say
  - id: say
    type: reply
    config: {message: "{{result}}"}
  - id: tell
    type: reply
    config: {message: "failed: {{error.code}}: {{error.message}}"}
triggers:
  - {type: message, pattern: "^babble$", target: babble}
  - {type: default, target: refuse}
"#;

pub async fn failing(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, FAILING, &[("shout", SHOUT), ("misbehave", MISBEHAVE)]);
    let script = async |scene: &mut Scene| {
        vec![scene.post(&text(1, CHAT, "anything")).await, scene.post(&text(2, CHAT, "babble")).await]
    };
    let Some(observed) = play_as_our_host(mode, &channel, 2, script).await else { return };
    assert!(observed.answers.iter().all(|answer| answer.status == 200), "{:#?}", observed.answers);
    let told = observed.spoken(CHAT);
    assert_eq!(told[0], "failed: component-failed: there is nothing to shout");
    assert!(told[1].starts_with("failed: component-failed: "), "{told:?}");
}

/// The documented difference. On our host a node traps alone, and the flow goes on with its error. Composed, it is one
/// instance with everything else: the request fails, nothing of it is stored, and its conversation is closed until the
/// lease has run out, because who held it is gone.
pub async fn trapping(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, MISBEHAVING, &[("misbehave", MISBEHAVE)]);
    let Some(scene) = Scene::open(&channel, &[mode], Egress::Nats).await else { return };
    let trap = text(1, CHAT, "trap");
    if mode == Mode::OurHost {
        let answers = vec![scene.post(&trap).await];
        let observed = observe(&scene, answers, 1).await;
        assert_eq!(observed.answers[0].status, 200);
        let told = observed.spoken(CHAT);
        assert!(told[0].starts_with("stopped: component-stopped: "), "{told:?}");
        return;
    }
    assert_eq!(scene.post(&trap).await.status, 500);
    let mut connection = scene.servers.redis.connect().await;
    let stored: i64 = redis::cmd("EXISTS").arg(key(CHAT, "s")).query_async(&mut connection).await.unwrap();
    assert_eq!(stored, 0, "a request that failed has stored its turn");
    let left: i64 = redis::cmd("PTTL").arg(key(CHAT, "l")).query_async(&mut connection).await.unwrap();
    assert!((1..=30_000).contains(&left), "the lease runs for {left} ms");

    // Nobody else is concerned.
    assert_eq!(scene.post(&text(2, OTHER_CHAT, "fine")).await.status, 200);
    // The lease's end, brought forward.
    let _: i64 = redis::cmd("PEXPIRE").arg(key(CHAT, "l")).arg(1).query_async(&mut connection).await.unwrap();
    let answers = vec![scene.deliver(&text(3, CHAT, "well")).await];
    let observed = observe(&scene, answers, 2).await;
    assert_eq!(observed.spoken(OTHER_CHAT), ["behaved: fine"]);
    assert_eq!(observed.spoken(CHAT), ["behaved: well"]);
}
