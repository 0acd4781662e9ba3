//! `fast2flow`: finds the intent that fits the words of the message, and goes to its target.

use super::call::known_flow;
use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::{Fields, short};
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::finding::{Findings, Position};
use crate::ir::{CallMode, NodeKind, SearchExit, SearchTarget};
use crate::search::{self, Intent};
use crate::yaml::{self, Content, Entry, Node};
use std::collections::BTreeSet;

const MAX_INTENTS: usize = 1_000;
const MAX_PATTERNS: usize = 500;

/// Before the name of a flow that is a target.
const FLOW: &str = "flow:";

static INTENT: Table = Table {
    what: "an intent",
    keys: &[
        key("patterns", Kind::List(&Kind::Text), "Phrases or words that mean it."),
        key("target", Kind::Text, "A node of the flow, or `flow:NAME`.").required().or(&["next", "to"]),
        key("title", Kind::Text, "What it is called; its words count double."),
        key("tags", Kind::List(&Kind::Text), "Further words."),
    ],
    rest: Rest::Refused,
};

pub static TABLE: Table = Table {
    what: "the config of a `fast2flow`",
    keys: &[
        key("intents", Kind::MapOf(&Kind::Table(&INTENT)), "By name. Of two that fit as well, the first."),
        key("config_file", Kind::Text, "The asset that has the intents, in place of `intents`."),
        key("threshold", Kind::Number(0.0, 1.0), "How much of a phrase has to be there; 0.5 when absent.")
            .or(&["confidence_threshold"]),
        key("text", Kind::Template, "What to search for; the message when absent."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let text = loader.template_at(config, "text");
    let threshold = match config.get("threshold") {
        Some(_) => loader.number(config, "threshold")? as f32,
        None => search::DEFAULT_THRESHOLD,
    };
    let asset;
    let intents = match (config.get("intents"), config.get("config_file")) {
        (Some(intents), None) => intents,
        (None, Some(file)) => {
            asset = from_asset(config, file, loader)?;
            asset.get("intents").unwrap_or(&asset)
        }
        (Some(_), Some(file)) => {
            loader.error("duplicate-key", file.at, "`intents` and `config_file` are two sets of intents");
            return None;
        }
        (None, None) => {
            loader.error("missing-key", config.at, "a `fast2flow` needs the key `intents` or `config_file`");
            return None;
        }
    };
    let Content::Map(entries) = &intents.content else {
        loader.shape_error(intents, "`intents` is a map");
        return None;
    };
    if entries.len() > MAX_INTENTS {
        loader.error("too-large", intents.at, format!("a `fast2flow` has at most {MAX_INTENTS} intents"));
        return None;
    }
    let loaded: Vec<Intent<'_>> = entries.iter().filter_map(|entry| intent(entry, loader)).collect();
    let complete = loaded.len() == entries.len();
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for (entry, intent) in entries.iter().zip(&loaded).filter(|_| complete) {
        if names.insert(intent.target) {
            let at = entry.value.get("target").map_or(entry.at, |node| node.at);
            targets.extend(target(intent.target, at, loader));
        }
    }
    loader.graph_complete &= targets.len() == names.len();
    let index = search::build(&loaded, threshold).into();
    complete.then(|| NodeKind::Search { index, targets, text }.into())
}

fn intent<'y>(entry: &'y Entry, loader: &mut Loader<'_>) -> Option<Intent<'y>> {
    let fields = loader.fields(&entry.value, &INTENT)?;
    let texts = |key: &'static str, loader: &mut Loader<'_>| -> Vec<&'y str> {
        let Some(node) = fields.get(key) else { return Vec::new() };
        let items = loader.filled_list(node, &format!("`{key}`"), MAX_PATTERNS);
        items.iter().filter_map(|item| loader.scalar(item, "a phrase").map(|scalar| scalar.text.as_str())).collect()
    };
    let patterns = texts("patterns", loader);
    let tags = texts("tags", loader);
    let title = loader.text(&fields, "title");
    if patterns.is_empty() && tags.is_empty() && title.is_none() {
        loader.error("missing-key", fields.at, "an intent needs `patterns`, `tags` or a `title` to be found by");
    }
    let target = loader.text(&fields, "target")?;
    Some(Intent { name: &entry.key, target, title, tags, patterns })
}

fn target(name: &str, at: Position, loader: &mut Loader<'_>) -> Option<SearchTarget<'static>> {
    if let Some(flow) = name.strip_prefix(FLOW) {
        let node = Node { at, ..Node::text(flow) };
        loader.flow_name(&node)?;
        known_flow(flow, at, CallMode::Goto, loader);
        return Some(SearchTarget { name: name.into(), goes_to: SearchExit::Flow(flow.into()) });
    }
    let index = loader.target(&Node { at, ..Node::text(name) })?;
    Some(SearchTarget { name: name.into(), goes_to: SearchExit::Node(index) })
}

/// Intents of a file, in YAML or JSON. Whatever is wrong in it is told at the key that names it.
fn from_asset(config: &Fields<'_>, file: &Node, loader: &mut Loader<'_>) -> Option<Node> {
    let name = loader.text(config, "config_file")?.to_owned();
    let text = loader.asset(file, &[name.clone(), format!("assets/{name}")])?;
    let mut findings = Findings::default();
    let Some(mut root) = yaml::load(&text, &mut findings) else {
        let first = findings.into_sorted().into_iter().next();
        let detail = first.map_or_else(String::new, |first| format!(", line {}: {}", first.line, first.message));
        loader.error("shape", file.at, format!("{}{detail}", short(&name)));
        return None;
    };
    relocate(&mut root, file.at);
    Some(root)
}

/// Recursion is bounded by the depth of the tree, see `yaml::load`.
fn relocate(node: &mut Node, at: Position) {
    node.at = at;
    match &mut node.content {
        Content::Scalar(scalar) => scalar.raw.clear(),
        Content::List(items) => items.iter_mut().for_each(|item| relocate(item, at)),
        Content::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.at = at;
            relocate(&mut entry.value, at);
        }),
    }
}
