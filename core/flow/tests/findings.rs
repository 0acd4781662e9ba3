//! What an author is told: the code, the place and the hint of each finding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

use greentic_flow::{
    CODES, Context, Dialect, Finding, Severity, Sidecar, compile, diagnostics_markdown, format, recursion,
};
use proptest::prelude::*;

const CONTEXT: Context<'_> = Context {
    components: Some(&["echo", "com.acme.shop"]),
    operations: None,
    flows: Some(&["f", "other"]),
    assets: None,
    bindings: None,
};

/// What a flow is checked with that stands alone.
const ALONE: Context<'_> = Context { components: None, operations: None, flows: None, assets: None, bindings: None };

fn findings(text: &str) -> Vec<Finding> {
    match compile(text, &CONTEXT) {
        Ok(compiled) => compiled.warnings,
        Err(findings) => findings,
    }
}

/// Code, line and column of each.
fn found(text: &str) -> Vec<(&'static str, u32, u32)> {
    findings(text).iter().map(|finding| (finding.code, finding.line, finding.column)).collect()
}

/// Lines 1 to 4 are these; the nodes begin at line 5.
fn flow(nodes: &str) -> String {
    format!("name: f\nversion: 1\ntriggers: [{{type: default, target: a}}]\nnodes:\n{nodes}")
}

