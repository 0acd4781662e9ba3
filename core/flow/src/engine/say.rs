//! Renders what a node says, from what its author wrote or from data.

use super::error::{ErrorKind, Fault};
use super::scope::Scope;
use super::turn::Turn;
use crate::budget::Budget;
use crate::data::{Datum, View, json};
use crate::ir;
use crate::shape::render_shape;
use crate::template::render;
use greentic_types::{Attachment, Button, Reply, Value};
use std::collections::BTreeMap;

impl Turn<'_> {
    /// Sends a reply and gives its text.
    pub(super) fn say(&mut self, said: &ir::Reply<'_>, budget: &mut Budget) -> Result<String, Fault> {
        let reply = reply(said, &self.scope(), budget)?;
        self.push(reply)
    }

    /// Replies go out in the order they are said. One with nothing in it would be refused by every platform.
    pub(super) fn push(&mut self, reply: Option<Reply>) -> Result<String, Fault> {
        let Some(reply) = reply else {
            self.note(format!("node `{}` of flow `{}` had nothing to say", self.at.node, self.at.flow_name));
            return Ok(String::new());
        };
        let limit = self.inputs.limits.outgoing;
        if self.replies.len() as u64 >= u64::from(limit) {
            return Err(Fault::new(ErrorKind::OutgoingLimit, format!("more than {limit} replies to one message")));
        }
        let text = reply.text.clone();
        self.replies.push(reply);
        Ok(text)
    }
}

/// Data as a reply: text as it is; a map by the members a reply has; anything else as JSON.
pub fn from_value(value: &Value, budget: &mut Budget) -> Result<Option<Reply>, Fault> {
    let mut reply = Reply::default();
    match value {
        Value::Null => {}
        Value::Map(map) if REPLY_MEMBERS.iter().any(|name| map.contains_key(*name)) => {
            members(map, &mut reply, budget)?
        }
        other => Datum::of(other).write(&mut reply.text, budget)?,
    }
    Ok((reply != Reply::default()).then_some(reply))
}

const REPLY_MEMBERS: [&str; 7] = ["text", "message", "buttons", "attachments", "card", "typing", "passthrough"];

fn members(map: &BTreeMap<String, Value>, reply: &mut Reply, budget: &mut Budget) -> Result<(), Fault> {
    if let Some(text) = map.get("text").or_else(|| map.get("message")) {
        Datum::of(text).write(&mut reply.text, budget)?;
    }
    if let Some(Value::List(rows)) = map.get("buttons") {
        // One row, or a list of rows.
        let nested = rows.iter().all(|row| matches!(row, Value::List(_)));
        let rows: Vec<&[Value]> = if nested {
            rows.iter().filter_map(|row| if let Value::List(row) = row { Some(row.as_slice()) } else { None }).collect()
        } else {
            vec![rows.as_slice()]
        };
        for row in rows {
            reply.buttons.push(row.iter().map(|item| given_button(item, budget)).collect::<Result<_, _>>()?);
        }
    }
    if let Some(Value::List(items)) = map.get("attachments") {
        for item in items {
            reply.attachments.push(Attachment {
                kind: member(item, &["type", "kind"], budget)?.unwrap_or_else(|| "file".to_owned()),
                name: member(item, &["name"], budget)?,
                mime_type: member(item, &["mime_type"], budget)?,
                reference: member(item, &["url", "reference"], budget)?.unwrap_or_default(),
                size: None,
            });
        }
    }
    reply.typing = map.get("typing") == Some(&Value::Bool(true));
    if let Some(card) = map.get("card").filter(|card| **card != Value::Null) {
        reply.card = Some(text(card, budget)?);
    }
    reply.passthrough = map.get("passthrough").filter(|given| matches!(given, Value::Map(_))).map(json).transpose()?;
    Ok(())
}

/// A reply, or none when it turned out to hold nothing that could be sent.
pub fn reply(said: &ir::Reply<'_>, scope: &Scope<'_>, budget: &mut Budget) -> Result<Option<Reply>, Fault> {
    let view = View::of(scope);
    let mut reply = Reply { typing: said.typing, ..Reply::default() };
    if let Some(message) = &said.message {
        reply.text = render(message, view, budget)?;
    }
    for row in &said.buttons {
        let row = row.iter().map(|item| button(item, view, budget));
        reply.buttons.push(row.collect::<Result<_, _>>()?);
    }
    for item in &said.attachments {
        reply.attachments.push(attachment(item, view, budget)?);
    }
    if let Some(members) = &said.passthrough {
        reply.passthrough = Some(json(&render_shape(members, view, budget)?)?);
    }
    Ok((reply != Reply::default()).then_some(reply))
}

fn given_button(item: &Value, budget: &mut Budget) -> Result<Button, Fault> {
    let label = match item {
        Value::Map(_) => member(item, &["label", "title", "text"], budget)?.unwrap_or_default(),
        other => text(other, budget)?,
    };
    let url = member(item, &["url"], budget)?;
    let value = member(item, &["value", "callback_data", "action"], budget)?;
    let value = match (value, &url) {
        (Some(value), _) => value,
        (None, Some(_)) => String::new(),
        (None, None) => label.clone(),
    };
    Ok(Button { label, value, url })
}

/// The first of these members that a map has, as text.
fn member(item: &Value, names: &[&str], budget: &mut Budget) -> Result<Option<String>, Fault> {
    let found = names.iter().find_map(|name| item.get(name)).filter(|found| **found != Value::Null);
    found.map(|found| text(found, budget)).transpose()
}

fn text(value: &Value, budget: &mut Budget) -> Result<String, Fault> {
    let mut text = String::new();
    Datum::of(value).write(&mut text, budget)?;
    Ok(text)
}

fn button(item: &ir::Button<'_>, view: View<'_>, budget: &mut Budget) -> Result<Button, Fault> {
    let label = render(&item.label, view, budget)?;
    let value = match &item.value {
        Some(value) => render(value, view, budget)?,
        None => String::new(),
    };
    let url = item.url.as_ref().map(|url| render(url, view, budget)).transpose()?;
    Ok(Button { label, value, url })
}

fn attachment(item: &ir::Attachment<'_>, view: View<'_>, budget: &mut Budget) -> Result<Attachment, Fault> {
    Ok(Attachment {
        kind: render(&item.kind, view, budget)?,
        name: item.name.as_ref().map(|name| render(name, view, budget)).transpose()?,
        mime_type: None,
        reference: render(&item.url, view, budget)?,
        size: None,
    })
}
