//! Flows that several tests run.

/// Says every message back.
pub const ECHO: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: say
    type: reply
    config: {message: "{{message}}"}
triggers:
  - {type: default, target: say}
"#;

/// Hands every message to the component `misbehave` and says what came of it. The message `bare` makes it trap where
/// the flow does not handle it.
pub const MISBEHAVING: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: work
    type: misbehave
    output: result
    on_error: tell
    next: say
  - id: say
    type: reply
    config: {message: "{{result}}"}
  - id: tell
    type: reply
    config: {message: "stopped: {{error.code}}: {{error.message}}"}
  - id: bare
    type: misbehave
    config: {input: trap}
triggers:
  - {type: message, pattern: "^bare$", target: bare}
  - {type: default, target: work}
"#;
