//! Rules of a turn that a transcript can't show, and what must hold whatever bytes an engine is given.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

mod support;

use greentic_flow::compile;
use greentic_flow::engine::{Answer, Effect, Ending, ErrorKind, HttpResponse, Inputs, Limits, Turn};
use greentic_types::{Attachment, Message, TenantCtx, Value};
use proptest::prelude::*;
use support::{World, message, texts};

const WAITING: &str = include_str!("flows/waiting.ygtc");

fn flow(nodes: &str) -> String {
    format!("name: f\nversion: 1\ntriggers: [{{type: default, target: a}}]\nnodes:\n{nodes}")
}

#[test]
fn a_session_that_was_not_touched_is_not_written() {
    let mut world = World::of(&flow("  - {id: a, type: reply, config: {message: hi}}"), &[]);
    assert_eq!(world.say("x").record, None);
    assert!(!world.asked_config);
}

#[test]
fn a_failure_leaves_the_session_as_it_was() {
    let nodes = "  - {id: a, type: state, config: {action: set, key: n, value: '{{message}}'}, next: b}\n  \
                 - {id: b, type: reply, config: {message: said}, next: c}\n  - {id: c, type: broken}";
    let mut world = World::of(&flow(nodes), &["broken"]);
    world.say("one");
    let before = world.record.clone();
    assert!(before.is_some());
    let failure = greentic_flow::engine::Failure {
        kind: greentic_flow::engine::FailureKind::Stopped,
        message: "wasm trap at 0x1234".to_owned(),
    };
    world.components.insert("broken.".to_owned(), Err(failure));
    let ending = world.say("two");
    assert_eq!(texts(&ending), ["Something went wrong."]);
    assert_eq!(ending.record, None);
    assert_eq!(world.record, before);
    let error = ending.error.unwrap();
    assert_eq!((error.kind, error.node.as_str(), error.line), (ErrorKind::ComponentStopped, "c", 7));
    assert!(error.to_string().contains("wasm trap"));
}

#[test]
fn a_circle_ends_at_the_limit_of_nodes() {
    let nodes = "  - {id: a, type: state, config: {action: get, key: n}, next: a, on_error: a}";
    let mut world = World::of(&flow(nodes), &[]);
    let ending = world.say("x");
    assert_eq!(ending.error.unwrap().kind, ErrorKind::NodeLimit);
    // The entry, the nodes, and the record that says where the last one stands.
    assert_eq!(world.steps, world.limits.nodes + 3);
}

#[test]
fn data_that_doubles_ends_in_an_error_that_the_flow_can_handle() {
    let nodes = "  - {id: a, type: state, config: {action: set, key: n, value: ['{{message}}', '{{state.n}}', \
                 '{{state.n}}']}, next: a, on_error: b}\n  - {id: b, type: reply, config: {message: '{{error.code}}'}}";
    let mut world = World::of(&flow(nodes), &[]);
    assert_eq!(texts(&world.say("x")), ["too-large"]);
    // What was set before the failure is data that can be stored.
    assert!(world.record.is_some());
}

#[test]
fn config_is_asked_for_only_by_a_flow_that_reads_it() {
    let text = flow("  - {id: a, type: reply, config: {message: 'Hi {{config.shop.name}}'}}");
    let mut world = World::of(&text, &[]);
    let shop = Value::Map([("name".to_owned(), Value::Text("Acme".into()))].into());
    world.config = Value::Map([("shop".to_owned(), shop)].into());
    assert_eq!(texts(&world.say("x")), ["Hi Acme"]);
    assert!(world.asked_config);
}

#[test]
fn a_reply_of_nothing_is_noted_and_not_sent() {
    let mut world = World::of(&flow("  - {id: a, type: reply, config: {message: '{{missing}}'}}"), &[]);
    let ending = world.say("x");
    assert!(ending.replies.is_empty());
    assert!(ending.notes[0].contains("nothing to say"));
}

#[test]
fn attachments_go_both_ways() {
    let nodes = "  - id: a\n    type: reply\n    config:\n      message: '{{attachments.length}} {{attachments[0].name}}'\n      \
                 attachments: [{type: image, url: '{{entry.attachments[0].reference}}', name: copy}]";
    let mut world = World::of(&flow(nodes), &[]);
    let sent = Attachment {
        kind: "image".into(),
        name: Some("cat.png".into()),
        mime_type: None,
        reference: "https://x/cat".into(),
        size: None,
    };
    let ending = world.turn(&Message { attachments: vec![sent], ..message("x") });
    assert_eq!(texts(&ending), ["1 cat.png"]);
    let back = &ending.replies[0].attachments[0];
    assert_eq!((back.kind.as_str(), back.reference.as_str()), ("image", "https://x/cat"));
    assert_eq!(back.name.as_deref(), Some("copy"));
}