fn one(text: &str) -> Finding {
    let mut all = findings(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[test]
fn a_typo_in_a_target_points_at_the_name() {
    let finding = one(&flow(
        "  - id: a\n    type: reply\n    config: {message: x}\n    next: finsh\n  - id: finish\n    type: reply\n    config: {message: y}\n",
    ));
    assert_eq!((finding.code, finding.line, finding.column), ("unknown-target", 8, 11));
    assert_eq!(finding.hint.unwrap(), "did you mean `finish`?");
    assert_eq!(finding.severity, Severity::Error);
}

#[test]
fn a_typo_in_an_expression_points_into_it() {
    for (line, column) in [
        ("        - expression: state.n => 3", 31),
        ("        - expression: \"state.n => 3\"", 32),
        ("        - expression: 'state.n => 3'", 32),
        ("        - {next: a, expression: \"\\\"é\\\" => 3\"}", 40),
    ] {
        let next = if line.contains("next") { "" } else { "          next: a\n" };
        let text = flow(&format!("  - id: a\n    type: branch\n    config:\n      conditions:\n{line}\n{next}"));
        let all: Vec<_> = findings(&text).into_iter().filter(|finding| finding.code == "bad-expression").collect();
        assert_eq!(all.len(), 1, "{line}");
        assert_eq!((all[0].line, all[0].column), (9, column), "{line}");
        assert_eq!(all[0].hint.as_deref(), Some("did you mean `>=`?"));
    }
}

#[test]
fn a_typo_in_a_template_points_into_it() {
    let finding = one(&flow("  - id: a\n    type: reply\n    config:\n      message: \"Hi {{uppercas message}}\"\n"));
    assert_eq!((finding.code, finding.line, finding.column), ("bad-template", 8, 22));
    assert_eq!(finding.hint.unwrap(), "did you mean `uppercase`?");
    let finding =
        one(&flow("  - id: a\n    type: reply\n    config:\n      message: |\n        Hi\n        and {{#iff x}}\n"));
    assert_eq!((finding.code, finding.line, finding.column), ("bad-template", 10, 16));
    assert_eq!(finding.hint.unwrap(), "did you mean `#if`?");
}

#[test]
fn a_bad_pattern_points_into_it() {
    let text = "name: f\nversion: 1\ntriggers:\n  - {type: message, pattern: 'ab(c', target: a}\nnodes: [{id: a, type: reply, config: {message: x}}]\n";
    assert_eq!(found(text), [("bad-pattern", 4, 33)]);
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    for (nodes, code, column, hint) in [
        ("  - {id: a, typ: reply, config: {message: x}}", "unknown-key", 13, "did you mean `type`?"),
        ("  - {id: a, type: replay, config: {message: x}}", "unknown-type", 19, "did you mean `reply`?"),
        ("  - {id: a, type: ecco}", "unknown-type", 19, "did you mean `echo`?"),
        ("  - {id: a, type: reply, config: {mesage: x}}", "unknown-key", 35, "did you mean `message`?"),
        ("  - {id: a, type: echo, config: {inptu: x}}", "unknown-key", 34, "did you mean `input`?"),
    ] {
        let all = findings(&flow(nodes));
        let finding = all.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("{nodes}: {all:?}"));
        assert_eq!((finding.line, finding.column), (5, column), "{nodes}");
        assert_eq!(finding.hint.as_deref(), Some(hint), "{nodes}");
    }
}

#[test]
fn errors() {
    for (nodes, expected) in [
        ("  - {id: a, type: wait}", ("no-successor", 5, 5)),
        ("  - {id: a, type: echo}\n  - {id: a, type: echo}", ("duplicate-id", 6, 10)),
        ("  - {id: a b, type: echo}", ("bad-id", 5, 10)),
        ("  - {id: a, type: state, config: {action: put, key: x}}", ("bad-value", 5, 43)),
        ("  - {id: a, type: state, config: {action: set, key: x}}", ("missing-key", 5, 34)),
        ("  - {id: a, type: state, config: {action: get, key: state.x}}", ("bad-id", 5, 53)),
        ("  - {id: a, type: echo, output: state}", ("bad-id", 5, 33)),
        ("  - {id: a, type: reply}", ("missing-key", 5, 5)),
        ("  - {id: a, type: reply, config: {buttons: [{label: x}], message: x}}", ("missing-key", 5, 45)),
        ("  - {id: a, type: wait, next: a, config: {timeout: soon}}", ("bad-value", 5, 52)),
        ("  - {id: a, type: branch, config: {conditions: []}}", ("shape", 5, 48)),
        ("  - [a]", ("shape", 5, 5)),
        ("  - {id: a, id: b, type: echo}", ("duplicate-key", 5, 13)),
    ] {
        let all = found(&flow(nodes));
        assert!(all.contains(&expected), "{nodes}: {all:?}");
        assert!(compile(&flow(nodes), &CONTEXT).is_err(), "{nodes}");
    }
}

#[test]
fn all_findings_come_at_once_and_in_order() {
    let text = "name: f\ntriggers: [{type: message, target: b}]\nnodes:\n  - {id: a, type: reply, config: {message: '{{'}, next: c}\n  - {id: x, type: nothing-of-ours}\n";
    let codes: Vec<_> = found(text).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(codes, ["missing-key", "unknown-target", "bad-template", "unknown-target", "unknown-type"]);
}

#[test]
fn warnings() {
    let text = "name: f\nversion: 1\nconfig: {timeout: 5}\ntriggers:\n  - {type: default, target: a}\n  - {type: message, target: a}\n  - {type: message, pattern: x, target: a}\nnodes:\n  - {id: a, type: echo, next: b}\n  - {id: b, type: com.acme.shop.price, next: a}\n  - {id: c, type: echo}\n";
    let compiled = compile(text, &CONTEXT).unwrap();
    let all: Vec<_> = compiled.warnings.iter().map(|finding| (finding.code, finding.line, finding.column)).collect();
    assert_eq!(all, [("shadowed-trigger", 7, 5), ("endless-cycle", 9, 5), ("unreachable", 11, 5)]);
    assert!(compiled.warnings[1].message.ends_with("a → b → a"), "{:?}", compiled.warnings[1]);
    let components = [("com.acme.shop", "price"), ("echo", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(compiled.components, components);
}

#[test]
fn a_wait_breaks_a_circle() {
    let text = flow("  - {id: a, type: echo, next: b}\n  - {id: b, type: wait, next: a}\n");
    assert_eq!(found(&text), []);
}

#[test]
fn a_long_chain_is_walked_without_recursion() {
    let mut nodes = String::new();
    for index in 0..4_000 {
        let id = if index == 0 { "a".to_owned() } else { format!("n{index}") };
        nodes.push_str(&format!("  - {{id: {id}, type: echo, next: n{}}}\n", index + 1));
    }
    nodes.push_str("  - {id: n4000, type: echo}\n");
    assert_eq!(found(&flow(&nodes)), []);
}

#[test]
fn the_same_text_makes_the_same_bytes() {
    for text in [
        include_str!("flows/greeting.ygtc"),
        include_str!("flows/order.ygtc"),
        include_str!("flows/waiting.ygtc"),
        include_str!("flows/components.ygtc"),
    ] {
        let once = compile(text, &CONTEXT).unwrap();
        assert!(once.warnings.iter().all(|finding| finding.severity == Severity::Warning));
        assert_eq!(once, compile(text, &CONTEXT).unwrap());
    }
}

/// A flow in the map dialect; the nodes begin at line 4.
fn map(nodes: &str) -> String {
    format!("id: f\ntype: messaging\nnodes:\n{nodes}")
}

/// For each code that a single text can show: a text, checked in `CONTEXT`.
fn examples() -> Vec<(&'static str, String)> {
    let node = |rest: &str| flow(&format!("  - {{id: a, {rest}}}"));
    vec![
        ("yaml", "a: [".to_owned()),
        ("too-large", flow(&"  - {id: a, type: echo}\n".repeat(5_001))),
        ("shape", flow("  - [a]")),
        ("duplicate-key", node("type: echo, type: echo")),
        ("missing-key", node("type: reply")),
        ("unknown-key", node("type: echo, nxt: a")),
        ("bad-value", node("type: state, config: {action: put, key: x}")),
        ("bad-id", node("type: echo, output: state")),
        ("duplicate-id", flow("  - {id: a, type: echo}\n  - {id: a, type: echo}")),
        ("unknown-target", node("type: echo, next: b")),
        ("unknown-type", node("type: nothing")),
        ("unknown-component", map("  in: {component.exec: {component: nothing}}\n")),
        ("operation-count", map("  in: {reply: x, wait: {}}\n")),
        ("bad-expression", node("type: echo, when: 'a ==='")),
        ("bad-template", node("type: reply, config: {message: '{{'}")),
        ("bad-script", node("type: script, config: {script: 'let = 1'}")),
        ("bad-pattern", flow("  - {id: a, type: echo}").replace("default,", "message, pattern: '(',")),
        ("bad-cron", flow("  - {id: a, type: echo}").replace("default,", "timer, cron: '99 * * * *',")),
        ("bad-card", node("type: adaptive-card, config: {card_json: {type: Card}}")),
        ("no-successor", node("type: wait")),
        ("missing-flow", node("type: flow2flow, config: {target_flow: nothing}")),
        ("flow-recursion", node("type: flow2flow, config: {target_flow: f}")),
        ("not-supported", map("  in: {provider.invoke: {provider_id: p, op: send}}\n")),
        ("alias", node("type: echo, to: a")),
        ("bare-path", map("  in: {mcp.exec: {component: echo, action: a, args: {q: in.text}}}\n")),
        ("misplaced-key", map("  in: {echo: {routing: {default: x}}}\n")),
        ("no-effect", node("type: reply, timeout: 5, config: {message: x}")),
        ("unverified", node("type: script, config: {script_file: x.rhai}")),
        ("unreachable", flow("  - {id: a, type: echo}\n  - {id: b, type: echo}")),
        ("endless-cycle", node("type: echo, next: a")),
        ("shadowed-trigger", flow("  - {id: a, type: echo}").replace("[{", "[{type: default, target: a}, {")),
        ("unset-variable", node("type: reply, config: {message: 'Hi {{nmae}}'}")),
        ("unread-output", node("type: echo, output: x")),
        (
            "unknown-element",
            node("type: adaptive-card, config: {card_json: {type: AdaptiveCard, version: '1.5', body: [{type: Odd}]}}"),
        ),
    ]
}

#[test]
fn every_code_has_a_flow_that_gives_it() {
    let mut shown = std::collections::BTreeSet::new();
    for (code, text) in examples() {
        let all = findings(&text);
        assert!(all.iter().any(|finding| finding.code == code), "{code}: {all:?}");
        shown.insert(code);
    }
    // What needs more than a text.
    let operations = [("echo".to_owned(), vec!["say".to_owned()])].into();
    let context = Context { operations: Some(&operations), ..CONTEXT };
    let text = map("  in: {component.exec: {component: echo, operation: says}}\n");
    let finding = compile(&text, &context).unwrap_err().remove(0);
    assert_eq!((finding.code, finding.hint.as_deref()), ("unknown-operation", Some("did you mean `say`?")));
    shown.insert(finding.code);
    let assets = [("greeting.hbs", b"Hi".as_slice())].into();
    let context = Context { assets: Some(&assets), ..CONTEXT };
    let text = flow("  - {id: a, type: template, config: {template_file: greetings.hbs}}");
    let finding = compile(&text, &context).unwrap_err().remove(0);
    assert_eq!((finding.code, finding.line), ("missing-asset", 5));
    shown.insert(finding.code);
    shown.insert(Sidecar::parse("{").unwrap_err().code);
    let text = "name: f\nversion: 1\ntriggers: [{type: setup, target: a}]\nnodes: [{id: a, type: reply, config: {message: x}}]\n";
    let finding = format(text, Some(Dialect::Map)).unwrap_err().remove(0);
    assert_eq!((finding.line, finding.column), (3, 12));
    shown.insert(finding.code);
    let missing: Vec<_> = CODES.iter().map(|code| code.name).filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
}

#[test]
fn the_reference_of_codes_is_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/flow-diagnostics.md");
    assert_eq!(std::fs::read_to_string(path).unwrap(), diagnostics_markdown());
}

#[test]
fn three_typing_errors_are_three_findings() {
    let text = flow(
        "  - id: a\n    type: reply\n    config: {message: \"Hi {{uppercas message}}\"}\n    next: brnach\n  \
         - id: branch\n    type: branch\n    config:\n      conditions:\n        - {expression: message => 3, next: a}\n",
    );
    let all = findings(&text);
    let places: Vec<_> = all.iter().map(|finding| (finding.code, finding.line, finding.column)).collect();
    assert_eq!(places, [("bad-template", 7, 29), ("unknown-target", 8, 11), ("bad-expression", 13, 32)], "{all:?}");
    let hints: Vec<_> = all.iter().map(|finding| finding.hint.as_deref().unwrap_or_default()).collect();
    assert_eq!(hints, ["did you mean `uppercase`?", "did you mean `branch`?", "did you mean `>=`?"]);
}

#[test]
fn a_flow_alone_gets_warnings_for_what_its_pack_would_know() {
    let text = map(
        "  in: {com.acme.price: {item: '{{message}}'}, routing: [{to: b}]}\n  b: {flow.call: other, routing: [{to: c}]}\n  \
         c: {render_text: {template: x}}\n",
    );
    let compiled = compile(&text, &ALONE).unwrap();
    assert!(compiled.warnings.iter().all(|finding| finding.code == "unverified"), "{:?}", compiled.warnings);
    assert_eq!(compiled.warnings.len(), 3);
    let typo = flow("  - {id: a, type: replay, config: {message: x}}");
    assert_eq!(compile(&typo, &ALONE).unwrap_err()[0].code, "unknown-type");
}

#[test]
fn flows_that_call_each_other_are_found_together() {
    let calls = |name: &str, other: &str| {
        let text = flow(&format!("  - {{id: a, type: flow2flow, config: {{target_flow: {other}}}}}"));
        compile(&text.replacen("name: f", &format!("name: {name}"), 1), &CONTEXT).unwrap()
    };
    let (first, second) = (calls("f", "other"), calls("other", "f"));
    let found = recursion(&[&first, &second]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.code, found[0].1.line, found[0].1.column), (0, "flow-recursion", 5, 52));
    assert!(found[0].1.message.ends_with("f → other → f"));
    assert!(recursion(&[&first]).is_empty());
}

#[test]
fn much_of_everything_is_refused_or_loaded_within_bounds() {
    let nodes: String = (0..10_000).map(|index| format!("  - {{id: n{index}, type: echo}}\n")).collect();
    assert_eq!(
        found(&flow(&nodes)).iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
        ["unknown-target", "too-large"]
    );
    let text = "x".repeat(1024 * 1024);
    assert_eq!(found(&flow(&format!("  - {{id: a, type: reply, config: {{message: {text}}}}}")))[0].0, "yaml");
    let text = "x".repeat(1000 * 1024);
    assert_eq!(found(&flow(&format!("  - {{id: a, type: reply, config: {{message: {text}}}}}"))), []);
    // A key, a name and a target of a megabyte cost no more than their length.
    for rest in ["type: echo, {}: x", "type: {}", "type: echo, next: {}", "type: echo, output: {}"] {
        let all = findings(&flow(&format!("  - {{id: a, {}}}", rest.replace("{}", &text[..900]))));
        assert!(all.iter().all(|finding| finding.message.len() < 1_000), "{rest}");
    }
    let all = findings(&flow(&"  - {id: a, tpye: echo}\n".repeat(4_000)));
    assert_eq!(all.len(), 1_001);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        findings(&text);
    }

    #[test]
    fn no_change_to_a_flow_panics(
        at in any::<prop::sample::Index>(),
        cut in 0usize..12,
        put in prop::sample::select(vec!["", "{{", "}}", "'", "\"", ": ", "\n", "- ", "&a ", "*a", "null", "[", "é", "|\n"]),
    ) {
        let text = include_str!("flows/greeting.ygtc");
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        let changed: String = chars[..at].iter().copied().chain(put.chars()).chain(chars[at..].iter().copied().skip(cut)).collect();
        for finding in findings(&changed) {
            prop_assert!(finding.line >= 1 && finding.column >= 1);
        }
    }
}
