//! `llm`: a chat completion.

use super::component::reference;
use super::{Given, Made, http};
use crate::dialect::Loader;
use crate::dialect::fields::{Fields, entry};
use crate::dialect::programs::SECRET;
use crate::dialect::table::{Kind, MILLISECONDS, Rest, Table, key};
use crate::ir::{Llm, NodeKind, Text, Tool};
use crate::yaml::{Content, Node};
use greentic_types::Value;

const MAX_MESSAGES: usize = 200;
const MAX_TOOLS: usize = 64;

static MESSAGE: Table = Table {
    what: "a message of a prompt",
    keys: &[
        key("role", Kind::Text, "`system`, `user`, `assistant` or `tool`.").required(),
        key("content", Kind::Data, "The text.").required(),
    ],
    rest: Rest::Any,
};

static TOOL: Table = Table {
    what: "a tool",
    keys: &[
        key("name", Kind::Name, "By which the model calls it.").required(),
        key("description", Kind::Text, "What it is good for."),
        key("parameters", Kind::LiteralMap, "JSON Schema of its arguments."),
        key("component", Kind::Text, "The component that is called, as `id` or `id.operation`."),
    ],
    rest: Rest::Refused,
};

/// A tool as the interface itself writes it.
static FUNCTION: Table = Table {
    what: "a tool",
    keys: &[
        key("type", Kind::OneOf(&["function"]), "`function`.").required(),
        key("function", Kind::Table(&TOOL), "The tool.").required(),
    ],
    rest: Rest::Refused,
};

pub static TABLE: Table = Table {
    what: "the config of an `llm`",
    keys: &[
        key("model", Kind::Template, "The model's name.").required(),
        key("prompt", Kind::Template, "What the user says."),
        key("system_prompt", Kind::Template, "What the model is told beforehand."),
        key(
            "messages",
            Kind::Either(&[Kind::List(&Kind::Table(&MESSAGE)), Kind::Template]),
            "Messages before `prompt`, each with `role` and `content`; a template may give the list.",
        ),
        key("temperature", Kind::Number(0.0, 2.0), "0 is the most predictable."),
        key("max_tokens", Kind::Whole(1, 1_000_000), "The longest answer."),
        key("output_format", Kind::OneOf(&["text", "json"]), "`json`: the answer is read as JSON."),
        key(
            "tools",
            Kind::List(&Kind::Either(&[Kind::Table(&TOOL), Kind::Table(&FUNCTION)])),
            "What the model may call.",
        ),
        key(
            "functions",
            Kind::List(&Kind::Either(&[Kind::Table(&TOOL), Kind::Table(&FUNCTION)])),
            "The same as `tools`.",
        ),
        key("max_turns", Kind::Whole(1, 20), "Rounds of tools before the model has to answer."),
        key("retry_count", Kind::Whole(0, 10), "Further requests after one that was refused for a while."),
        key("timeout", MILLISECONDS, "Milliseconds for one request."),
        key("base_url", Kind::Template, "The service; `config.llm.base_url` when absent."),
        key("api_key", Kind::Text, "`secret://NAME`; `secret://llm_api_key` when absent."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    if !config.has("prompt") && !config.has("messages") {
        loader.error("missing-key", given.at(), "an `llm` needs the key `prompt` or `messages`");
    }
    // The service's address comes from there.
    loader.uses_config |= !config.has("base_url");
    let api_key = config.get("api_key").and_then(|node| api_key(node, loader));
    let llm = Llm {
        model: loader.template_at(config, "model").unwrap_or_default(),
        prompt: loader.template_at(config, "prompt"),
        system_prompt: loader.template_at(config, "system_prompt"),
        messages: config.get("messages").and_then(|node| messages(node, loader)),
        temperature: loader.number(config, "temperature"),
        max_tokens: loader.whole(config, "max_tokens"),
        json: loader.word(config, "output_format") == Some("json"),
        tools: tools(config, loader),
        max_turns: loader.whole(config, "max_turns"),
        retry_count: loader.whole(config, "retry_count"),
        base_url: loader.template_at(config, "base_url"),
        api_key,
    };
    let timeout_ms = loader.whole(config, "timeout");
    Some(Made { timeout_ms, ..NodeKind::Llm(Box::new(llm)).into() })
}

fn messages(node: &Node, loader: &mut Loader<'_>) -> Option<crate::ir::Program<'static>> {
    // A template that gives the whole list is known only at run.
    if !matches!(node.content, Content::Scalar(_)) {
        for item in loader.filled_list(node, "`messages`", MAX_MESSAGES) {
            loader.fields(item, &MESSAGE);
        }
    }
    loader.shape(node)
}

fn api_key(node: &Node, loader: &mut Loader<'_>) -> Option<Text<'static>> {
    let scalar = loader.scalar(node, "`api_key`")?;
    let name = scalar.text.strip_prefix(SECRET).filter(|name| http::is_secret(name));
    if name.is_none() {
        let hint = "write `secret://NAME`, and put the key itself where the bundle keeps its secrets";
        loader.error_with_hint("bad-value", node.at, "`api_key` names a secret", hint);
    }
    name.map(Text::from)
}

fn tools(config: &Fields<'_>, loader: &mut Loader<'_>) -> Option<Vec<Tool<'static>>> {
    let node = match (config.get("tools"), config.get("functions")) {
        (Some(_), Some(second)) => {
            loader.error("duplicate-key", second.at, "`functions` means the same as `tools`, which stands here too");
            return None;
        }
        (first, second) => first.or(second)?,
    };
    let items = loader.filled_list(node, "`tools`", MAX_TOOLS);
    Some(items.iter().filter_map(|item| tool(item, loader)).collect())
}

fn tool(item: &Node, loader: &mut Loader<'_>) -> Option<Tool<'static>> {
    if entry(item, "function").is_some() {
        let fields = loader.fields(item, &FUNCTION)?;
        loader.word(&fields, "type");
        return tool(fields.get("function")?, loader);
    }
    let fields = loader.fields(item, &TOOL)?;
    let name = loader.name(fields.get("name")?, "a tool's name");
    let description = loader.text(&fields, "description").unwrap_or_default();
    let parameters = match fields.get("parameters") {
        Some(node) => Value::Map(loader.literal_map(node, "`parameters`")).to_json(),
        None => serde_json::json!({ "type": "object", "properties": {} }),
    };
    let called = fields.get("component").and_then(|node| {
        let scalar = loader.scalar(node, "`component`")?;
        reference(&scalar.text, node, loader)
    });
    let (component, operation) = called.unzip();
    Some(Tool {
        name: name?.into(),
        description: description.into(),
        parameters: parameters.to_string().as_str().into(),
        component: component.as_deref().map(Text::from),
        operation: operation.as_deref().map(Text::from),
    })
}
