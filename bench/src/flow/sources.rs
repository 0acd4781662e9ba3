//! The flows that are measured, and what each has to say so that its figures count.

use crate::served;
use anyhow::{Context, ensure};
use greentic_flow::ir::NodeKind;
use std::fmt::Write;

pub const ORDINARY: &str = "ordinary turn";
pub const SMALL: &str = "turn in a flow of 20 nodes";
pub const LARGE: &str = "turn in a flow of 2,000 nodes";
pub const PLAIN: &str = "bare template and reply";
pub const SUM: &str = "script `1 + 1` and reply";
pub const SCRIPT: &str = "script of 20 lines and reply";
pub const SEARCH: &str = "fast2flow over 50 intents and reply";

/// A text as most are: words around three paths.
pub const TEMPLATE: &str = "Hello {{user_id}}, you said {{message}}; before that {{state.last}}.";

/// Both sides are evaluated: neither holds of what is said here.
pub const EXPRESSION: &str = r#"message contains "zebra" || state.count >= 3"#;

/// A flow of which one turn is measured.
pub struct Subject {
    pub name: &'static str,
    pub flow: String,
    /// Stands in its reply, whichever `hello number …` it answers.
    pub says: &'static str,
}

pub fn subjects() -> anyhow::Result<Vec<Subject>> {
    let ordinary = "you said hello number ";
    Ok(vec![
        Subject { name: ORDINARY, flow: served::flow(&[]), says: ordinary },
        Subject { name: SMALL, flow: grown(20)?, says: ordinary },
        Subject { name: LARGE, flow: grown(2_000)?, says: ordinary },
        Subject { name: PLAIN, flow: then_said("template", "{template: \"2\"}", "{{prev}}"), says: "It is 2." },
        Subject { name: SUM, flow: then_said("script", "{script: \"1 + 1\"}", "{{script_result}}"), says: "It is 2." },
        Subject { name: SCRIPT, flow: script()?, says: "It is 3 words, the longest is number." },
        Subject { name: SEARCH, flow: search(), says: "It is change_invoice." },
    ])
}

/// The ordinary flow with so many nodes in all. A turn runs the same ones in each.
fn grown(nodes: usize) -> anyhow::Result<String> {
    let flow = served::flow(&[]);
    let (before, triggers) = flow.split_once("triggers:").context("the ordinary flow has no triggers")?;
    let filled = nodes.saturating_sub(before.matches("- id:").count());
    // The text before the triggers ends with a node that leads nowhere.
    let mut grown = format!("{before}    next: more0\n");
    for number in 0..filled {
        let next = if number + 1 < filled { format!(", next: more{}", number + 1) } else { String::new() };
        // A String takes any text.
        let _ = writeln!(grown, "  - {{id: more{number}, type: reply, config: {{message: \"{TEMPLATE}\"}}{next}}}");
    }
    ensure!(grown.matches("id: ").count() == nodes, "the flow has not {nodes} nodes");
    Ok(format!("{grown}triggers:{triggers}"))
}

/// A flow of one node and a reply that shows its result.
fn then_said(node_type: &str, config: &str, result: &str) -> String {
    format!(
        "name: main\nversion: 1.0.0\nnodes:\n  - id: work\n    type: {node_type}\n    config: {config}\n    next: said\n  \
         - id: said\n    type: reply\n    config: {{message: \"It is {result}.\"}}\ntriggers:\n  \
         - {{type: default, target: work}}\n"
    )
}

const LINES: &str = r#"let words = message.split(" ");
let counts = #{};
for word in words {
    let key = word.to_lower();
    if key in counts {
        counts[key] += 1;
    } else {
        counts[key] = 1;
    }
}
let longest = "";
for word in words {
    if word.len() > longest.len() {
        longest = word;
    }
}
let visits = state.get("visits");
if visits == () { visits = 0; }
state.set("visits", visits + 1);
#{ words: words.len(), longest: longest, distinct: counts.len() }
"#;

fn script() -> anyhow::Result<String> {
    ensure!(LINES.lines().count() == 20, "the script has not 20 lines");
    let indented: String = LINES.lines().map(|line| format!("        {line}\n")).collect();
    let config = format!("\n      script: |\n{indented}");
    Ok(then_said(
        "script",
        config.trim_end(),
        "{{script_result.words}} words, the longest is {{script_result.longest}}",
    ))
}

