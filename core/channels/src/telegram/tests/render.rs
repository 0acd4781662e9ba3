//! The bodies of EGRESS.md, "Telegram", compared as JSON, and the limits around them.

use crate::telegram::{RenderError, TEXT_LIMIT, render};
use crate::text::utf16_len;
use crate::{ApiCall, CardError, Outbound, Secret};
use greentic_types::{Attachment, Button, Content, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

const BASE: &str = "http://127.0.0.1:8081";
const TOKEN: &str = "133505823:TEST";

fn outbound(content: Content) -> Outbound {
    Outbound {
        id: "id".into(),
        conversation: "1111111".into(),
        thread: None,
        user: "1111111".into(),
        reply_context: None,
        content,
    }
}

fn calls(outbound: &Outbound) -> Vec<(String, Value)> {
    let calls = render(outbound, &Secret::new(TOKEN.into()), BASE).unwrap();
    calls.iter().map(parsed).collect()
}

fn parsed(call: &ApiCall) -> (String, Value) {
    assert_eq!(call.method, "POST");
    assert_eq!(call.headers, [("content-type".to_owned(), b"application/json".to_vec())]);
    let method = call.url.strip_prefix(&format!("{BASE}/bot{TOKEN}/")).unwrap();
    (method.to_owned(), serde_json::from_slice(&call.body).unwrap())
}

fn reply_calls(reply: Reply) -> Vec<(String, Value)> {
    calls(&outbound(Content::Reply(reply)))
}

fn refusal(reply: Reply) -> RenderError {
    render(&outbound(Content::Reply(reply)), &Secret::new(TOKEN.into()), BASE).unwrap_err()
}

fn call(method: &str, body: Value) -> (String, Value) {
    (method.to_owned(), body)
}

fn text(text: &str) -> Reply {
    Reply { text: text.into(), ..Reply::default() }
}

fn button(label: &str, value: &str) -> Button {
    Button { label: label.into(), value: value.into(), url: None }
}

fn file(kind: &str, reference: &str) -> Attachment {
    Attachment { kind: kind.into(), name: None, mime_type: None, reference: reference.into(), size: None }
}

#[test]
fn egress_text() {
    let body = json!({ "chat_id": 1111111, "text": "Your order 42 is ready." });
    assert_eq!(reply_calls(text("Your order 42 is ready.")), [call("sendMessage", body)]);
}

#[test]
fn egress_buttons() {
    let colours = [("Red", "color:red"), ("Green", "color:green"), ("Blue", "color:blue")];
    let buttons = colours.iter().map(|(label, value)| vec![button(label, value)]).collect();
    let body = json!({ "chat_id": 1111111, "text": "Pick a colour", "reply_markup": { "inline_keyboard": [
        [{ "text": "Red", "callback_data": "color:red" }],
        [{ "text": "Green", "callback_data": "color:green" }],
        [{ "text": "Blue", "callback_data": "color:blue" }],
    ]}});
    assert_eq!(reply_calls(Reply { buttons, ..text("Pick a colour") }), [call("sendMessage", body)]);
}

#[test]
fn egress_buttons_reply_keyboard_passed_through() {
    let markup = json!({ "keyboard": [[{ "text": "Red" }]], "one_time_keyboard": true, "resize_keyboard": true });
    let passthrough = json!({ "reply_markup": markup, "disable_notification": true, "blocks": [], "chat_id": 7 });
    let reply = Reply { passthrough: Some(passthrough.to_string()), ..text("Pick a colour") };
    let body =
        json!({ "chat_id": 1111111, "text": "Pick a colour", "disable_notification": true, "reply_markup": markup });
    assert_eq!(reply_calls(reply.clone()), [call("sendMessage", body)]);
    assert_eq!(refusal(Reply { buttons: vec![vec![button("a", "b")]], ..reply }), RenderError::TwoKeyboards);
}

const CARD: &str = r#"{"type":"AdaptiveCard","version":"1.3","body":[
    {"type":"TextBlock","text":"Order 42","weight":"Bolder","size":"Medium","wrap":true},
    {"type":"TextBlock","text":"Ready for pickup","wrap":true},
    {"type":"Image","url":"https://example.com/img/42.png","altText":"Order 42"}],
    "actions":[{"type":"Action.Submit","title":"Confirm","data":{"action":"confirm","order":42}},
    {"type":"Action.OpenUrl","title":"Details","url":"https://example.com/o/42"}]}"#;

fn card_keyboard() -> Value {
    json!({ "inline_keyboard": [[
        { "text": "Confirm", "callback_data": "{\"action\":\"confirm\",\"order\":42}" },
        { "text": "Details", "url": "https://example.com/o/42" },
    ]]})
}

