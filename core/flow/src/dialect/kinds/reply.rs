//! What a `reply` says, and what a `wait` asks: one set of keys for both.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::{Fields, entry};
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{Attachment, Button, NodeKind, Reply};
use crate::template;
use crate::yaml::{Content, Entry, Node};

/// Rows and buttons of one reply. More than any platform shows.
const MAX_BUTTONS: usize = 100;

static BUTTON: Table = Table {
    what: "a button",
    keys: &[
        key("label", Kind::Template, "What stands on it.").required().or(&["title"]),
        key("action", Kind::Template, "What comes back as `callback_data` when it is pressed.").or(&["value"]),
        key("callback_data", Kind::Template, "The same as `action`, as Telegram calls it."),
        key("url", Kind::Template, "The address it opens, in place of `action`."),
    ],
    rest: Rest::Refused,
};

static ROW: Table = Table {
    what: "a row of buttons",
    keys: &[key("row", Kind::List(&Kind::Table(&BUTTON)), "Buttons side by side.").required()],
    rest: Rest::Refused,
};

static ATTACHMENT: Table = Table {
    what: "an attachment",
    keys: &[
        key("type", Kind::Template, "`image`, `file`, `audio`, `video`, or a media type. `file` when absent.")
            .or(&["contentType"]),
        key("url", Kind::Template, "Where the platform fetches it.").required().or(&["contentUrl"]),
        key("name", Kind::Template, "The file's name.").or(&["filename"]),
    ],
    rest: Rest::Refused,
};

pub static TABLE: Table = Table {
    what: "a reply",
    keys: &[
        key("message", Kind::Template, "The text."),
        key(
            "buttons",
            Kind::List(&Kind::Either(&[Kind::Table(&BUTTON), Kind::Table(&ROW)])),
            "Buttons below the text, side by side or in rows.",
        ),
        key("attachments", Kind::List(&Kind::Table(&ATTACHMENT)), "Files that go with it."),
        key(
            "suggested_actions",
            Kind::List(&Kind::Either(&[Kind::Template, Kind::Table(&BUTTON)])),
            "Suggestions for the user's answer: a last row of buttons.",
        ),
        key("typing", Kind::Flag, "Shows the user that an answer is being written."),
    ],
    rest: Rest::Data,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    Some(NodeKind::Reply(reply(&given.config, loader)?).into())
}

pub fn reply(config: &Fields<'_>, loader: &mut Loader<'_>) -> Option<Reply<'static>> {
    let mut reply = Reply {
        message: loader.template_at(config, "message"),
        typing: loader.flag(config, "typing").unwrap_or_default(),
        ..Reply::default()
    };
    if let Some(buttons) = config.get("buttons") {
        rows(buttons, &mut reply, loader);
    }
    if let Some(actions) = config.get("suggested_actions") {
        suggestions(actions, &mut reply, loader);
    }
    if let Some(attachments) = config.get("attachments") {
        let items = loader.filled_list(attachments, "`attachments`", MAX_BUTTONS);
        reply.attachments = items.iter().filter_map(|item| attachment(item, loader)).collect();
    }
    let platform: Vec<&Entry> = config.rest();
    if !platform.is_empty() {
        let members = platform.iter().map(|entry| (entry.key.as_str(), &entry.value));
        reply.passthrough = loader.shape_of(members, BarePaths::Text);
    }
    if TABLE.names().all(|key| !config.has(key)) && platform.is_empty() {
        loader.error_with_hint("missing-key", config.at, "this reply says nothing", "give it a `message`");
        return None;
    }
    Some(reply)
}

/// A text in place of a whole reply.
pub fn prompt(node: &Node, loader: &mut Loader<'_>) -> Option<Reply<'static>> {
    if matches!(node.content, Content::Map(_)) {
        let fields = loader.fields(node, &TABLE)?;
        return reply(&fields, loader);
    }
    Some(Reply { message: Some(loader.template(node, "a prompt")?), ..Reply::default() })
}

/// Buttons written side by side share a row; an item with `row` is a row of its own.
fn rows(node: &Node, reply: &mut Reply<'static>, loader: &mut Loader<'_>) {
    let mut open = Vec::new();
    for item in loader.filled_list(node, "`buttons`", MAX_BUTTONS) {
        if entry(item, "row").is_none() {
            open.extend(button(item, loader));
            continue;
        }
        if !open.is_empty() {
            reply.buttons.push(std::mem::take(&mut open));
        }
        let Some(row) = loader.fields(item, &ROW).and_then(|fields| fields.get("row")) else { continue };
        let items = loader.filled_list(row, "`row`", MAX_BUTTONS);
        reply.buttons.push(items.iter().filter_map(|item| button(item, loader)).collect());
    }
    if !open.is_empty() {
        reply.buttons.push(open);
    }
}

fn button(item: &Node, loader: &mut Loader<'_>) -> Option<Button<'static>> {
    let fields = loader.fields(item, &BUTTON)?;
    let label = loader.template_at(&fields, "label");
    let mut given = ["action", "callback_data", "url"].into_iter().filter(|key| fields.has(key));
    let (Some(key), None) = (given.next(), given.next()) else {
        let message = "a button has one of `action`, `callback_data` and `url`";
        let hint = "`action` comes back as `callback_data`; `url` opens";
        loader.error_with_hint("missing-key", fields.at, message, hint);
        return None;
    };
    let program = loader.template_at(&fields, key)?;
    let (value, url) = if key == "url" { (None, Some(program)) } else { (Some(program), None) };
    Some(Button { label: label?, value, url })
}

/// Suggestions are a last row of buttons: every channel can show those. A bare text is its own value.
fn suggestions(node: &Node, reply: &mut Reply<'static>, loader: &mut Loader<'_>) {
    let mut row = Vec::new();
    for item in loader.filled_list(node, "`suggested_actions`", MAX_BUTTONS) {
        if matches!(item.content, Content::Map(_)) {
            row.extend(button(item, loader));
        } else if let Some(label) = loader.template(item, "a suggested action") {
            row.push(Button { value: Some(label.clone()), label, url: None });
        }
    }
    reply.buttons.push(row);
}

/// A kind of its own is not needed to send a file.
fn attachment(item: &Node, loader: &mut Loader<'_>) -> Option<Attachment<'static>> {
    let fields = loader.fields(item, &ATTACHMENT)?;
    let kind = match fields.get("type") {
        Some(kind) => loader.template(kind, "an attachment's type"),
        None => template::template("file").ok().map(|template| template.program),
    };
    let url = loader.template_at(&fields, "url");
    let name = loader.template_at(&fields, "name");
    Some(Attachment { kind: kind?, url: url?, name })
}
