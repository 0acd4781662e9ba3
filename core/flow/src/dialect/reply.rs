//! What a `reply` says, and what a `wait` asks: one set of keys for both.

use super::Loader;
use super::fields::Fields;
use crate::finding::Finding;
use crate::ir::{Attachment, Button, Reply};
use crate::template;
use crate::yaml::{Content, Entry, Node};
use greentic_types::nearest;

const KEYS: [&str; 5] = ["message", "buttons", "attachments", "suggested_actions", "typing"];

const BUTTON_KEYS: [&str; 4] = ["label", "action", "callback_data", "url"];

/// Any other key is a platform's own member and passed on, so a typo in one of ours would go unnoticed: a key that is
/// nearly one of ours is refused.
pub fn reply(config: &Fields<'_>, loader: &mut Loader<'_>) -> Option<Reply<'static>> {
    let platform: Vec<&Entry> = config.entries().filter(|entry| !KEYS.contains(&entry.key.as_str())).collect();
    let mut good = true;
    for entry in &platform {
        if let Some(near) = nearest(&entry.key, KEYS) {
            let finding = Finding::error("unknown-key", entry.at, format!("a reply has no key `{}`", entry.key));
            loader.findings.push(finding.hint(format!("did you mean `{near}`?")));
            good = false;
        }
    }
    let message = config.get("message");
    let typing = loader.flag(config.get("typing"), "`typing`");
    let mut reply = Reply { typing, ..Reply::default() };
    if let Some(message) = message {
        reply.message = loader.template(message, "a message");
        good &= reply.message.is_some();
    }
    if let Some(buttons) = config.get("buttons") {
        good &= rows(buttons, &mut reply, loader).is_some();
    }
    if let Some(actions) = config.get("suggested_actions") {
        good &= suggestions(actions, &mut reply, loader).is_some();
    }
    if let Some(attachments) = config.get("attachments") {
        let items = loader.list(attachments, "`attachments`");
        let attachments: Vec<_> = items.iter().filter_map(|item| attachment(item, loader)).collect();
        good &= attachments.len() == items.len();
        reply.attachments = attachments;
    }
    if !platform.is_empty() {
        reply.passthrough = loader.shape_of(platform.iter().map(|entry| (entry.key.as_str(), &entry.value)));
        good &= reply.passthrough.is_some();
    }
    if good && reply == Reply::default() {
        loader.error_with_hint("missing-key", config.at, "this reply says nothing", "give it a `message`");
        return None;
    }
    good.then_some(reply)
}

/// A text in place of a whole reply.
pub fn prompt(node: &Node, loader: &mut Loader<'_>) -> Option<Reply<'static>> {
    if matches!(node.content, Content::Map(_)) {
        let fields = loader.open_fields(node, "a prompt")?;
        return reply(&fields, loader);
    }
    Some(Reply { message: Some(loader.template(node, "a prompt")?), ..Reply::default() })
}

/// Buttons written side by side share a row; an item with `row` is a row of its own.
fn rows(node: &Node, reply: &mut Reply<'static>, loader: &mut Loader<'_>) -> Option<()> {
    let mut open = Vec::new();
    let mut good = true;
    for item in loader.list(node, "`buttons`") {
        if super::entry(item, "row").is_none() {
            match button(item, loader) {
                Some(button) => open.push(button),
                None => good = false,
            }
            continue;
        }
        if !open.is_empty() {
            reply.buttons.push(std::mem::take(&mut open));
        }
        let Some(row) = loader.fields(item, "a row of buttons", &["row"]).and_then(|fields| fields.get("row")) else {
            good = false;
            continue;
        };
        let items = loader.list(row, "`row`");
        let row: Vec<_> = items.iter().filter_map(|item| button(item, loader)).collect();
        good &= !row.is_empty() && row.len() == items.len();
        reply.buttons.push(row);
    }
    if !open.is_empty() {
        reply.buttons.push(open);
    }
    good.then_some(())
}

fn button(item: &Node, loader: &mut Loader<'_>) -> Option<Button<'static>> {
    let fields = loader.fields(item, "a button", &BUTTON_KEYS)?;
    let label = loader.required(&fields, "label").and_then(|label| loader.template(label, "a label"));
    let given: Vec<(&str, &Node)> =
        ["action", "callback_data", "url"].into_iter().filter_map(|key| Some((key, fields.get(key)?))).collect();
    let [(key, node)] = given.as_slice() else {
        let message = "a button has one of `action`, `callback_data` and `url`";
        loader.error_with_hint(
            "missing-key",
            fields.at,
            message,
            "`action` comes back as `callback_data`; `url` opens",
        );
        return None;
    };
    let program = loader.template(node, "what a button does")?;
    let (value, url) = if *key == "url" { (None, Some(program)) } else { (Some(program), None) };
    Some(Button { label: label?, value, url })
}

/// Suggestions are a last row of buttons: every channel can show those. A bare text is its own value.
fn suggestions(node: &Node, reply: &mut Reply<'static>, loader: &mut Loader<'_>) -> Option<()> {
    let items = loader.list(node, "`suggested_actions`");
    let row: Vec<_> = items
        .iter()
        .filter_map(|item| match item.content {
            Content::Map(_) => button(item, loader),
            Content::Scalar(_) | Content::List(_) => {
                let label = loader.template(item, "a suggested action")?;
                Some(Button { value: Some(label.clone()), label, url: None })
            }
        })
        .collect();
    let good = !row.is_empty() && row.len() == items.len();
    reply.buttons.push(row);
    if items.is_empty() {
        loader.error("shape", node.at, "`suggested_actions` has at least one action");
    }
    good.then_some(())
}

/// A kind of its own is not needed to send a file.
fn attachment(item: &Node, loader: &mut Loader<'_>) -> Option<Attachment<'static>> {
    let fields = loader.fields(item, "an attachment", &["type", "url", "name"])?;
    let kind = match fields.get("type") {
        Some(kind) => loader.template(kind, "an attachment's type"),
        None => template::template("file").ok().map(|template| template.program),
    };
    let url = loader.required(&fields, "url").and_then(|url| loader.template(url, "an attachment's url"));
    let wanted = fields.get("name");
    let name = loader.optional_template(wanted, "an attachment's name");
    if wanted.is_some() && name.is_none() {
        return None;
    }
    Some(Attachment { kind: kind?, url: url?, name })
}