const ACTS: [&str; 5] = ["change", "cancel", "show", "pay", "dispute"];
const THINGS: [&str; 10] =
    ["invoice", "order", "address", "parcel", "contract", "password", "booking", "voucher", "tariff", "payment"];

/// Says what to search for itself: an edge's message is not ours to choose.
fn search() -> String {
    let mut config =
        "\n      text: I would like to change my invoice from last week, please\n      intents:\n".to_owned();
    for act in ACTS {
        for thing in THINGS {
            let phrases = format!("{act} my {thing}, please {act} the {thing}, I want to {act} a {thing}");
            let _ = writeln!(config, "        {act}_{thing}: {{patterns: [{phrases}], target: said}}");
        }
    }
    then_said("fast2flow", config.trim_end(), "{{prev.intent}}")
}

/// So many nodes, one after the other, and a reply. Each is written as `node` says, `ID` and `NEXT` replaced.
pub fn chain(node: &str, nodes: usize) -> String {
    let mut flow = "name: main\nversion: 1.0.0\nnodes:\n".to_owned();
    for number in 0..nodes {
        let next = if number + 1 < nodes { format!("n{}", number + 1) } else { "done".to_owned() };
        let node = node.replace("ID", &format!("n{number}")).replace("NEXT", &next);
        let _ = writeln!(flow, "  - {node}");
    }
    flow + "  - {id: done, type: reply, config: {message: done}}\ntriggers:\n  - {type: default, target: n0}\n"
}

/// A flow in the list dialect of templates, states, branches and replies by turns.
pub fn list(nodes: usize) -> String {
    let mut flow = "name: main\nversion: 1.0.0\nnodes:\n".to_owned();
    let last = nodes.saturating_sub(1);
    for number in 0..nodes {
        let next = number + 1;
        let does = match number % 4 {
            0 => format!("type: template\n    config: {{template: \"{TEMPLATE}\"}}\n    output: words{number}"),
            1 => "type: state\n    config: {action: set, key: last, value: \"{{message}}\"}".to_owned(),
            2 => {
                format!("type: branch\n    config:\n      conditions: [{{expression: '{EXPRESSION}', next: n{last}}}]")
            }
            _ => format!("type: reply\n    config: {{message: \"{{{{words{}}}}}\"}}", number - 3),
        };
        let _ = writeln!(flow, "  - id: n{number}\n    {does}");
        if next < nodes {
            let _ = writeln!(flow, "    next: n{next}");
        }
    }
    flow + "triggers:\n  - {type: default, target: n0}\n"
}

/// The same in the map dialect, whose branches are arms of a routing.
pub fn map(nodes: usize) -> String {
    let mut flow = "id: main\ntype: messaging\nschema_version: 2\nstart: n0\nnodes:\n".to_owned();
    let last = nodes.saturating_sub(1);
    for number in 0..nodes {
        let next = number + 1;
        let does = match number % 4 {
            0 => format!("template: {{template: \"{TEMPLATE}\"}}\n    output: words{number}"),
            1 => "state.set: {key: last, value: \"{{message}}\"}".to_owned(),
            2 => format!("template: {{template: \"{TEMPLATE}\"}}"),
            _ => format!("emit.response: {{text: \"{{{{words{}}}}}\"}}", number - 3),
        };
        let _ = writeln!(flow, "  n{number}:\n    {does}\n    routing:");
        if number % 4 == 2 {
            let _ = writeln!(flow, "      - {{condition: '{EXPRESSION}', to: n{last}}}");
        }
        let to = if next < nodes { format!("{{to: n{next}}}") } else { "{out: true}".to_owned() };
        let _ = writeln!(flow, "      - {to}");
    }
    flow
}

