//! The node types. One table for both dialects: what is `type` and `config` in a list is operation key and payload in a
//! map. A new type is a file here, a row in [`TYPES`], a variant in `ir`, and a file in `engine::kinds`.

mod branch;
mod call;
mod card;
pub mod component;
pub mod emit;
mod event;
mod http;
mod llm;
mod mcp;
mod questions;
mod reply;
mod script;
mod search;
mod settings;
mod state;
mod template;
mod variable;
mod wait;

pub use branch::MAX_ARMS as BRANCH_ARMS;

use super::Loader;
use super::fields::Fields;
use super::table::Table;
use crate::finding::Position;
use crate::ir::{Arm, NodeKind, Text};
use crate::yaml;
use std::borrow::Cow;

/// What a type's loader is given.
pub struct Given<'y> {
    pub config: Fields<'y>,
    /// `operation` beside the payload, in the map dialect.
    pub operation: Option<&'y yaml::Node>,
    /// `in_map` beside the payload: what takes the place of a component's input.
    pub in_map: Option<&'y yaml::Node>,
}

impl Given<'_> {
    pub fn at(&self) -> Position {
        self.config.at
    }
}

/// What a type's loader makes.
pub struct Made {
    pub kind: NodeKind<'static>,
    /// Ways on that the type itself has, before those of the node.
    pub arms: Vec<Arm<'static>>,
    /// Name of the result, where the type's own keys give one.
    pub output: Option<Text<'static>>,
    pub timeout_ms: Option<u32>,
    /// The result is said where the flow ends behind it.
    pub said_at_end: bool,
    /// Whether `in_map` was read.
    pub maps_input: bool,
}

impl From<NodeKind<'static>> for Made {
    fn from(kind: NodeKind<'static>) -> Self {
        Made { kind, arms: Vec::new(), output: None, timeout_ms: None, said_at_end: false, maps_input: false }
    }
}

pub struct NodeType {
    pub name: &'static str,
    pub about: &'static str,
    pub table: &'static Table,
    /// The key that a bare text in place of the map stands for.
    pub bare: Option<&'static str>,
    pub load: fn(&Given<'_>, &mut Loader<'_>) -> Option<Made>,
}

