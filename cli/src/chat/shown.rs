//! What a bot says, as lines of text: the one form that a chat at the terminal, a test's diff and a guide's example have.

use greentic_flow::engine::Event;
use greentic_types::{Button, Reply};
use serde_json::Value as Json;

/// A control that can be worked, with what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    pub label: String,
    pub value: String,
}

/// Buttons of these replies and actions of their cards, in the order they are numbered in.
pub fn controls(replies: &[Reply]) -> Vec<Control> {
    replies.iter().flat_map(of_reply).collect()
}

fn of_reply(reply: &Reply) -> Vec<Control> {
    let buttons = reply.buttons.iter().flatten().filter(|button| button.url.is_none());
    let buttons = buttons.map(|button| Control { label: button.label.clone(), value: button.value.clone() });
    buttons.chain(card(reply).iter().flat_map(actions).filter_map(submit)).collect()
}

/// A reply's lines; `first` is the number of its first control.
pub fn lines(reply: &Reply, first: usize) -> Vec<String> {
    let mut lines: Vec<String> = reply.text.lines().map(str::to_owned).collect();
    if let Some(card) = card(reply) {
        outline(&card, 0, &mut lines);
    }
    let mut number = first;
    for row in &reply.buttons {
        let row: Vec<String> = row.iter().map(|button| numbered(button, &mut number)).collect();
        lines.push(row.join("  "));
    }
    for action in card(reply).iter().flat_map(actions).filter_map(submit) {
        lines.push(format!("[{number}] {}", action.label));
        number += 1;
    }
    for attachment in &reply.attachments {
        let name = attachment.name.as_deref().unwrap_or_default();
        lines.push(format!("<{} {name}{}>", attachment.kind, spaced(&attachment.reference, name)));
    }
    if let Some(members) = &reply.passthrough {
        lines.push(members.clone());
    }
    if reply.typing {
        lines.push("(is typing)".to_owned());
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// An event as one line.
pub fn event(event: &Event) -> String {
    format!("event {} {}", event.event_type, event.payload.to_json())
}

fn numbered(button: &Button, number: &mut usize) -> String {
    match &button.url {
        Some(url) => format!("[{}]({url})", button.label),
        None => {
            let shown = format!("[{number}] {}", button.label);
            *number += 1;
            shown
        }
    }
}

fn spaced(text: &str, before: &str) -> String {
    if before.is_empty() { text.to_owned() } else { format!(" {text}") }
}

fn card(reply: &Reply) -> Option<Json> {
    serde_json::from_str(reply.card.as_deref()?).ok()
}

/// Words of a card's elements, one line each; what has no words is named by its type.
fn outline(element: &Json, depth: usize, lines: &mut Vec<String>) {
    let word = |name: &str| element.get(name).and_then(Json::as_str);
    let words = match word("type") {
        Some("TextBlock" | "TextRun") => word("text").map(str::to_owned),
        Some("Image") => Some(format!("<image {}>", word("url").unwrap_or_default())),
        Some(kind) if kind.starts_with("Input.") => {
            let label = word("label").or(word("title")).or(word("placeholder")).unwrap_or_default();
            Some(format!("{label}{}({})", if label.is_empty() { "" } else { ": " }, word("id").unwrap_or_default()))
        }
        Some("Action.OpenUrl") => {
            Some(format!("[{}]({})", word("title").unwrap_or_default(), word("url").unwrap_or_default()))
        }
        _ => None,
    };
    if let Some(words) = words {
        lines.extend(words.lines().map(|line| format!("| {}{line}", "  ".repeat(depth))));
    }
    for fact in list(element, "facts") {
        let part = |name: &str| fact.get(name).and_then(Json::as_str).unwrap_or_default();
        lines.push(format!("| {}{}: {}", "  ".repeat(depth), part("title"), part("value")));
    }
    // JSON is read only so deep, so this ends.
    for (name, deeper) in
        [("body", 0), ("items", 1), ("columns", 1), ("inlines", 0), ("images", 0), ("rows", 0), ("cells", 1)]
    {
        list(element, name).iter().for_each(|inner| outline(inner, depth + deeper, lines));
    }
    let links = list(element, "actions").iter().filter(|action| submit(action).is_none());
    links.for_each(|action| outline(action, depth, lines));
}

fn list<'c>(element: &'c Json, name: &str) -> &'c [Json] {
    element.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// All actions in a card, in the order of its text.
fn actions(element: &Json) -> Vec<&Json> {
    let inner = ["body", "items", "columns", "rows", "cells"].iter().flat_map(|name| list(element, name));
    let mut found: Vec<&Json> = inner.flat_map(actions).collect();
    found.extend(list(element, "actions"));
    found
}

/// An action that sends something, and what it sends.
fn submit(action: &Json) -> Option<Control> {
    let kind = action.get("type")?.as_str()?;
    if !["Action.Submit", "Action.Execute"].contains(&kind) {
        return None;
    }
    let label = action.get("title").and_then(Json::as_str).unwrap_or("Submit").to_owned();
    let value = match action.get("data") {
        Some(Json::String(text)) => text.clone(),
        Some(data) => data.to_string(),
        None => "{}".to_owned(),
    };
    Some(Control { label, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(json: &str) -> Reply {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn text_and_buttons() {
        let reply = reply(
            r#"{"text":"Hi\nthere","buttons":[[{"label":"Yes","value":"y"},{"label":"Site","url":"https://x.example"}],[{"label":"No","value":"n"}]]}"#,
        );
        assert_eq!(lines(&reply, 3), ["Hi", "there", "[3] Yes  [Site](https://x.example)", "[4] No"]);
        let pressed: Vec<_> = controls(&[reply]).into_iter().map(|control| control.value).collect();
        assert_eq!(pressed, ["y", "n"]);
    }

    #[test]
    fn a_card_is_an_outline_with_its_actions() {
        let card = r#"{"type":"AdaptiveCard","body":[{"type":"TextBlock","text":"Order"},
            {"type":"Container","items":[{"type":"FactSet","facts":[{"title":"Size","value":"L"}]}]},
            {"type":"Input.Text","id":"name","label":"Name"}],
            "actions":[{"type":"Action.OpenUrl","title":"Help","url":"https://x.example"},
            {"type":"Action.Submit","title":"Send","data":{"go":1}}]}"#;
        let reply = Reply { card: Some(card.to_owned()), ..Reply::default() };
        let expected = ["| Order", "|   Size: L", "| Name: (name)", "| [Help](https://x.example)", "[1] Send"];
        assert_eq!(lines(&reply, 1), expected);
        assert_eq!(controls(&[reply]), [Control { label: "Send".to_owned(), value: "{\"go\":1}".to_owned() }]);
    }

    proptest! {
        #[test]
        fn no_card_panics(card in "[\\[\\]{}\":,a-z]{0,48}", text in "\\PC{0,12}") {
            let reply = Reply { card: Some(card), text, ..Reply::default() };
            prop_assert!(!lines(&reply, 1).is_empty());
        }
    }
}
