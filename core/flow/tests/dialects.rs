//! Both dialects: what loads, what is the same flow, what the formatter writes, and the schemas that are shipped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

use greentic_flow::ir::{Exit, Head, Node, NodeKind, Routing, TriggerKind};
use greentic_flow::{Compiled, Context, Dialect, compile, format, schema};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn alone(text: &str) -> Compiled {
    compile(text, &Context::default()).unwrap_or_else(|findings| panic!("{text}\n{findings:#?}"))
}

fn head(flow: &Compiled) -> Head<'_> {
    minicbor::decode(&flow.head).unwrap()
}

/// A node's record, and where it leads when it leads to one.
fn node(flow: &Compiled, index: usize) -> Node<'_> {
    minicbor::decode(&flow.nodes[index]).unwrap()
}

fn warnings(flow: &Compiled) -> Vec<&'static str> {
    flow.warnings.iter().map(|finding| finding.code).collect()
}

/// All but the last record, which says where things stand in the text.
fn same(a: &Compiled, b: &Compiled) -> bool {
    a.head == b.head && a.nodes.split_last().unwrap().1 == b.nodes.split_last().unwrap().1
}

/// Everything that both dialects can say.
const LIST: &str = r#"# A shop.
name: shop
version: "2.1"
description: Sells tea.
variables: {currency: EUR, sizes: [s, l], none: null}
config:
  timeout: 5000
  retry_policy: {max_retries: 2, backoff: 100}
triggers:
  - {type: default, target: ask}
nodes:
  - id: ask
    type: wait
    config: {prompt: "What would you like?", timeout: 60000, on_timeout: late}
    output: wish
    next: decide
  - id: decide
    type: branch
    config:
      conditions:
        - {expression: "wish == 'tea'", next: price} # the usual
        - {expression: "response.action == 'stop' or wish contains 'no'", next: bye}
      default: bye
  - id: price
    type: http
    config: {url: "https://x.example/{{wish}}", headers: {Authorization: "Bearer secret://shop"}}
    on_error: bye
    next: keep
  - id: keep
    type: state
    config: {action: set, key: cart.price, value: "{{http_response.body.price}}"}
    next: call
  - id: call
    type: com.acme.shop.offer
    config: {input: {wish: "{{wish}}", price: "{{state.cart.price}}"}}
    timeout: 100
    retry: {max: 1}
    when: state.cart.price > 0
    next: say
  - id: say
    type: reply
    config:
      message: |
        {{wish}} costs {{state.cart.price}} {{flow.currency}}.
        Yes?
      buttons: [{label: "Yes", action: yes}]
    next: thanks
  - id: thanks
    type: templating.handlebars
    config: {text: "Thanks, {{user_id}}."}
  - id: late
    type: reply
    config: {message: "Too late, {{wish}}."}
  - id: bye
    type: flow2flow
    config: {target_flow: goodbye, pass_context: true}
"#;

#[test]
fn there_and_back_is_the_same_flow() {
    let list = alone(LIST);
    let map_text = format(LIST, Some(Dialect::Map)).unwrap();
    assert!(map_text.starts_with("# A shop.\nid: shop\n"), "{map_text}");
    let map = alone(&map_text);
    assert!(same(&list, &map), "{map_text}");
    let back_text = format(&map_text, Some(Dialect::List)).unwrap();
    assert!(same(&list, &alone(&back_text)), "{back_text}");
    assert!(back_text.contains("version: \"2.1\"") && back_text.contains("# the usual"), "{back_text}");
    let map_again = format(&back_text, Some(Dialect::Map)).unwrap();
    assert_eq!(map_again, map_text);
}

#[test]
fn what_the_other_dialect_can_not_say_is_named() {
    let refused = |text: &str, to| -> Vec<(&'static str, u32, u32)> {
        let findings = format(text, Some(to)).unwrap_err();
        findings.iter().map(|finding| (finding.code, finding.line, finding.column)).collect()
    };
    let list = "name: f\nversion: 1\ntriggers:\n  - {type: default, target: a}\n  - {type: message, pattern: x, target: a}\nconfig: {logging: {level: warn}}\nnodes:\n  - {id: a, type: reply, config: {message: x}}\n";
    assert_eq!(refused(list, Dialect::Map), [("not-convertible", 5, 5), ("not-convertible", 6, 19)]);
    let map = "id: f\ntype: messaging\nentrypoints: {other: a}\nparameters: {days: 3}\nnodes:\n  a:\n    reply: x\n    vars_out: {x: 1}\n    routing:\n      - {status: error, to: b}\n      - {condition: x > 1, to: b}\n  b:\n    reply: y\n    routing: reply\n";
    let found = refused(map, Dialect::List);
    let expected = [(3, 1), (4, 14), (8, 5), (10, 18), (11, 9), (14, 14)];
    assert_eq!(found, expected.map(|(line, column)| ("not-convertible", line, column)));
    assert_eq!(refused("id: f\ntype: job\nnodes: {a: {reply: x}}\n", Dialect::List), [("not-convertible", 2, 7)]);
}