#[test]
fn egress_card() {
    let body = json!({
        "chat_id": 1111111, "photo": "https://example.com/img/42.png",
        "caption": "<b>Order 42</b>\nReady for pickup", "parse_mode": "HTML", "reply_markup": card_keyboard(),
    });
    assert_eq!(reply_calls(Reply { card: Some(CARD.into()), ..Reply::default() }), [call("sendPhoto", body)]);
}

#[test]
fn a_cards_text_is_escaped_and_stands_under_the_replys() {
    let card = r#"{"body":[{"type":"TextBlock","text":"<i> & co","weight":"bolder"}]}"#;
    let body = json!({ "chat_id": 1111111, "text": "a &lt; b\n<b>&lt;i&gt; &amp; co</b>", "parse_mode": "HTML" });
    assert_eq!(reply_calls(Reply { card: Some(card.into()), ..text("a < b") }), [call("sendMessage", body)]);
}

#[test]
fn a_card_too_long_for_a_caption_follows_the_picture_with_the_buttons() {
    let calls = reply_calls(Reply { card: Some(CARD.into()), ..text(&"word ".repeat(300)) });
    assert_eq!(calls[0], call("sendPhoto", json!({ "chat_id": 1111111, "photo": "https://example.com/img/42.png" })));
    assert_eq!((calls.len(), calls[1].0.as_str()), (2, "sendMessage"));
    assert_eq!((&calls[1].1["reply_markup"], &calls[1].1["parse_mode"]), (&card_keyboard(), &json!("HTML")));
}

#[test]
fn egress_typing() {
    let typing = call("sendChatAction", json!({ "chat_id": 1111111, "action": "typing" }));
    assert_eq!(reply_calls(Reply { typing: true, ..Reply::default() }), std::slice::from_ref(&typing));
    let both = reply_calls(Reply { typing: true, ..text("a") });
    assert_eq!(both, [typing, call("sendMessage", json!({ "chat_id": 1111111, "text": "a" }))]);
}