/// One node of each kind, by the kind's name in [`kind`], but for its id and where it leads.
const KINDS: [(&str, &str); 19] = [
    ("reply", r#"type: reply, config: {message: "Hello {{user_id}}.", buttons: [{label: "Yes", action: "yes"}]}"#),
    ("template", r#"type: template, config: {template: "Hello {{user_id}}, you said {{message}}."}, output: words"#),
    ("branch", r#"type: branch, config: {conditions: [{expression: 'message contains "zebra"', next: last}]}"#),
    ("state", r#"type: state, config: {action: set, key: last, value: "{{message}}"}"#),
    ("wait", r#"type: wait, config: {prompt: "Which one?", timeout: 60000, on_timeout: last}"#),
    ("component", r#"type: component.exec, config: {component: tool, operation: look, input: {word: "{{message}}"}}"#),
    ("script", r#"type: script, config: {script: "1 + 1"}"#),
    (
        "http",
        r#"type: http, config: {method: POST, url: "https://api.example/{{user_id}}", headers: {accept: application/json}, body: {text: "{{message}}"}}"#,
    ),
    (
        "llm",
        r#"type: llm, config: {model: small, base_url: "https://llm.example/v1", system_prompt: Be kind., prompt: "{{message}}", temperature: 0.5}"#,
    ),
    ("event", r#"type: event, config: {event_type: order.shipped, payload: {by: "{{user_id}}"}}"#),
    (
        "card",
        r#"type: adaptive-card, config: {card_json: {type: AdaptiveCard, version: "1.5", body: [{type: TextBlock, text: "Hi {{name}}"}]}, data: {name: "{{user_id}}"}}"#,
    ),
    (
        "search",
        r#"type: fast2flow, config: {intents: {orders: {patterns: [where is my order], target: last}, bills: {patterns: [my bill is wrong], target: last}}}"#,
    ),
    ("call", r#"type: flow2flow, config: {target_flow: other, input: {word: "{{message}}"}}"#),
    ("emit", r#"type: emit.response, config: {text: "Hello {{user_id}}."}"#),
    ("log", r#"type: log, config: {level: info, message: "Heard {{message}}"}"#),
    ("config", r#"type: config, config: {color: "{{message}}"}"#),
    ("error", r#"type: error, config: {code: not-today, message: "Not {{message}}"}"#),
    (
        "questions",
        r#"type: questions, config: {questions: [{id: age, prompt: "How old are you?", answer_type: integer, min: 1, max: 120}]}"#,
    ),
    ("variable", r#"type: var.set, config: {name: greeting, value: "{{message}}"}"#),
];

/// Components and flows that [`kinds`] names.
pub const COMPONENTS: &[&str] = &["tool"];
pub const FLOWS: &[&str] = &["main", "other"];

/// One node of each kind, and the names of the kinds in their order.
pub fn kinds() -> (String, Vec<&'static str>) {
    let mut flow = "name: main\nversion: 1.0.0\nnodes:\n".to_owned();
    for (name, node) in KINDS {
        // What fails leads nowhere by itself.
        let way = if name == "error" { "on_error" } else { "next" };
        let _ = writeln!(flow, "  - {{id: a_{name}, {node}, {way}: last}}");
    }
    flow += "  - {id: last, type: reply, config: {message: done}}\ntriggers:\n  - {type: default, target: a_reply}\n";
    (flow, KINDS.map(|(name, _)| name).to_vec())
}

/// Exhaustive, so that a kind that comes new is noticed here and gets its row in [`KINDS`].
pub fn kind(kind: &NodeKind<'_>) -> &'static str {
    match kind {
        NodeKind::Reply(_) => "reply",
        NodeKind::Template { .. } => "template",
        NodeKind::Branch => "branch",
        NodeKind::State { .. } => "state",
        NodeKind::Wait { .. } => "wait",
        NodeKind::Component { .. } => "component",
        NodeKind::Script { .. } => "script",
        NodeKind::Http(_) => "http",
        NodeKind::Llm(_) => "llm",
        NodeKind::Event { .. } => "event",
        NodeKind::Card { .. } => "card",
        NodeKind::Search { .. } => "search",
        NodeKind::Call { .. } => "call",
        NodeKind::Emit { .. } => "emit",
        NodeKind::Log { .. } => "log",
        NodeKind::Config { .. } => "config",
        NodeKind::Error { .. } => "error",
        NodeKind::Questions(_) => "questions",
        NodeKind::Variable { .. } => "variable",
    }
}
