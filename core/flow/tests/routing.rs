//! Where a node leads: `when`, arms by condition, status and message, and what a result becomes on its way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

mod support;

use greentic_flow::engine::{Failure, FailureKind};
use support::{World, texts};

fn flow(nodes: &str) -> String {
    format!("id: f\ntype: messaging\nschema_version: 2\nnodes:\n{nodes}")
}

fn judged(arms: &str) -> World {
    let nodes = format!(
        "  in:\n    component.exec: {{component: judge, operation: score}}\n    routing: {arms}\n  \
         one:\n    reply: {{message: one}}\n    routing: out\n  \
         two:\n    reply: {{message: 'two {{{{error.code}}}} {{{{prev.code}}}}'}}\n    routing: out\n"
    );
    World::of(&flow(&nodes), &["judge"])
}

fn given(world: &mut World, answer: &str) -> Vec<String> {
    world.components.insert("judge.score".to_owned(), Ok(Some(answer.to_owned())));
    texts(&world.say("x")).into_iter().map(str::to_owned).collect()
}

fn failing(world: &mut World) {
    let failure = Failure { kind: FailureKind::Failed, message: "no such item".to_owned() };
    world.components.insert("judge.score".to_owned(), Err(failure));
}

#[test]
fn a_node_whose_when_is_false_is_passed_over() {
    let nodes = "  in:\n    reply: {message: first}\n    when: message == 'x'\n    routing: [{to: b}]\n  \
                 b:\n    reply: {message: second}\n";
    let mut world = World::of(&flow(nodes), &[]);
    assert_eq!(texts(&world.say("x")), ["first", "second"]);
    assert_eq!(texts(&world.say("y")), ["second"]);
}

#[test]
fn conditions_read_the_results_own_members() {
    let mut world = judged("[{condition: confidence >= 0.8, to: one}, {condition: 'error != \"\"', to: two}]");
    assert_eq!(given(&mut world, r#"{"confidence":0.9,"error":""}"#), ["one"]);
    assert_eq!(given(&mut world, r#"{"confidence":0.1,"error":"lost"}"#), ["two  "]);
    // No arm holds: the flow is over.
    assert!(given(&mut world, r#"{"confidence":0.1,"error":""}"#).is_empty());
}

#[test]
fn status_arms_are_looked_at() {
    let mut world = judged("[{status: paid, to: one}, {status: error, to: two}]");
    assert_eq!(given(&mut world, r#"{"status":"paid"}"#), ["one"]);
    assert!(given(&mut world, r#"{"status":"open"}"#).is_empty());
    failing(&mut world);
    assert_eq!(texts(&world.say("x")), ["two component-failed component-failed"]);
}

#[test]
fn a_failure_without_an_arm_for_it_ends_the_turn() {
    let mut world = judged("[{status: ok, to: one}]");
    failing(&mut world);
    let ending = world.say("x");
    assert_eq!(texts(&ending), ["Something went wrong."]);
    let error = ending.error.unwrap();
    assert_eq!((error.flow.as_str(), error.node.as_str(), error.line), ("f", "in", 5));
}

#[test]
fn an_on_message_arm_waits_for_the_user() {
    let nodes = "  in:\n    reply:\n      message: menu\n      buttons: [{label: A, action: go_a}]\n    routing:\n      \
                 - {condition: 'response.action == \"go_a\"', to: page}\n      \
                 - {to: words, on_message: true}\n      - {out: true}\n  \
                 page:\n    reply: {message: 'page {{response.n}}'}\n  \
                 words:\n    reply: {message: 'words {{response.text}}'}\n";
    let mut world = World::of(&flow(nodes), &[]);
    assert_eq!(texts(&world.say("start")), ["menu"]);
    assert!(world.record.as_ref().unwrap().wait.is_some());
    assert_eq!(texts(&world.press("go_a")), ["page "]);
    assert_eq!(texts(&world.say("start")), ["menu"]);
    assert_eq!(texts(&world.press(r#"{"action":"go_a","n":3}"#)), ["page 3"]);
    assert_eq!(texts(&world.say("start")), ["menu"]);
    assert_eq!(texts(&world.say("hello")), ["words hello"]);
    assert_eq!(texts(&world.say("start")), ["menu"]);
    assert!(texts(&world.press("go_b")).is_empty());
    assert!(world.record.as_ref().unwrap().wait.is_none());
}

#[test]
fn routing_reply_says_the_result_once() {
    let nodes = "  in:\n    template: {template: 'hello {{message}}'}\n    routing: reply\n";
    assert_eq!(texts(&World::of(&flow(nodes), &[]).say("you")), ["hello you"]);
    let nodes = "  in:\n    reply: {message: once}\n    routing: reply\n";
    assert_eq!(texts(&World::of(&flow(nodes), &[]).say("you")), ["once"]);
}

#[test]
fn a_result_is_mapped_before_it_is_kept() {
    let nodes = "  in:\n    component.exec: {component: judge, operation: score}\n    \
                 out_map: {total: '{{amount}}'}\n    vars_out: {sum: '{{total}}'}\n    output: bill\n    \
                 routing: [{condition: total > 2, to: b}]\n  \
                 b:\n    reply: {message: '{{prev.total}} {{bill.total}} {{flow.sum}} {{vars.sum}}'}\n";
    let mut world = World::of(&flow(nodes), &["judge"]);
    assert_eq!(given(&mut world, r#"{"amount":3}"#), ["3 3 3 3"]);
}

#[test]
fn an_err_map_makes_a_result_of_a_failure() {
    let nodes = "  in:\n    component.exec: {component: judge, operation: score}\n    \
                 err_map: {why: '{{message}}', what: '{{code}}'}\n    \
                 routing: [{condition: 'why != null', to: b}, {out: true}]\n  \
                 b:\n    reply: {message: '{{prev.why}}, {{error.what}}'}\n";
    let mut world = World::of(&flow(nodes), &["judge"]);
    failing(&mut world);
    assert_eq!(texts(&world.say("x")), ["no such item, component-failed"]);
}
