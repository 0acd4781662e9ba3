//! MCP tools as nodes of a flow: called by their component or by their own name, asked for their schema, and refused
//! under any other name; in a fresh instance like every node.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_artifacts::LOOKUP_TOOL;
use greentic_tests::{Bundle, FakeTelegram, Host, said, text};

const CHAT: i64 = 9;

/// What is asked decides how the tool is called.
const FLOW: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: plain
    type: mcp-tool
    config: {tool: lookup-tool, parameters: {place: "{{message}}"}}
    output: hours
    on_error: tell
    next: say
  - id: by_name
    type: mcp-tool
    config: {tool: lookup-tool.lookup, parameters: {place: Oslo}}
    output: hours
    on_error: tell
    next: say
  - id: by_another_name
    type: mcp-tool
    config: {tool: lookup-tool.forecast, parameters: {place: Oslo}}
    on_error: tell
    next: say
  - id: schema
    type: mcp-tool
    config: {tool: lookup-tool.get-schema}
    output: schema
    on_error: tell
    next: describe
  - id: describe
    type: reply
    config: {message: "{{schema.name}}: {{schema.description}}"}
  - id: say
    type: reply
    config: {message: "{{hours.place}} {{hours.opens}}-{{hours.closes}} for {{hours.tenant}}"}
  - id: tell
    type: reply
    config: {message: "failed: {{error.code}}: {{error.message}}"}
triggers:
  - {type: message, pattern: "^by name$", target: by_name}
  - {type: message, pattern: "^by another name$", target: by_another_name}
  - {type: message, pattern: "^schema$", target: schema}
  - {type: default, target: plain}
"#;

#[tokio::test]
async fn a_tool_is_a_node() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), FLOW, &[("lookup-tool", LOOKUP_TOOL)]);
    let host = Host::start(&bundle, &bundle.config(""));
    let expected = [
        ("Bern", "Bern 09:00-18:30 for demo"),
        ("by name", "Oslo 10:00-17:00 for demo"),
        ("Atlantis", "failed: component-failed: there is no shop in Atlantis"),
        ("schema", "lookup: Opening hours of a shop"),
    ];
    for (update, (asked, _)) in (1..).zip(&expected) {
        assert_eq!(host.post(&text(update, CHAT, asked)).await, 200, "{asked}");
    }
    let calls = telegram.calls(expected.len()).await;
    assert_eq!(said(&calls, CHAT), expected.map(|(_, told)| told));

    assert_eq!(host.post(&text(10, CHAT, "by another name")).await, 200);
    let calls = telegram.calls(expected.len() + 1).await;
    let told = *said(&calls, CHAT).last().unwrap();
    assert!(told.starts_with("failed: component-unknown: "), "{told}");
}
