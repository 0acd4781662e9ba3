//! What an author is told: the code, the place and the hint of each finding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

use greentic_flow::{Context, Finding, Severity, compile};
use proptest::prelude::*;

const CONTEXT: Context<'_> = Context { components: &["echo", "com.acme.shop"] };

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
fn what_is_known_and_not_there_yet_says_so() {
    assert_eq!(found(&flow("  - {id: a, type: http, config: {url: x}}")), [("not-yet", 5, 19)]);
    assert_eq!(
        found(&flow("  - {id: a, type: reply, config: {message: '{{currency n}}'}}")),
        [("bad-template", 5, 47)]
    );
    assert_eq!(found("id: f\ntype: messaging\nnodes:\n  in: {reply: {}}\n"), [("not-yet", 3, 1)]);
    let trigger = "name: f\nversion: 1\ntriggers: [{type: timer, cron: x, target: a}]\nnodes: [{id: a, type: echo}]\n";
    assert_eq!(found(trigger), [("not-yet", 3, 19)]);
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
    assert_eq!(
        all,
        [("no-effect", 3, 10), ("shadowed-trigger", 7, 5), ("endless-cycle", 9, 5), ("unreachable", 11, 5)]
    );
    assert!(compiled.warnings[2].message.ends_with("a → b → a"), "{:?}", compiled.warnings[2]);
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