#[test]
fn egress_thread() {
    let mut outbound = outbound(Content::Reply(text("Your order 42 is ready.")));
    outbound.conversation = "-1001234567890123".into();
    outbound.thread = Some("42".into());
    outbound.reply_context = Some(r#"{"message_id":77}"#.into());
    let body = json!({
        "chat_id": -1_001_234_567_890_123_i64, "message_thread_id": 42, "text": "Your order 42 is ready.",
        "reply_parameters": { "message_id": 77, "allow_sending_without_reply": true },
    });
    assert_eq!(calls(&outbound), [call("sendMessage", body)]);

    let token = Secret::new(TOKEN.into());
    let bad_thread = Outbound { thread: Some("main".into()), ..outbound.clone() };
    assert_eq!(render(&bad_thread, &token, BASE), Err(RenderError::Thread));
    let bad_context = Outbound { reply_context: Some("77".into()), ..outbound };
    assert_eq!(render(&bad_context, &token, BASE), Err(RenderError::ReplyContext));
}

#[test]
fn only_the_first_of_several_calls_quotes() {
    let mut outbound = outbound(Content::Reply(text(&"word ".repeat(2000))));
    outbound.reply_context = Some(r#"{"message_id":77}"#.into());
    let quotes: Vec<bool> = calls(&outbound).iter().map(|(_, body)| body.get("reply_parameters").is_some()).collect();
    assert_eq!(quotes, [true, false, false]);
}

#[test]
fn egress_answer_callback() {
    let acknowledgement = |text: &str| outbound(Content::Acknowledgement(text.into()));
    let good = acknowledgement(r#"{"callback_query_id":"4382bfdwdsb323b2d9","chat_id":7}"#);
    let body = json!({ "callback_query_id": "4382bfdwdsb323b2d9" });
    assert_eq!(calls(&good), [call("answerCallbackQuery", body)]);
    for bad in ["", "{}", "7", r#"{"callback_query_id":7}"#] {
        let token = Secret::new(TOKEN.into());
        assert_eq!(render(&acknowledgement(bad), &token, BASE), Err(RenderError::Acknowledgement), "{bad}");
    }
}

#[test]
fn attachments_with_the_text_as_the_first_ones_caption() {
    let attachments =
        vec![file("image", "FILE"), file("file", "https://example.com/a.pdf"), file("video", "V"), file("audio", "A")];
    let calls = reply_calls(Reply { attachments, buttons: vec![vec![button("a", "b")]], ..text("look") });
    let keyboard = json!({ "inline_keyboard": [[{ "text": "a", "callback_data": "b" }]] });
    let first = json!({ "chat_id": 1111111, "photo": "FILE", "caption": "look", "reply_markup": keyboard });
    assert_eq!(
        calls,
        [
            call("sendPhoto", first),
            call("sendDocument", json!({ "chat_id": 1111111, "document": "https://example.com/a.pdf" })),
            call("sendVideo", json!({ "chat_id": 1111111, "video": "V" })),
            call("sendAudio", json!({ "chat_id": 1111111, "audio": "A" })),
        ]
    );
    let unknown = Reply { attachments: vec![file("location", "geo:1,2")], ..text("here") };
    assert_eq!(refusal(unknown), RenderError::Attachment);
}

#[test]
fn a_reply_that_says_nothing_makes_no_call() {
    assert!(reply_calls(text("")).is_empty());
    assert!(reply_calls(text(" \n")).is_empty());
    assert_eq!(refusal(Reply { buttons: vec![vec![button("a", "b")]], ..text("") }), RenderError::ButtonsAlone);
}

#[test]
fn a_public_chat_goes_by_its_name() {
    let outbound = Outbound { conversation: "@news".into(), ..outbound(Content::Reply(text("a"))) };
    assert_eq!(calls(&outbound)[0].1["chat_id"], json!("@news"));
}

#[test]
fn long_text_is_cut_between_words_with_the_buttons_under_the_last_part() {
    let calls = reply_calls(Reply { buttons: vec![vec![button("a", "b")]], ..text(&"😀😀 ".repeat(1000)) });
    assert_eq!(calls.len(), 2);
    for (method, body) in &calls {
        let part = body["text"].as_str().unwrap();
        assert!(method == "sendMessage" && utf16_len(part) <= TEXT_LIMIT as usize && part.ends_with("😀😀"));
    }
    let keyboards: Vec<bool> = calls.iter().map(|(_, body)| body.get("reply_markup").is_some()).collect();
    assert_eq!(keyboards, [false, true]);
    let html = Reply { passthrough: Some(r#"{"parse_mode":"HTML"}"#.into()), ..text(&"word ".repeat(1000)) };
    assert_eq!(refusal(html), RenderError::FormattedTextTooLong);
}

#[test]
fn limits_of_buttons() {
    let with = |buttons| Reply { buttons, ..text("a") };
    assert_eq!(reply_calls(with(vec![vec![button("a", &"ä".repeat(32))]])).len(), 1);
    let long = button("private words", &format!("x{}", "ä".repeat(32)));
    let error = refusal(with(vec![vec![long]]));
    assert_eq!(error, RenderError::ButtonValue { bytes: 65 });
    assert!(!error.to_string().contains("private"));
    assert_eq!(refusal(with(vec![vec![button("a", "")]])), RenderError::ButtonValue { bytes: 0 });
    assert_eq!(refusal(with(vec![vec![button(" ", "b")]])), RenderError::ButtonLabel);
    assert_eq!(refusal(with(vec![vec![button("a", "b")]; 101])), RenderError::TooManyButtons { count: 101 });

    let wide = reply_calls(with(vec![vec![button("a", "b"); 9]]));
    let rows = wide[0].1["reply_markup"]["inline_keyboard"].as_array().unwrap();
    let widths: Vec<usize> = rows.iter().map(|row| row.as_array().unwrap().len()).collect();
    assert_eq!(widths, [8, 1]);
}

#[test]
fn broken_parts_are_refused() {
    let passthrough = |json: &str| Reply { passthrough: Some(json.into()), ..text("a") };
    assert_eq!(refusal(passthrough("[]")), RenderError::Passthrough);
    assert_eq!(refusal(passthrough("{")), RenderError::Passthrough);
    let both = Reply { card: Some(CARD.into()), ..passthrough(r#"{"parse_mode":"MarkdownV2"}"#) };
    assert_eq!(refusal(both), RenderError::ParseModeWithCard);
    assert_eq!(refusal(Reply { card: Some("{}".into()), ..text("a") }), RenderError::Card(CardError::Empty));
}

#[test]
fn a_token_that_could_lead_elsewhere_is_refused_and_never_shown() {
    for bad in ["", "1:a/../x", "1:a?b", "1:a#", "1:a\n", "1:ä"] {
        let error = render(&outbound(Content::Reply(text("a"))), &Secret::new(bad.into()), BASE).unwrap_err();
        assert_eq!(error, RenderError::Token, "{bad:?}");
    }
    let calls = render(&outbound(Content::Reply(text("a"))), &Secret::new(TOKEN.into()), BASE).unwrap();
    assert!(!format!("{calls:?}").contains(TOKEN));
}

proptest! {
    #[test]
    fn no_reply_panics(words in "\\PC{0,60}", card in "\\PC{0,60}", value in "\\PC{0,40}", passthrough in "\\PC{0,40}") {
        let reply = Reply {
            text: words,
            buttons: vec![vec![button("a", &value)]],
            card: Some(card),
            passthrough: Some(passthrough),
            ..Reply::default()
        };
        let _ = render(&outbound(Content::Reply(reply)), &Secret::new(TOKEN.into()), BASE);
    }
}