#[test]
fn the_formatter_settles_and_changes_nothing() {
    for text in [
        LIST,
        MAP,
        include_str!("flows/greeting.ygtc"),
        include_str!("flows/order.ygtc"),
        include_str!("flows/waiting.ygtc"),
        include_str!("flows/components.ygtc"),
        include_str!("flows/kinds.ygtc"),
        include_str!("flows/questions.ygtc"),
    ] {
        let written = format(text, None).unwrap();
        assert_eq!(format(&written, None).unwrap(), written);
        assert!(same(&alone(text), &alone(&written)), "{written}");
        assert_eq!(text.matches(" # ").count(), written.matches(" # ").count());
    }
}

#[test]
fn the_formatter_writes_the_right_keys() {
    let text = "type: messaging\nid: f\nnodes:\n  in:\n    routing: [{next: b}] # on\n    # why\n    reply: {message: x}\n  b: {reply: y}\n";
    let written = "id: f\ntype: messaging\nnodes:\n  in:\n    # why\n    reply:\n      message: x\n    routing:\n      - to: b # on\n  b:\n    reply: y\n";
    assert_eq!(format(text, None).unwrap(), written);
}

/// Forms that public flows have.
const MAP: &str = r#"
id: forecast.main
type: messaging
title: i18n:forecast.title
x-generated-by: a tool
schema_version: 1
tags: [weather]
start: ask
entrypoints: {default: ask, telegram: tell}
parameters:
  days: 3
  target: other
  vars_init:
    unit: {default: C}
    place: {required: true}
slot_schema:
  - {name: city, slot_type: string, pattern: '^[A-Z]\w+$', required: true}
  - {name: size, slot_type: enum, enum_values: [s, l], default_value: s}
meta: {team: core}
nodes:
  ask:
    qa.process:
      welcome: Hello
      questions:
        - {id: place, prompt: "Where?", answer_type: text, max_words: 3}
    routing:
      - next: fetch
  fetch:
    mcp.exec:
      component: weather
      action: forecast
      args: {q: ask.place, days: parameters.days, note: plain.text}
    retry: {max_attempts: 3, backoff_ms: 10}
    timeout: {ms: 500}
    err_map: {why: "{{error.code}}"}
    vars_out: {last: "{{text}}"}
    routing:
      - {to: tell}
      - {status: error, to: sorry}
      - {condition: "text == ''", reply: true}
  tell:
    templating.handlebars: {text: "{{fetch.text}} in {{parameters.days}} days, {{flow.unit}}"}
    routing: out
  sorry:
    emit.response: "Sorry."
    routing: [{to: pause}]
  pause:
    session.wait: {reason: retry}
    routing: [{to: next}]
  next:
    flow.call: {flow_id: parameters.target, input: {place: ask.place}}
    routing: [{out: true}]
"#;

#[test]
fn a_map_of_the_first_version_loads() {
    let flow = alone(MAP);
    let head = head(&flow);
    assert_eq!((head.name.as_str(), head.start, head.nodes), ("forecast.main", 0, 6));
    assert_eq!((head.triggers.len(), head.triggers[0].kind), (1, TriggerKind::Default));
    assert_eq!(head.variables.to_json(), serde_json::json!({ "unit": "C", "place": null }));
    assert_eq!(head.parameters.unwrap().to_json(), serde_json::json!({ "days": 3, "target": "other" }));
    assert_eq!(head.required.unwrap()[0].as_str(), "place");
    let entrypoints = head.entrypoints.unwrap();
    assert_eq!(
        entrypoints.iter().map(|e| (e.name.as_str(), e.target)).collect::<Vec<_>>(),
        [("default", 0), ("telegram", 2)]
    );
    let fetch = node(&flow, 1);
    let extras = fetch.extras.unwrap();
    assert_eq!((extras.timeout_ms, extras.retry.unwrap().max), (Some(500), 3));
    // The arm that always holds is what the others leave, wherever it stands.
    let Routing::Arms { arms, waits: false } = fetch.routing else { panic!() };
    assert_eq!(arms.iter().map(|arm| arm.exit).collect::<Vec<_>>(), [Exit::Node(3), Exit::End, Exit::Node(2)]);
    // A template at the end is said.
    let Routing::Arms { arms, .. } = node(&flow, 2).routing else { panic!() };
    assert_eq!((arms.len(), arms[0].reply), (1, Some(true)));
    assert_eq!(flow.calls, alone(MAP).calls);
    assert_eq!(flow.calls[0].0, "other");
    assert_eq!(flow.components, [("weather".to_owned(), "forecast".to_owned())]);
    let counted = warnings(&flow).into_iter().fold(BTreeMap::new(), |mut counts, code| {
        *counts.entry(code).or_insert(0) += 1;
        counts
    });
    let expected = [("alias", 3), ("bare-path", 4), ("unverified", 2), ("unread-output", 0), ("unset-variable", 0)];
    for (code, count) in expected {
        assert_eq!(counted.get(code).copied().unwrap_or_default(), count, "{code}: {:#?}", flow.warnings);
    }
}

