//! `mcp-tool`, `mcp` and `mcp.exec`: tools of MCP components. A tool is an operation of its component.

use super::component::{check, made, reference};
use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};

pub static TABLE: Table = Table {
    what: "the config of an `mcp-tool`",
    keys: &[
        key("tool", Kind::Text, "The tool, as `component.tool`.").required(),
        key("parameters", Kind::Data, "Its arguments.").or(&["arguments"]),
    ],
    rest: Rest::Refused,
};

pub static SERVER: Table = Table {
    what: "an `mcp`",
    keys: &[
        key("server", Kind::Text, "The component that has the tool.").required(),
        key("tool", Kind::Text, "The tool's name.").required(),
        key("arguments", Kind::Data, "Its arguments.").or(&["parameters"]),
        key("output", Kind::Name, "The name under which the result is kept."),
    ],
    rest: Rest::Refused,
};

pub static EXEC: Table = Table {
    what: "an `mcp.exec`",
    keys: &[
        key("component", Kind::Text, "The component.").required(),
        key("action", Kind::Text, "The action's name.").required(),
        key("args", Kind::Data, "Its arguments.").or(&["arguments"]),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let node = given.config.get("tool")?;
    let name = loader.scalar(node, "`tool`")?.text.as_str();
    let input = given.in_map.or_else(|| given.config.get("parameters"));
    let input = input.and_then(|node| loader.shape(node));
    let (component, tool) = reference(name, node, loader)?;
    made(&component, &tool, input, loader)
}

pub fn load_server(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let output = given.config.get("output").and_then(|node| loader.output_name(node));
    let made = named(given, ["server", "tool", "arguments"], loader)?;
    Some(Made { output, ..made })
}

pub fn load_exec(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    named(given, ["component", "action", "args"], loader)
}

fn named(given: &Given<'_>, keys: [&'static str; 3], loader: &mut Loader<'_>) -> Option<Made> {
    let [component_key, tool_key, arguments_key] = keys;
    let config = &given.config;
    let tool = loader.text(config, tool_key);
    let input = given.in_map.or_else(|| config.get(arguments_key));
    let input = input.and_then(|node| loader.shape_with(node, BarePaths::Path));
    let component = loader.text(config, component_key)?;
    let at = config.get(component_key).map_or(config.at, |node| node.at);
    check(component, tool?, at, loader);
    made(component, tool?, input, loader)
}
