//! `adaptive-card`: a card, written in the flow or kept as an asset, checked and compiled at build.

use super::{Given, Made};
use crate::card;
use crate::dialect::Loader;
use crate::dialect::fields::short;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::finding::{Finding, Position};
use crate::ir::{NodeKind, Program};
use crate::yaml::{Content, Node};
use serde_json::Value as Json;

pub static TABLE: Table = Table {
    what: "the config of an `adaptive-card`",
    keys: &[
        key("card", Kind::Either(&[Kind::Text, Kind::LiteralMap]), "The asset that has the card, or the card itself."),
        key("card_json", Kind::Either(&[Kind::LiteralMap, Kind::Text]), "The card itself, as a map or as JSON."),
        key("data", Kind::Data, "What the card reads by bare names, before the flow's own data."),
        key("message", Kind::Template, "Said with the card, and by channels without cards.").or(&["text"]),
    ],
    rest: Rest::Refused,
};

/// A card, and where its parts are told to be.
struct Source<'y> {
    json: Json,
    /// The tree it was written as; a part is told at its own place.
    tree: Option<&'y Node>,
    at: Position,
}

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let data = loader.shape_at(config, "data");
    let text = loader.template_at(config, "message");
    let (node, source) = match (config.get("card"), config.get("card_json")) {
        (Some(node), None) if matches!(node.content, Content::Scalar(_)) => (node, from_asset(node, loader)),
        (Some(node), None) | (None, Some(node)) => (node, written(node, loader)),
        (Some(_), Some(node)) => {
            loader.error("duplicate-key", node.at, "`card` and `card_json` are two cards");
            return None;
        }
        (None, None) => {
            loader.error("missing-key", given.at(), "an `adaptive-card` needs the key `card` or `card_json`");
            return None;
        }
    };
    let card = match source {
        Some(source) => compile(&source, loader)?,
        // Without the pack an asset is not known; what was compiled does not run then.
        None if loader.context.assets.is_none() && matches!(node.content, Content::Scalar(_)) => Program::default(),
        None => return None,
    };
    Some(NodeKind::Card { card, data, text }.into())
}

fn from_asset<'y>(node: &'y Node, loader: &mut Loader<'_>) -> Option<Source<'y>> {
    let name = loader.scalar(node, "`card`")?.text.as_str();
    let names = [
        name.to_owned(),
        format!("{name}.json"),
        format!("cards/{name}"),
        format!("cards/{name}.json"),
        format!("assets/{name}"),
    ];
    let text = loader.asset(node, &names)?;
    json(&text, &format!("{}: ", short(name)), node.at, loader)
}

/// A map, or JSON as a text.
fn written<'y>(node: &'y Node, loader: &mut Loader<'_>) -> Option<Source<'y>> {
    match &node.content {
        Content::Scalar(_) => {
            let text = loader.scalar(node, "`card_json`")?.text.as_str();
            json(text, "", node.at, loader)
        }
        Content::List(_) | Content::Map(_) => {
            Some(Source { json: node.literal().to_json(), tree: Some(node), at: node.at })
        }
    }
}

fn json<'y>(text: &str, name: &str, at: Position, loader: &mut Loader<'_>) -> Option<Source<'y>> {
    match serde_json::from_str(text) {
        Ok(json) => Some(Source { json, tree: None, at }),
        Err(error) => {
            loader.error("bad-card", at, format!("{name}this is no JSON: {error}"));
            None
        }
    }
}

fn compile(source: &Source<'_>, loader: &mut Loader<'_>) -> Option<Program<'static>> {
    for problem in card::check(&source.json) {
        let (at, message) = source.place(&problem.pointer, &problem.message);
        let finding = match problem.is_error {
            true => Finding::error("bad-card", at, message),
            false => Finding::warning("unknown-element", at, message),
        };
        loader.findings.push(finding);
    }
    loader.reads.text(&source.json.to_string());
    match card::compile(&source.json) {
        Ok(compiled) => {
            loader.uses_config |= compiled.roots.contains("config");
            loader.texts.extend(compiled.texts);
            Some(compiled.program)
        }
        Err((pointer, error)) => {
            let (mut at, message) = source.place(&pointer, &error.message);
            if let Some(Node { at: start, content: Content::Scalar(scalar) }) = source.part(&pointer) {
                at = scalar.position(*start, error.offset);
            }
            loader.findings.push(Finding::error("bad-template", at, message).maybe_hint(error.hint));
            None
        }
    }
}

impl<'y> Source<'y> {
    /// Where a part stands. Of a card that is no tree of the flow, the part is named in the message.
    fn place(&self, pointer: &str, message: &str) -> (Position, String) {
        match self.tree {
            Some(_) => (self.part(pointer).map_or(self.at, |node| node.at), message.to_owned()),
            None if pointer.is_empty() => (self.at, message.to_owned()),
            None => (self.at, format!("{}: {message}", short(pointer))),
        }
    }

    /// The part that a JSON pointer names, or the nearest one around it.
    fn part(&self, pointer: &str) -> Option<&'y Node> {
        let mut node = self.tree?;
        for segment in pointer.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            let inner = match &node.content {
                Content::Map(entries) => entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value),
                Content::List(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
                Content::Scalar(_) => None,
            };
            match inner {
                Some(inner) => node = inner,
                None => break,
            }
        }
        Some(node)
    }
}
