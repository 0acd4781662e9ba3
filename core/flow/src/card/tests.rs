//! Cards as their authors write them, right and wrong.

use super::*;
use crate::budget::{Budget, RenderError};
use crate::data::View;
use greentic_types::Value;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn filled(card: &Json) -> Json {
    let data = json!({
        "name": "Zoë \"Z\"", "n": 3, "ok": true, "no": false, "none": null,
        "items": [{"title": "a", "price": 1, "hot": true}, {"title": "b", "price": 2, "hot": false}],
    });
    let data = Value::from_json(&data);
    let program = compile(card).unwrap().program;
    serde_json::from_str(&render(&program, View::of(&data), &mut Budget::default()).unwrap()).unwrap()
}

fn problems(card: &Json) -> Vec<(String, bool)> {
    check(card).into_iter().map(|problem| (problem.pointer, problem.is_error)).collect()
}

fn card(body: Json) -> Json {
    json!({"type": "AdaptiveCard", "version": "1.5", "body": body})
}

#[test]
fn texts_are_filled_in() {
    for (card, expected) in [
        (
            json!({"text": "Hi {{name}}", "n": 1, "x": [null, true, 2.5]}),
            json!({"text": "Hi Zoë \"Z\"", "n": 1, "x": [null, true, 2.5]}),
        ),
        (
            json!({"text": "Hi ${name}, ${n}", "value": "${n}", "max": "{{n}}"}),
            json!({"text": "Hi Zoë \"Z\", 3", "value": 3, "max": 3}),
        ),
        (json!({"text": "${items[0].title}${$root.n}${missing}"}), json!({"text": "a3"})),
        (json!({"text": "costs $5"}), json!({"text": "costs $5"})),
        (json!({"isVisible": "${n > 2}"}), json!({"isVisible": true})),
        (json!([]), json!([])),
        (json!({}), json!({})),
    ] {
        assert_eq!(filled(&card), expected, "{card}");
    }
}

#[test]
fn objects_are_repeated_and_left_out() {
    let card = json!({"body": [
        {"text": "first"},
        {"$data": "${items}", "text": "${$index}: ${title} ${$root.n}", "price": "${price}"},
        {"$data": "${items}", "$when": "${hot}", "text": "${title}"},
        {"$when": "${no}", "text": "never"},
        {"$when": "${n == 3}", "text": "three"},
        {"$data": "${none}", "text": "nothing"},
        {"$data": [{"x": 1}, {"x": 2}], "text": "${x}"},
    ], "only": {"$when": "${no}"}, "kept": {"$when": "${ok}", "a": 1}});
    let expected = json!({"body": [
        {"text": "first"},
        {"text": "0: a 3", "price": 1}, {"text": "1: b 3", "price": 2},
        {"text": "a"},
        {"text": "three"},
        {"text": 1}, {"text": 2},
    ], "kept": {"a": 1}});
    assert_eq!(filled(&card), expected);
}

#[test]
fn what_is_wrong_has_a_place() {
    let error =
        |card: &Json| compile(card).map(|_| ()).map_err(|(pointer, error)| (pointer, error.message)).unwrap_err();
    let card = json!({"body": [{"text": "ok"}, {"a/b": "{{uppercas x}}"}]});
    assert_eq!(error(&card), ("/body/1/a~1b".to_owned(), "there is no helper `uppercas`".to_owned()));
    assert_eq!(error(&json!({"x": "${open"})).0, "/x");
    assert!(error(&json!({"x": "${if(a, b, c)}"})).1.contains("functions"));
    let deep = (0..MAX_DEPTH + 1).fold(json!(1), |inner, _| json!([inner]));
    assert!(compile(&deep).is_err());
}