/// What a turn costs is the nodes that run: of the others nothing is asked for, and nothing is in the head.
#[test]
fn a_large_flow_costs_a_turn_no_more_than_a_small_one() {
    let sized = |nodes: usize| {
        let others = (1..nodes).map(|index| format!("  - {{id: n{index}, type: reply, config: {{message: x}}}}\n"));
        World::of(
            &flow(&format!("  - {{id: a, type: reply, config: {{message: hi}}}}\n{}", others.collect::<String>())),
            &[],
        )
    };
    let (mut small, mut large) = (sized(20), sized(2_000));
    assert_eq!(texts(&small.say("x")), texts(&large.say("x")));
    assert_eq!(small.steps, large.steps);
    assert!(large.flows[0].head.len() <= small.flows[0].head.len() + 2);
}

#[test]
fn the_default_flow_missing_is_an_error() {
    let said = message("x");
    let mut turn = bare(&said, 5);
    assert_eq!(turn.step(Answer::Start), Effect::Entry { flow: None });
    assert_eq!(ended(turn.step(Answer::Entry(None))).error.unwrap().kind, ErrorKind::NoFlow);
}

#[test]
fn an_answer_out_of_turn_ends_the_turn() {
    let said = message("x");
    let mut turn = bare(&said, 5);
    turn.step(Answer::Start);
    assert_eq!(ended(turn.step(Answer::Node(None))).error.unwrap().kind, ErrorKind::BadAnswer);
    assert_eq!(ended(turn.step(Answer::Start)).error.unwrap().kind, ErrorKind::BadAnswer);
}

#[test]
fn the_same_turn_twice_is_the_same() {
    let once = || {
        let mut world = World::of(WAITING, &[]);
        let first = world.say("start");
        (first, world.say("Ann"), world.record.map(|record| record.encode()))
    };
    assert_eq!(once(), once());
}

fn ended(effect: Effect) -> Ending {
    match effect {
        Effect::Done(ending) => ending,
        other => panic!("{other:?}"),
    }
}

fn bare(message: &Message, nodes: u32) -> Turn<'_> {
    static TENANT: std::sync::LazyLock<TenantCtx> =
        std::sync::LazyLock::new(|| TenantCtx { env_id: "dev".into(), tenant_id: "acme".into(), team_id: None });
    Turn::new(Inputs {
        message,
        tenant: &TENANT,
        channel: "c",
        record: None,
        now_ms: 1,
        seed: 7,
        error_message: "",
        limits: Limits { nodes, outgoing: 4 },
        default_locale: "en",
    })
}

/// A node may be asked for again when what it asked for has come, and after each try.
const MOST_ASKED: u32 = 50 * 24 + 1;

/// Answers every node with one of these records, whatever its number. Gives the number of nodes asked for.
fn drive(head: &[u8], records: &[Vec<u8>]) -> u32 {
    let said = message("start");
    let mut turn = bare(&said, 50);
    let mut asked = 0;
    let mut effect = turn.step(Answer::Start);
    for _ in 0..10_000 {
        effect = match effect {
            Effect::Entry { .. } => turn.step(Answer::Entry(Some(greentic_flow::engine::EntryRef {
                flow: 0,
                name: "f",
                pack_version: "v",
                head,
            }))),
            Effect::Node { index, .. } => {
                asked += 1;
                let record = records.get(index as usize % records.len().max(1));
                turn.step(Answer::Node(record.map(Vec::as_slice)))
            }
            Effect::Config => turn.step(Answer::Config(&[0xa0])),
            Effect::Texts { keys, .. } => turn.step(Answer::Texts(vec![None; keys.len()])),
            Effect::Invoke { .. } => turn.step(Answer::Invoked(Ok(Some("[1]".to_owned())))),
            Effect::Http(_) => turn.step(Answer::Http(Ok(HttpResponse {
                status: 503,
                headers: Vec::new(),
                body: b"{\"a\":1}".to_vec(),
            }))),
            Effect::Sleep { .. } => turn.step(Answer::Slept),
            Effect::Done(_) => return asked,
        };
    }
    panic!("the turn does not end");
}

proptest! {
    #[test]
    fn no_head_and_no_record_panics(
        head in prop::collection::vec(any::<u8>(), 0..64),
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..4),
    ) {
        prop_assert!(drive(&head, &records) <= MOST_ASKED);
        let good = compile(WAITING, &Default::default()).unwrap().head;
        prop_assert!(drive(&good, &records) <= MOST_ASKED);
    }

    #[test]
    fn no_damage_to_a_flow_panics(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        text in prop::sample::select(vec![
            WAITING,
            include_str!("flows/greeting.ygtc"),
            include_str!("flows/order.ygtc"),
        ]),
    ) {
        let mut compiled = compile(text, &Default::default()).unwrap();
        let which = which.index(compiled.nodes.len() + 1);
        let bytes = compiled.nodes.get_mut(which).unwrap_or(&mut compiled.head);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert!(drive(&compiled.head, &compiled.nodes) <= MOST_ASKED);
    }
}
