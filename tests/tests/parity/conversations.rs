//! Conversations: what a turn, a wait, a repetition, a crowd and a wrong request leave behind.

use crate::modes::{Channel, Mode};
use crate::observed::Observed;
use crate::scene::{Answer, NOBODY, SECRET_HEADER, Scene, play, play_as_our_host};
use futures::future::join_all;
use greentic_tests::{SECRET_TOKEN, callback, edited, text};
use std::collections::BTreeSet;

const ADA: i64 = 1_111_111;
const BOB: i64 = 2_222_222;

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

/// One user's visit to the demo: menu, button, question, answer, a component, and being remembered.
fn visit(chat: i64, name: &str) -> Vec<String> {
    let id = |number: u64| chat as u64 * 100 + number;
    vec![
        text(id(1), chat, "hello"),
        callback(id(2), chat, &format!("press-of-{chat}"), "name"),
        text(id(3), chat, name),
        text(id(4), chat, "shout hello"),
        text(id(5), chat, "hi"),
    ]
}

const VISIT_SAYS: u64 = 6;

fn visit_spoken(name: &str) -> [String; VISIT_SAYS as usize] {
    [
        "Hello! I am Greta. What shall we do?".to_owned(),
        String::new(),
        "What is your name?".to_owned(),
        format!("Nice to meet you, {name}."),
        "SHOUT HELLO!".to_owned(),
        format!("Hello again, {name}! I am still Greta."),
    ]
}

async fn post_all(scene: &Scene, updates: &[String]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for update in updates {
        answers.push(scene.post(update).await);
    }
    answers
}

fn all_accepted(observed: &Observed) {
    assert!(observed.answers.iter().all(|answer| answer.status == 200), "{:#?}", observed.answers);
}

pub async fn turns(mode: Mode) {
    let channel = Channel::demo(NOBODY);
    let script = async |scene: &mut Scene| post_all(scene, &visit(ADA, "Ada")).await;
    let Some(observed) = play_as_our_host(mode, &channel, VISIT_SAYS, script).await else { return };
    all_accepted(&observed);
    assert_eq!(observed.spoken(ADA), visit_spoken("Ada"));
    let record = observed.record(ADA).unwrap();
    // The wait and its end: a turn that changes nothing stores nothing.
    assert_eq!((record.revision, record.wait.is_none()), (2, true), "{record:?}");
}

pub async fn waits(mode: Mode) {
    let channel = Channel::demo(NOBODY);
    let script = async |scene: &mut Scene| {
        let mut updates = visit(ADA, "Ada");
        updates.truncate(2);
        // Of no interest to a flow that waits for a message.
        updates.push(edited(ADA as u64 * 100 + 9, ADA, "hello, edited"));
        post_all(scene, &updates).await
    };
    let Some(observed) = play_as_our_host(mode, &channel, 3, script).await else { return };
    all_accepted(&observed);
    let wait = observed.record(ADA).unwrap().wait.as_ref().expect("the flow waits");
    assert!(!wait.frames.is_empty() && wait.deadline_ms == Some(0) && !wait.pack_version.is_empty(), "{wait:?}");
}

pub async fn repeated(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, CHAIN, &[]);
    let script = async |scene: &mut Scene| {
        let scene = &*scene;
        let (one, two) = (text(1, ADA, "one"), text(2, ADA, "two"));
        let mut answers = post_all(scene, &[one.clone(), one.clone(), two.clone(), one.clone()]).await;
        answers.extend(join_all((0..5).map(|_| scene.post(&two))).await);
        answers.push(scene.post(&text(3, ADA, "the end")).await);
        answers
    };
    let Some(observed) = play_as_our_host(mode, &channel, 3, script).await else { return };
    all_accepted(&observed);
    assert_eq!(observed.spoken(ADA), ["one after ()", "two after (one)", "the end after (two)"]);
}

/// In what order they run is nobody's promise, so there is nothing to compare but the chain itself.
pub async fn ten_at_once(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, CHAIN, &[]);
    let names: Vec<String> = (0..10).map(|number| format!("m{number}")).collect();
    let script = async |scene: &mut Scene| {
        let scene = &*scene;
        let deliveries = (1..).zip(&names).map(|(id, name)| async move { scene.deliver(&text(id, ADA, name)).await });
        join_all(deliveries).await
    };
    let Some(observed) = play(&channel, &[mode], 10, &script).await else { return };
    all_accepted(&observed);
    unforked(&observed, &names);
}

