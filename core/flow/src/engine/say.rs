//! Renders what a node says.

use super::error::Fault;
use super::scope::Scope;
use crate::budget::Budget;
use crate::data::{View, json};
use crate::ir;
use crate::shape::render_shape;
use crate::template::render;
use greentic_types::{Attachment, Button, Reply};

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