/// Every type that is not a component.
pub static TYPES: &[NodeType] = &[
    NodeType {
        name: "reply",
        about: "Says something to the user.",
        table: &reply::TABLE,
        bare: Some("message"),
        load: reply::load,
    },
    NodeType {
        name: "template",
        about: "Makes a text from a Handlebars template.",
        table: &template::TABLE,
        bare: Some("template"),
        load: template::load,
    },
    NodeType {
        name: "templating.handlebars",
        about: "Makes a text from a Handlebars template, and says it where the flow ends behind it.",
        table: &template::HANDLEBARS,
        bare: Some("text"),
        load: template::load_handlebars,
    },
    NodeType {
        name: "script",
        about: "Runs a Rhai script; the last expression is its result.",
        table: &script::TABLE,
        bare: Some("script"),
        load: script::load,
    },
    NodeType {
        name: "branch",
        about: "Goes on where the first condition that holds leads.",
        table: &branch::TABLE,
        bare: None,
        load: branch::load,
    },
    NodeType {
        name: "state",
        about: "Gets, sets or deletes a value of the user's session.",
        table: &state::TABLE,
        bare: None,
        load: state::load,
    },
    NodeType {
        name: "state.get",
        about: "Gets a value of the user's session.",
        table: &state::GET,
        bare: None,
        load: state::load_get,
    },
    NodeType {
        name: "state.set",
        about: "Sets a value of the user's session.",
        table: &state::SET,
        bare: None,
        load: state::load_set,
    },
    NodeType {
        name: "var.set",
        about: "Sets a variable of the flow.",
        table: &variable::TABLE,
        bare: None,
        load: variable::load,
    },
    NodeType {
        name: "http",
        about: "Makes an HTTP request to a host that the operator allows.",
        table: &http::TABLE,
        bare: None,
        load: http::load,
    },
    NodeType {
        name: "llm",
        about: "Asks a language model, by the OpenAI-compatible interface.",
        table: &llm::TABLE,
        bare: None,
        load: llm::load,
    },
    NodeType { name: "event", about: "Publishes an event.", table: &event::TABLE, bare: None, load: event::load },
    NodeType {
        name: "adaptive-card",
        about: "Shows an Adaptive Card.",
        table: &card::TABLE,
        bare: None,
        load: card::load,
    },
    NodeType {
        name: "fast2flow",
        about: "Finds what the user wants by the words of the message, and goes there.",
        table: &search::TABLE,
        bare: None,
        load: search::load,
    },
    NodeType { name: "flow2flow", about: "Runs another flow.", table: &call::TABLE, bare: None, load: call::load },
    NodeType {
        name: "flow.call",
        about: "Runs another flow and goes on with its result.",
        table: &call::CALL,
        bare: Some("flow"),
        load: call::load_call,
    },
    NodeType {
        name: "flow.goto",
        about: "Goes over to another flow for good.",
        table: &call::GOTO,
        bare: Some("flow"),
        load: call::load_goto,
    },
    NodeType {
        name: "mcp-tool",
        about: "Calls a tool of an MCP component.",
        table: &mcp::TABLE,
        bare: None,
        load: mcp::load,
    },
    NodeType {
        name: "mcp",
        about: "Calls a tool of an MCP component.",
        table: &mcp::SERVER,
        bare: None,
        load: mcp::load_server,
    },
    NodeType {
        name: "mcp.exec",
        about: "Calls an action of an MCP component.",
        table: &mcp::EXEC,
        bare: None,
        load: mcp::load_exec,
    },
    NodeType {
        name: "component.exec",
        about: "Calls a component of the pack.",
        table: &component::EXEC,
        bare: None,
        load: component::load_exec,
    },
    NodeType {
        name: "provider.invoke",
        about: "Calls an operation of a provider that is a component of the pack.",
        table: &component::PROVIDER,
        bare: None,
        load: component::load_provider,
    },
    NodeType {
        name: "wait",
        about: "Stops until the user's next message.",
        table: &wait::TABLE,
        bare: Some("prompt"),
        load: wait::load,
    },
    NodeType {
        name: "session.wait",
        about: "Stops until the user's next message.",
        table: &wait::TABLE,
        bare: Some("reason"),
        load: wait::load,
    },
    NodeType {
        name: "questions",
        about: "Asks one question after another; the result is a map of the answers.",
        table: &questions::TABLE,
        bare: None,
        load: questions::load,
    },
    NodeType {
        name: "qa.process",
        about: "Asks one question after another; the result is a map of the answers.",
        table: &questions::TABLE,
        bare: Some("welcome"),
        load: questions::load,
    },
    NodeType {
        name: "emit.response",
        about: "Says data: a text, a map with the members of a reply, or a list of them.",
        table: &emit::RESPONSE,
        bare: Some("text"),
        load: emit::load,
    },
    NodeType {
        name: "emit.log",
        about: "Writes a line for the operator.",
        table: &emit::LOG,
        bare: Some("message"),
        load: emit::load_log,
    },
    NodeType {
        name: "log",
        about: "Writes a line for the operator.",
        table: &emit::LOG,
        bare: Some("message"),
        load: emit::load_log,
    },
    NodeType {
        name: "config",
        about: "Lays settings over `config` for the rest of the turn.",
        table: &settings::CONFIG,
        bare: None,
        load: settings::load_config,
    },
    NodeType {
        name: "error",
        about: "Fails, in words of its own.",
        table: &settings::ERROR,
        bare: Some("message"),
        load: settings::load_error,
    },
];

impl NodeType {
    /// Whether nodes of the type call somebody, so that they can be timed and tried again.
    pub fn reaches_out(&self) -> bool {
        matches!(self.name, "http" | "llm" | "mcp-tool" | "mcp" | "mcp.exec" | "component.exec" | "provider.invoke")
    }
}

pub fn find(name: &str) -> Option<&'static NodeType> {
    TYPES.iter().find(|known| known.name == name)
}

pub fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|known| known.name)
}

/// What stands in place of a type's map may be a bare text, where the type says what that means.
pub fn as_map<'y>(node: &'y yaml::Node, known: &NodeType) -> Cow<'y, yaml::Node> {
    match (known.bare, &node.content) {
        (Some(key), yaml::Content::Scalar(_)) => {
            let entry = yaml::Entry { key: key.to_owned(), at: node.at, value: node.clone() };
            Cow::Owned(yaml::Node { at: node.at, content: yaml::Content::Map(vec![entry]) })
        }
        _ => Cow::Borrowed(node),
    }
}