/// Each message ran once, and each saw what the one before it had stored.
fn unforked(observed: &Observed, names: &[String]) {
    let replies = observed.spoken(ADA);
    let (mut last, mut seen) = (String::new(), BTreeSet::new());
    for reply in &replies {
        let (name, before) = reply.split_once(" after (").unwrap();
        assert_eq!(before.trim_end_matches(')'), last, "the chain breaks at {reply}: {replies:#?}");
        assert!(seen.insert(name.to_owned()), "{name} ran twice: {replies:#?}");
        last = name.to_owned();
    }
    assert_eq!(seen, names.iter().cloned().collect());
    assert_eq!(observed.record(ADA).unwrap().revision, names.len() as u64);
}

pub async fn two_conversations(mode: Mode) {
    if !mode.is_installed() {
        return;
    }
    let channel = Channel::demo(NOBODY);
    let script = async |scene: &mut Scene| {
        let scene = &*scene;
        let (ada, bob) = (visit(ADA, "Ada"), visit(BOB, "Bob"));
        let (ada, bob) = tokio::join!(post_all(scene, &ada), post_all(scene, &bob));
        [ada, bob].concat()
    };
    let Some(ours) = play(&channel, &[Mode::OurHost], 2 * VISIT_SAYS, &script).await else { return };
    all_accepted(&ours);
    assert_eq!((ours.spoken(ADA), ours.spoken(BOB)), (visit_spoken("Ada").into(), visit_spoken("Bob").into()));
    if mode == Mode::OurHost {
        return;
    }
    let Some(theirs) = play(&channel, &[mode], 2 * VISIT_SAYS, &script).await else { return };
    assert_eq!((theirs.spoken(ADA), theirs.spoken(BOB)), (ours.spoken(ADA), ours.spoken(BOB)));
    assert_eq!(theirs.sorted(), ours.sorted());
}

pub async fn refused(mode: Mode) {
    let channel = Channel::demo(NOBODY);
    let update = text(1, ADA, "hello");
    let script = async |scene: &mut Scene| {
        let webhook = "/webhook/telegram/demo/default";
        let bare = |body: &str| scene.to(webhook, body.to_owned());
        let mut answers = vec![
            scene.send(bare(&update)).await,
            scene.send(bare(&update).header(SECRET_HEADER, "wrong")).await,
            scene.send(bare("{").header(SECRET_HEADER, SECRET_TOKEN)).await,
            scene.send(bare("[1]").header(SECRET_HEADER, SECRET_TOKEN)).await,
        ];
        // Who answers for a path that leads nowhere is the host's own affair: only that it is refused counts.
        for path in ["/webhook/telegram/nobody/default", "/webhook/telegram/demo/nobody", "/webhook/slack/demo/default"]
        {
            let answer = scene.send(scene.to(path, update.clone()).header(SECRET_HEADER, SECRET_TOKEN)).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
        // Nothing of that was counted as seen.
        answers.push(scene.post(&update).await);
        answers
    };
    let Some(observed) = play_as_our_host(mode, &channel, 1, script).await else { return };
    let statuses: Vec<u16> = observed.answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [403, 403, 400, 400, 200]);
    let problem = Some("application/problem+json".to_owned());
    assert!(observed.answers[..4].iter().all(|answer| answer.content_type == problem), "{:#?}", observed.answers);
}

/// One conversation in one Redis, its messages taken by our host and the other by turns: neither notices.
pub async fn in_turns_with_our_host(mode: Mode) {
    let channel = Channel::with_flow(NOBODY, CHAIN, &[]);
    let names: Vec<String> = (0..20).map(|number| format!("m{number}")).collect();
    let script = async |scene: &mut Scene| {
        let mut answers = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let door = number % scene.doors.len();
            answers.push(scene.post_at(door, &text(number as u64 + 1, ADA, name)).await);
        }
        answers
    };
    let Some(both) = play(&channel, &[Mode::OurHost, mode], 20, &script).await else { return };
    let Some(alone) = play(&channel, &[Mode::OurHost], 20, &script).await else { return };
    all_accepted(&alone);
    unforked(&alone, &names);
    assert_eq!(both, alone, "with {mode:?} (left) and our host alone (right)");
}
