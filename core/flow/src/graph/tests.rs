//! Flows as they are drawn, in both languages and from both dialects.

use super::*;
use crate::compile::{Context, compile};

const FLOW: &str = r#"name: order
version: 1
triggers:
  - {type: default, target: ask}
  - {type: message, pattern: '(?i)^"help|\bhelp', target: help}
nodes:
  - {id: ask, type: wait, config: {prompt: 'How many?', timeout: 1000, on_timeout: help}, next: much}
  - id: much
    type: branch
    config:
      conditions: [{expression: 'state.kind == "a|b" and message > 3', next: go}]
      default: help
  - {id: go, type: flow.goto, config: {flow: other}}
  - {id: help, type: reply, config: {message: Help}, on_error: ask}
"#;

fn graph(text: &str) -> Graph {
    Graph::of(text, &compile(text, &Context::default()).unwrap()).unwrap()
}

#[test]
fn mermaid_shows_entries_nodes_and_ways() {
    let expected = r##"---
title: "order"
---
flowchart TD
  t0(["message /(?i)#94;#34;help#124;#92;bhelp/"])
  t1(["default"])
  n0("<b>ask</b><br/>wait")
  n1{"<b>much</b><br/>branch"}
  n2[["<b>go</b><br/>go to other"]]
  n3["<b>help</b><br/>reply"]
  f0[["flow other"]]
  t0 --> n3
  t1 --> n0
  n0 -.->|"timeout"| n3
  n0 --> n1
  n1 -->|"state.kind == 'a#124;b' and message #62; 3"| n2
  n1 -->|"else"| n3
  n2 --> f0
  n3 -.->|"error"| n0
  classDef entry stroke-dasharray: 4 3
  class t0,t1 entry
"##;
    assert_eq!(graph(FLOW).mermaid(), expected);
}

#[test]
fn dot_shows_the_same() {
    let dot = graph(FLOW).dot();
    for line in [
        r#"digraph "order" {"#,
        r#"  t0 [label="message /(?i)^\"help|\\bhelp/", shape=plaintext];"#,
        r#"  n0 [label="ask\nwait", style=rounded, penwidth=2];"#,
        r#"  n1 [label="much\nbranch", shape=diamond];"#,
        r#"  n1 -> n2 [label="state.kind == 'a|b' and message > 3"];"#,
        r#"  n0 -> n3 [label="timeout", style=dotted];"#,
        r#"  n2 -> f0;"#,
    ] {
        assert!(dot.lines().any(|found| found == line), "{line} in {dot}");
    }
}

#[test]
fn the_map_dialect_is_drawn_alike() {
    let text = "id: f\ntype: messaging\nschema_version: 2\nnodes:\n  in:\n    template: '{{message}}'\n    routing:\n      \
                - {status: error, to: b}\n      - {on_message: true, to: b}\n      - {reply: true}\n  \
                b:\n    template: x\n    routing: out\n";
    let mermaid = graph(text).mermaid();
    for line in [
        "  n0(\"<b>in</b><br/>template\")",
        "  n0 -->|\"status error\"| n1",
        "  n0 -->|\"on message\"| n1",
        "  n0 -->|\"else, reply\"| over",
        "  over((end))",
    ] {
        assert!(mermaid.lines().any(|found| found == line), "{line} in {mermaid}");
    }
}

#[test]
fn a_long_label_is_cut() {
    let long = FLOW.replace("message > 3", &format!("message == \"{}\"", "é ".repeat(200)));
    assert!(graph(&long).mermaid().lines().all(|line| line.chars().count() < 200));
}
