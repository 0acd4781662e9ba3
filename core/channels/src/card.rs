//! Adaptive Cards for platforms that have no cards: text lines, images and buttons, in reading order.
//!
//! Takes what a message can show (TextBlock, Image, FactSet, the containers, Submit, Execute and OpenUrl). Other
//! elements are left out, as the card specification has it for a host that doesn't know them; when nothing at all is
//! left, the card's `fallbackText` is shown.

use greentic_types::Button;
use serde::Deserialize;
use serde_json::Value;

/// Why a card can't be shown. Names a place, never the card's text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CardError {
    #[error("the card is no Adaptive Card in JSON (line {line}, column {column})")]
    Malformed { line: usize, column: usize },
    #[error("the card holds nothing that this channel can show; give it a `fallbackText`")]
    Empty,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub bold: bool,
    pub text: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct FlatCard {
    pub lines: Vec<Line>,
    /// URLs.
    pub images: Vec<String>,
    /// One row for each set of actions.
    pub buttons: Vec<Vec<Button>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Card {
    body: Vec<Element>,
    actions: Vec<Action>,
    #[serde(rename = "fallbackText")]
    fallback_text: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Element {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    weight: Option<String>,
    style: Option<String>,
    url: Option<String>,
    items: Vec<Element>,
    columns: Vec<Element>,
    facts: Vec<Fact>,
    actions: Vec<Action>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fact {
    title: String,
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Action {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    url: Option<String>,
    data: Option<Value>,
}

/// Reads a card. Nesting is bounded by serde_json's own limit.
pub fn flatten(json: &str) -> Result<FlatCard, CardError> {
    let card: Card = serde_json::from_str(json)
        .map_err(|error| CardError::Malformed { line: error.line(), column: error.column() })?;
    let mut flat = FlatCard::default();
    collect(card.body, &mut flat);
    push_buttons(card.actions, &mut flat);
    if flat == FlatCard::default() {
        let text = card.fallback_text.filter(|text| !text.trim().is_empty()).ok_or(CardError::Empty)?;
        flat.lines.push(Line { bold: false, text });
    }
    Ok(flat)
}

fn collect(elements: Vec<Element>, flat: &mut FlatCard) {
    for element in elements {
        match element.kind.as_str() {
            "TextBlock" => {
                let bold = element.weight.is_some_and(|weight| weight.eq_ignore_ascii_case("bolder"))
                    || element.style.is_some_and(|style| style.eq_ignore_ascii_case("heading"));
                let text = element.text.filter(|text| !text.trim().is_empty());
                flat.lines.extend(text.map(|text| Line { bold, text }));
            }
            "Image" => flat.images.extend(element.url),
            "FactSet" => flat.lines.extend(
                element
                    .facts
                    .into_iter()
                    .map(|fact| Line { bold: false, text: format!("{}: {}", fact.title, fact.value) }),
            ),
            "Container" | "Column" => collect(element.items, flat),
            "ColumnSet" => collect(element.columns, flat),
            "ActionSet" => push_buttons(element.actions, flat),
            _ => {}
        }
    }
}

fn push_buttons(actions: Vec<Action>, flat: &mut FlatCard) {
    let row: Vec<Button> = actions.into_iter().filter_map(button).collect();
    if !row.is_empty() {
        flat.buttons.push(row);
    }
}

fn button(action: Action) -> Option<Button> {
    match action.kind.as_str() {
        "Action.OpenUrl" => Some(Button { label: action.title, value: String::new(), url: Some(action.url?) }),
        "Action.Submit" | "Action.Execute" => {
            let value = match action.data {
                Some(Value::String(text)) => text,
                Some(data) => data.to_string(),
                // Nothing to hand back but what the user chose.
                None => action.title.clone(),
            };
            Some(Button { label: action.title, value, url: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn containers_and_facts_are_read_in_order_and_unknown_elements_left_out() {
        let card = r#"{"type":"AdaptiveCard","body":[
            {"type":"TextBlock","text":"Head","style":"heading"},
            {"type":"Input.Text","id":"name"},
            {"type":"ColumnSet","columns":[{"type":"Column","items":[{"type":"TextBlock","text":"left"}]},
                {"type":"Column","items":[{"type":"Image","url":"https://example.com/1.png"}]}]},
            {"type":"FactSet","facts":[{"title":"When","value":"now"}]},
            {"type":"ActionSet","actions":[{"type":"Action.Submit","title":"Go"},{"type":"Action.ShowCard","title":"x"}]}
        ]}"#;
        let flat = flatten(card).unwrap();
        let lines: Vec<(bool, &str)> = flat.lines.iter().map(|line| (line.bold, line.text.as_str())).collect();
        assert_eq!(lines, [(true, "Head"), (false, "left"), (false, "When: now")]);
        assert_eq!(flat.images, ["https://example.com/1.png"]);
        assert_eq!(flat.buttons, [[Button { label: "Go".into(), value: "Go".into(), url: None }]]);
    }

    #[test]
    fn a_card_of_unknown_elements_shows_its_fallback_or_is_refused() {
        let flat = flatten(r#"{"body":[{"type":"Media"}],"fallbackText":"see it in Teams"}"#).unwrap();
        assert_eq!(flat.lines, [Line { bold: false, text: "see it in Teams".into() }]);
        assert_eq!(flatten(r#"{"body":[{"type":"Media"}]}"#), Err(CardError::Empty));
    }

    #[test]
    fn an_error_does_not_quote_the_card() {
        let error = flatten(r#"{"body":"private words"}"#).unwrap_err();
        assert!(matches!(error, CardError::Malformed { .. }) && !error.to_string().contains("private"));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{{\"body\":[{}", r#"{"type":"Container","items":["#.repeat(100_000));
        assert!(flatten(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = flatten(&text);
        }
    }
}
