//! The corpus of conversations, in the edge component: each turn runs natively and in the component, with the same world
//! around both. What is said, published, asked of others, told to the operator and kept must be the same, byte for byte.
//! And what is nested as deep as the language allows runs on the component's small stack.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

#[macro_use]
#[path = "../../core/flow/tests/support/corpus.rs"]
mod corpus;
#[path = "../../core/flow/tests/support/mod.rs"]
mod support;

use greentic_flow::engine::{HeaderValue, HttpRequest};
use greentic_session::Record;
use greentic_tests::{EdgeRig, Left, Requested, Scene};
use greentic_types::Message;
use std::path::Path;
use support::heard::Heard;
use support::{World, message, transcript};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/flow/tests/flows"))
}

macro_rules! played {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let edge = EdgeRig::new();
                transcript::run(folder(), stringify!($name), &mut |world, message| both(&edge, world, message));
            }
        )*
    };
}

with_corpus!(played);

/// The component's turn, held beside the engine's. The world goes on as the component left it.
fn both(edge: &EdgeRig, world: &mut World, message: &Message) -> Heard {
    let (calls, requests) = (world.calls.len(), world.requests.len());
    let left = edge.turn(scene(world, message));
    let native = world.hear(message);
    let Left { session, replies, events, operator, .. } = left;
    let heard = Heard { replies, events, operator, failed: native.failed };
    assert_eq!(heard, native);
    let record = world.record.as_ref().map(|record| record.encode().unwrap());
    assert_eq!(session, record, "the records differ: {:?}", world.record);
    assert_eq!(left.calls, world.calls[calls..]);
    let made: Vec<Requested> = world.requests[requests..].iter().map(|request| requested(request, world)).collect();
    assert_eq!(left.requests.into_iter().map(sorted).collect::<Vec<_>>(), made);
    assert_eq!(left.network, world.network);
    world.record = session.map(|bytes| Record::decode(&bytes).unwrap());
    heard
}

fn scene(world: &World, message: &Message) -> Scene {
    Scene {
        message: message.clone(),
        received_at: world.now_ms,
        seed: support::SEED,
        nodes: world.limits.nodes,
        outgoing: world.limits.outgoing,
        error_message: support::ERROR_MESSAGE.to_owned(),
        pack_version: world.pack_version.clone(),
        flows: world.flows.clone(),
        config: minicbor::to_vec(&world.config).unwrap(),
        session: world.record.as_ref().map(|record| record.encode().unwrap()),
        components: world.components.clone(),
        network: world.network.clone(),
        secrets: world.secrets.clone(),
        texts: world.texts.clone(),
    }
}

/// The engine's request as it has to leave the component.
fn requested(request: &HttpRequest, world: &World) -> Requested {
    let body = request.body.clone().unwrap_or_default();
    let headers = request.headers.iter().map(|(name, value)| {
        let value = match value {
            HeaderValue::Text(text) => text.clone(),
            HeaderValue::Secret { prefix, name } => format!("{prefix}{}", world.secrets[name]),
        };
        (name.to_ascii_lowercase(), value.into_bytes())
    });
    let headers = headers.collect();
    sorted(Requested { method: request.method.clone(), url: request.url.clone(), headers, body })
}

/// Without what the way out adds to every request.
fn sorted(mut request: Requested) -> Requested {
    request.headers.retain(|(name, _)| !["host", "content-length"].contains(&name.as_str()));
    request.headers.sort();
    request
}

/// One message, in both.
fn said(world: &mut World, text: &str) -> Vec<String> {
    let heard = both(&EdgeRig::new(), world, &message(text));
    assert_eq!(heard.failed, None, "{}", heard.operator);
    heard.replies.into_iter().map(|reply| reply.card.unwrap_or(reply.text)).collect()
}

fn flow(name: &str, nodes: &str) -> String {
    format!("name: {name}\nversion: 1\ntriggers: [{{type: default, target: a}}]\nnodes:\n{nodes}")
}

/// Tries from the deepest down, and gives the first that the build takes: so the test goes with the limit.
fn deepest(text: impl Fn(usize) -> String) -> (usize, World) {
    let accepted = |depth: &usize| greentic_flow::compile(&text(*depth), &greentic_flow::Context::default()).is_ok();
    let depth = (1..=256).rev().find(accepted).expect("some depth is accepted");
    (depth, World::of(&text(depth), &[]))
}

fn script(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    let nodes = format!(
        "  - id: a\n    type: script\n    config:\n      script: |\n{lines}    next: b\n  \
         - {{id: b, type: reply, config: {{message: '{{{{script_result}}}}'}}}}\n"
    );
    flow("main", &nodes)
}

#[test]
fn the_deepest_expression_of_a_script_runs() {
    let (depth, mut world) = deepest(|depth| script(&format!("{}1{}", "(1 + ".repeat(depth), ")".repeat(depth))));
    assert!(depth >= 5, "{depth}");
    assert_eq!(said(&mut world, "x"), [(depth + 1).to_string()]);
}

#[test]
fn the_deepest_blocks_of_a_script_run() {
    let (depth, mut world) = deepest(|depth| script(&format!("{}7{}", "if true { ".repeat(depth), " }".repeat(depth))));
    assert!(depth >= 5, "{depth}");
    assert_eq!(said(&mut world, "x"), ["7"]);
}