#[test]
fn an_operation_is_the_bound_components() {
    let text = "id: f\ntype: job\nschema_version: 2\nstart: a\nnodes:\n  a:\n    text: {template: x, wrap: true}\n    routing: [{to: b}]\n  b:\n    reply: {input: 1}\n    routing: out\n";
    let bindings: BTreeMap<String, String> =
        [("a".to_owned(), "acme.qa".to_owned()), ("b".to_owned(), "acme.qa".to_owned())].into();
    let context = Context { components: Some(&["acme.qa"]), bindings: Some(&bindings), ..Context::default() };
    let flow = compile(text, &context).unwrap();
    let expected = [("acme.qa", "reply"), ("acme.qa", "text")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(flow.components, expected);
    assert!(matches!(node(&flow, 1).kind, NodeKind::Component { .. }));
    assert_eq!(head(&flow).triggers[0].kind, TriggerKind::Setup);
    let unbound = Context { bindings: None, ..context };
    let findings = compile(text, &unbound).unwrap_err();
    assert_eq!((findings[0].code, findings[0].line, findings[0].column), ("unknown-component", 7, 5));
}

#[test]
fn what_old_tools_wrote_is_refused_for_what_it_is() {
    for (nodes, code) in [
        ("  a:\n    card: {title: x}\n    routes: [end]\n", "operation-count"),
        ("  a:\n    qa.process: {welcome: x}\n    mcp.exec: {component: x}\n", "operation-count"),
        ("  a:\n    routing: out\n", "operation-count"),
        ("  a:\n    reply: x\n    routng: out\n", "unknown-key"),
        ("  a:\n    reply: x\n    routing: b\n  b: {reply: y}\n", "bad-value"),
        ("  a:\n    reply: x\n    routing: [{to: a, unless: x}]\n", "unknown-key"),
        ("  a:\n    reply: x\n    routing: [{to: nowhere}]\n", "unknown-target"),
        ("  a:\n    reply: '{{ x | coalesce(y) }}'\n", "bad-template"),
        ("  a:\n    state.get: {key: 'a:b:{{x}}'}\n", "bad-id"),
        ("  a:\n    session.wait: {reason: x}\n    routing: out\n", "no-successor"),
    ] {
        let findings = compile(&format!("id: f\ntype: messaging\nnodes:\n{nodes}"), &Context::default()).unwrap_err();
        assert!(findings.iter().any(|finding| finding.code == code), "{nodes}: {findings:#?}");
    }
    let findings = compile("id: f\ntype: digital_worker\nnodes: {a: {reply: x}}\n", &Context::default()).unwrap_err();
    assert_eq!((findings[0].code, findings[0].line, findings[0].column), ("unknown-type", 2, 7));
    let findings = compile("id: f\nnodes: {a: {reply: x}}\n", &Context::default()).unwrap_err();
    assert_eq!(findings[0].code, "missing-key");
}

/// `GREENTIC_UPDATE=1 cargo test -p greentic-flow --test dialects` writes them anew.
#[test]
fn the_shipped_schemas_are_the_tables() {
    for dialect in [Dialect::List, Dialect::Map] {
        let path = format!("{}/../../schemas/ygtc-{}.schema.json", env!("CARGO_MANIFEST_DIR"), dialect.as_str());
        let made = schema(dialect);
        if std::env::var_os("GREENTIC_UPDATE").is_some() {
            std::fs::create_dir_all(format!("{}/../../schemas", env!("CARGO_MANIFEST_DIR"))).unwrap();
            std::fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
        }
        let shipped = std::fs::read_to_string(&path).unwrap_or_default();
        let shipped: serde_json::Value = serde_json::from_str(&shipped).unwrap_or_default();
        assert_eq!(shipped, made, "{path} is not what the tables say");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_change_to_a_map_panics(
        at in any::<prop::sample::Index>(),
        cut in 0usize..12,
        put in prop::sample::select(vec!["", "{{", "}}", "'", ": ", "\n", "- ", "&a ", "*a", "null", "[", "é", "routing", "x-"]),
    ) {
        let chars: Vec<char> = MAP.chars().collect();
        let at = at.index(chars.len());
        let changed: String =
            chars[..at].iter().copied().chain(put.chars()).chain(chars[at..].iter().copied().skip(cut)).collect();
        let _ = compile(&changed, &Context::default());
        let _ = format(&changed, Some(Dialect::List));
        if let Ok(written) = format(&changed, None) {
            prop_assert_eq!(format(&written, None), Ok(written));
        }
    }
}