#[test]
fn a_good_card_has_no_problems() {
    let body = json!([
        {"type": "TextBlock", "text": "Hi", "wrap": true},
        {"type": "RichTextBlock", "inlines": ["a", {"type": "TextRun", "text": "b"}]},
        {"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "Image", "url": "https://a.b/c"}]}]},
        {"type": "FactSet", "facts": [{"title": "a", "value": "b"}]},
        {"type": "Input.Text", "id": "name"},
        {"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": "a", "value": "1"}]},
        {"type": "Table", "rows": [{"type": "TableRow", "cells": [{"type": "TableCell", "items": []}]}]},
        {"type": "Container", "items": "${list}"},
        {"type": "ImageSet", "images": [{"type": "Image", "url": "https://a.b/c"}]},
    ]);
    let mut card = card(body);
    card["actions"] = json!([
        {"type": "Action.Submit", "title": "Go", "data": {"action": "go"}},
        {"type": "Action.ShowCard", "card": {"type": "AdaptiveCard", "body": []}},
        {"type": "Action.OpenUrl", "url": "{{url}}"},
    ]);
    let found = check(&card);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn problems_are_found_at_their_place() {
    for (body, pointer, is_error) in [
        (json!([{"type": "TextBlock"}]), "/body/0", true),
        (json!([{"type": "TextBlok", "text": ""}]), "/body/0/type", false),
        (json!([{"text": "x"}]), "/body/0", true),
        (json!([{"type": "Action.Submit"}]), "/body/0/type", true),
        (json!([{"type": "Input.Text", "id": "a"}, {"type": "Input.Date", "id": "a"}]), "/body/1/id", true),
        (json!([{"type": "Input.ChoiceSet", "id": "a"}]), "/body/0", true),
        (json!([{"type": "Container", "items": [{"type": "Image"}]}]), "/body/0/items/0", true),
        (json!([5]), "/body/0", true),
        (json!("x"), "/body", true),
        (json!([{"type": 5}]), "/body/0/type", true),
    ] {
        assert_eq!(problems(&card(body.clone())), [(pointer.to_owned(), is_error)], "{body}");
    }
    assert_eq!(problems(&json!([])), [(String::new(), true)]);
    assert_eq!(problems(&json!({"type": "Card"})), [("/type".to_owned(), true)]);
    assert_eq!(problems(&json!({"type": "AdaptiveCard", "body": []})), [("/version".to_owned(), true)]);
    assert_eq!(
        problems(&json!({"type": "AdaptiveCard", "version": "2.0", "body": []})),
        [("/version".to_owned(), false)]
    );
    let old = json!({"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "Table"}]});
    assert_eq!(problems(&old), [("/body/0".to_owned(), false)]);
    let hint = check(&card(json!([{"type": "TextBlok"}]))).pop().unwrap().message;
    assert!(hint.contains("did you mean `TextBlock`?"), "{hint}");
}

#[test]
fn output_is_bounded() {
    let card = json!([{"$data": "${l}", "x": [{"$data": "${l}", "y": "${l}"}]}]);
    let program = compile(&card).unwrap().program;
    let list = Value::List(vec![Value::Text("x".repeat(100)); 200]);
    let data = Value::Map([("l".to_owned(), list)].into());
    assert_eq!(render(&program, View::of(&data), &mut Budget::default()), Err(RenderError::TooLong));
}

fn any_json() -> impl Strategy<Value = Json> {
    let texts =
        vec!["x", "${n}", "{{name}}", "${", "}", "${$data}", "{{#if n}}", "TextBlock", "Input.Text", "Container"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<i32>().prop_map(Json::from),
        prop::sample::select(texts).prop_map(Json::from),
    ];
    let names = vec!["type", "text", "items", "body", "$data", "$when", "id", "actions", "selectAction", "fallback"];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let name = prop::sample::select(names.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Json>()),
        ]
    })
}

proptest! {
    #[test]
    fn no_card_panics_and_what_compiles_is_json(body in any_json()) {
        let _ = check(&body);
        let _ = check(&card(body.clone()));
        if let Ok(compiled) = compile(&body) {
            let data = Value::from_json(&json!({"n": [1, {"n": 2}], "name": "x"}));
            let text = render(&compiled.program, View::of(&data), &mut Budget::default()).unwrap();
            prop_assert!(serde_json::from_str::<Json>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn no_bytes_panic(program in prop::collection::vec(any::<u8>(), 0..96)) {
        let _ = render(&program, View::of(&Value::Null), &mut Budget::default());
    }
}
