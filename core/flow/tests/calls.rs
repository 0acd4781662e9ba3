//! Flows that call each other, and what begins beside a flow that waits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

mod support;

use greentic_flow::engine::ErrorKind;
use greentic_types::{Message, MessageKind};
use support::{World, message, texts};

fn flow(name: &str, nodes: &str) -> String {
    format!("name: {name}\nversion: 1\ntriggers: [{{type: default, target: a}}]\nnodes:\n{nodes}")
}

const NAMES: &[&str] = &["main", "order"];

fn calling(config: &str, rest: &str) -> String {
    flow("main", &format!("  - {{id: a, type: flow2flow, config: {{{config}}}, next: b}}\n{rest}"))
}

const ASKS: &str = "  - {id: a, type: wait, config: {prompt: 'How many {{input.item}}?'}, next: c}\n  \
                    - {id: c, type: template, config: {template: '{{node.a}} {{in.item}} for {{flow.who}}'}}";

#[test]
fn a_called_flow_may_wait_and_gives_its_last_result_back() {
    let main = calling(
        "target_flow: order, input: {item: '{{message}}'}",
        "  - {id: b, type: reply, config: {message: 'Ordered {{prev}}.'}}",
    );
    let mut world = World::of_all(&[&main, &flow("order", ASKS)], NAMES);
    assert_eq!(texts(&world.say("tea")), ["How many tea?"]);
    assert_eq!(world.record.as_ref().unwrap().wait.as_ref().unwrap().frames.len(), 2);
    assert_eq!(texts(&world.say("3")), ["Ordered 3 tea for ."]);
    assert!(world.record.as_ref().unwrap().wait.is_none());
    // The next message begins anew.
    assert_eq!(texts(&world.say("cake")), ["How many cake?"]);
}

#[test]
fn the_callers_variables_are_passed_on_only_when_asked_to() {
    let variables = "name: main\nversion: 1\nvariables: {who: Ann}\n";
    for (context, expected) in [("true", "Ordered 3 tea for Ann."), ("false", "Ordered 3 tea for .")] {
        let main = calling(
            &format!("target_flow: order, pass_context: {context}, input: {{item: '{{{{message}}}}'}}"),
            "  - {id: b, type: reply, config: {message: 'Ordered {{prev}}.'}}",
        );
        let main = main.replacen("name: main\nversion: 1\n", variables, 1);
        let mut world = World::of_all(&[&main, &flow("order", ASKS)], NAMES);
        world.say("tea");
        assert_eq!(texts(&world.say("3")), [expected]);
    }
}

#[test]
fn a_call_that_is_not_waited_for_runs_afterwards() {
    let main =
        calling("target_flow: order, wait_for_completion: false", "  - {id: b, type: reply, config: {message: first}}");
    let order = flow("order", "  - {id: a, type: reply, config: {message: second}}");
    assert_eq!(texts(&World::of_all(&[&main, &order], NAMES).say("x")), ["first", "second"]);
}

#[test]
fn goto_does_not_come_back() {
    let main = "id: main\ntype: messaging\nschema_version: 2\nnodes:\n  in:\n    flow.goto: {flow: order}\n";
    let order = flow("order", "  - {id: a, type: reply, config: {message: there}}");
    assert_eq!(texts(&World::of_all(&[main, &order], NAMES).say("x")), ["there"]);
}

#[test]
fn a_failure_in_a_called_flow_is_the_calls() {
    let main = flow(
        "main",
        "  - {id: a, type: flow2flow, config: {target_flow: order}, on_error: b}\n  \
         - {id: b, type: reply, config: {message: '{{error.code}} at {{error.node}}: {{error.message}}'}}",
    );
    let order = flow("order", "  - {id: a, type: error, config: {code: sold-out, message: 'No {{message}} left'}}");
    let mut world = World::of_all(&[&main, &order], NAMES);
    assert_eq!(texts(&world.say("tea")), ["sold-out at a: No tea left"]);
    let mut world = World::of_all(&[&main.replace(", on_error: b", ", next: b"), &order], NAMES);
    let error = world.say("tea").error.unwrap();
    assert_eq!((error.flow.as_str(), error.line, error.kind), ("order", 5, ErrorKind::Raised));
}

#[test]
fn flows_that_call_each_other_forever_are_stopped() {
    let calls = |name: &str, other: &str| {
        flow(name, &format!("  - {{id: a, type: flow2flow, config: {{target_flow: {other}}}}}"))
    };
    let mut world = World::of_all(&[&calls("main", "order"), &calls("order", "main")], NAMES);
    assert_eq!(world.say("x").error.unwrap().kind, ErrorKind::CallLimit);
}

#[test]
fn a_flow_that_is_gone_ends_the_turn() {
    let main = calling("target_flow: order", "  - {id: b, type: reply, config: {message: x}}");
    let mut world = World::of_all(&[&main], NAMES);
    assert_eq!(world.say("x").error.unwrap().kind, ErrorKind::NoFlow);
}

#[test]
fn an_event_runs_beside_a_flow_that_waits() {
    let main = "name: main\nversion: 1\ntriggers:\n  - {type: event, event_type: order.shipped, target: e}\n  \
                - {type: default, target: a}\nnodes:\n  \
                - {id: a, type: wait, config: {prompt: name?}, next: b}\n  \
                - {id: b, type: reply, config: {message: 'Hi {{prev}}'}}\n  \
                - {id: e, type: reply, config: {message: 'Shipped {{event.payload.number}}'}}";
    let mut world = World::of(main, &[]);
    assert_eq!(texts(&world.say("x")), ["name?"]);
    let event =
        Message { kind: MessageKind::Event, command: Some("order.shipped".into()), ..message(r#"{"number":7}"#) };
    assert_eq!(texts(&world.turn(&event)), ["Shipped 7"]);
    assert_eq!(texts(&world.say("Ann")), ["Hi Ann"]);
}
