//! `http`: a request to the outside.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::short;
use crate::dialect::programs::SECRET;
use crate::dialect::table::{Kind, MILLISECONDS, Rest, Table, key};
use crate::ir::{Header, HeaderText, Http, NodeKind, Program};
use crate::template;
use crate::yaml::{Content, Entry};

const MAX_HEADERS: usize = 50;

pub static TABLE: Table = Table {
    what: "the config of an `http`",
    keys: &[
        key("method", Kind::Template, "`GET` when absent, `POST` when there is a body."),
        key("url", Kind::Template, "An absolute address.").required(),
        key("query", Kind::Map, "Added to the address, encoded."),
        key(
            "headers",
            Kind::MapOf(&Kind::Template),
            "By name. `secret://NAME`, also behind a prefix such as `Bearer `, stands for a secret.",
        ),
        key("body", Kind::Data, "Text as it is, anything else as JSON."),
        key("timeout", MILLISECONDS, "Milliseconds."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let body = loader.shape_at(config, "body");
    let method = match config.get("method") {
        Some(node) => loader.template(node, "`method`"),
        None => plain(if config.has("body") { "POST" } else { "GET" }),
    };
    let url = loader.template_at(config, "url");
    let query = loader.map_at(config, "query");
    let timeout_ms = loader.whole(config, "timeout");
    let mut headers = Vec::new();
    if let Some(node) = config.get("headers") {
        match &node.content {
            Content::Map(entries) if entries.len() <= MAX_HEADERS => {
                headers.extend(entries.iter().filter_map(|entry| header(entry, loader)));
            }
            Content::Map(_) => {
                loader.error("too-large", node.at, format!("a request has at most {MAX_HEADERS} headers"));
            }
            Content::Scalar(_) | Content::List(_) => loader.shape_error(node, "`headers` is a map"),
        }
    }
    let http = Http { method: method?, url: url?, query, headers, body };
    Some(Made { timeout_ms, ..NodeKind::Http(Box::new(http)).into() })
}

fn plain(text: &str) -> Option<Program<'static>> {
    template::template(text).ok().map(|template| template.program)
}

fn header(entry: &Entry, loader: &mut Loader<'_>) -> Option<Header<'static>> {
    // A token of RFC 9110.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if entry.key.is_empty() || !entry.key.chars().all(token) {
        loader.error("bad-id", entry.at, format!("`{}` can't be the name of a header", short(&entry.key)));
        return None;
    }
    let scalar = loader.scalar(&entry.value, "a header")?;
    let value = match scalar.text.split_once(SECRET) {
        None => HeaderText::Template(loader.template(&entry.value, "a header")?),
        Some((prefix, name)) if is_secret(name) && !prefix.contains("{{") => {
            HeaderText::Secret { prefix: prefix.into(), name: name.into() }
        }
        Some(_) => {
            let hint = "write `secret://NAME` or `Bearer secret://NAME`, with no template in it";
            loader.error_with_hint("bad-value", entry.value.at, "this names no secret", hint);
            return None;
        }
    };
    Some(Header { name: entry.key.as_str().into(), value })
}

pub fn is_secret(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    plain && !name.is_empty() && name.len() <= 128
}