/// Each level of calls within as many blocks as a function may have.
#[test]
fn functions_call_each_other_as_deep_as_they_may() {
    let body = |depth: usize, level: usize| {
        let (open, shut) = ("if n > 0 { ".repeat(depth), " } else { 0 }".repeat(depth));
        script(&format!("fn f(n) {{ {open}1 + f(n - 1){shut} }}\nf({level})"))
    };
    let (depth, _) = deepest(|depth| body(depth, 1));
    let answered = (1..=32).rev().find_map(|level| {
        let mut world = World::of(&body(depth, level), &[]);
        let mut trial = world.clone();
        let ending = trial.hear(&message("x"));
        ending.failed.is_none().then(|| (level, said(&mut world, "x")))
    });
    let (level, replies) = answered.expect("some level of calls is allowed");
    assert!(level >= 8, "{level}");
    assert_eq!(replies, [level.to_string()]);
    // One more is a failure of the script's, and no trap.
    let mut over = World::of(&body(depth, level + 1), &[]);
    let heard = both(&EdgeRig::new(), &mut over, &message("x"));
    assert_eq!(heard.failed, Some("script-failed"));
}

#[test]
fn the_deepest_template_is_rendered() {
    let (depth, mut world) = deepest(|depth| {
        let text = format!("{}x{}", "{{#if message}}".repeat(depth), "{{/if}}".repeat(depth));
        flow("main", &format!("  - {{id: a, type: reply, config: {{message: '{text}'}}}}"))
    });
    assert!(depth >= 10, "{depth}");
    assert_eq!(said(&mut world, "m"), ["x"]);
}

#[test]
fn the_deepest_condition_is_judged() {
    let (depth, mut world) = deepest(|depth| {
        let condition = format!("{}message == 'm'{}", "(".repeat(depth), ")".repeat(depth));
        flow("main", &format!("  - {{id: a, type: reply, when: \"{condition}\", config: {{message: yes it is}}}}"))
    });
    assert!(depth >= 8, "{depth}");
    assert_eq!(said(&mut world, "m"), ["yes it is"]);
}

#[test]
fn the_deepest_card_is_shown() {
    let (depth, mut world) = deepest(|depth| {
        let container = r#"{"type":"Container","items":["#;
        let card = format!(
            r#"{{"type":"AdaptiveCard","version":"1.5","body":[{}{{"type":"TextBlock","text":"Hi {{{{message}}}}"}}{}]}}"#,
            container.repeat(depth),
            "]}".repeat(depth)
        );
        flow("main", &format!("  - {{id: a, type: adaptive-card, config: {{card_json: '{card}'}}}}"))
    });
    assert!(depth >= 8, "{depth}");
    let [card] = said(&mut world, "m").try_into().unwrap();
    assert_eq!(card.matches("Container").count(), depth);
    assert!(card.contains("Hi m"));
}

/// Nested as deep as data may be, through a component's answer, the session and back.
#[test]
fn the_deepest_data_is_kept() {
    let nodes = "  - {id: a, type: deep, next: b}\n  \
                 - {id: b, type: state, config: {action: set, key: deep, value: '{{prev}}'}, next: c}\n  \
                 - {id: c, type: wait, config: {prompt: '{{state.deep}}'}, next: d}\n  \
                 - {id: d, type: reply, config: {message: '{{state.deep}}'}}";
    let answered = (1..=64usize).rev().find_map(|depth| {
        let mut world = World::of(&flow("main", nodes), &["deep"]);
        let data = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        world.components.insert("deep.".to_owned(), Ok(Some(data.clone())));
        let heard = world.clone().hear(&message("x"));
        heard.failed.is_none().then_some((depth, data, world))
    });
    let (depth, data, mut world) = answered.expect("some depth of data is allowed");
    assert!(depth >= 16, "{depth}");
    assert_eq!(said(&mut world, "x"), std::slice::from_ref(&data));
    assert_eq!(said(&mut world, "y"), [data]);
}

/// The innermost waits, runs a script, and the result comes back through all of them.
#[test]
fn sixteen_flows_deep_a_script_runs_and_a_user_answers() {
    let names: Vec<String> = (0..=16).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut texts: Vec<String> = (1..=16)
        .map(|next| {
            let nodes = format!(
                "  - {{id: a, type: flow2flow, config: {{target_flow: f{next}, pass_context: true}}, next: b}}\n  \
                 - {{id: b, type: template, config: {{template: '{{{{prev}}}}.'}}}}"
            );
            flow(&format!("f{}", next - 1), &nodes)
        })
        .collect();
    texts.push(flow(
        "f16",
        "  - {id: a, type: wait, config: {prompt: 'well?'}, next: b}\n  \
         - {id: b, type: script, config: {script: 'fn f(n) { if n > 0 { 1 + f(n - 1) } else { 0 } } f(6)'}, next: c}\n  \
         - {id: c, type: reply, config: {message: '{{node.a}} {{script_result}}'}}",
    ));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = World::of_all(&texts, &names);
    assert_eq!(said(&mut world, "x"), ["well?"]);
    assert_eq!(world.record.as_ref().unwrap().wait.as_ref().unwrap().frames.len(), 17);
    assert_eq!(said(&mut world, "yes"), ["yes 6"]);
    assert!(world.record.as_ref().unwrap().wait.is_none());
}
