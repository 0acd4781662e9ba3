//! Requests that no Telegram sends: forged, broken, or meant to hurt.

use super::{HEADER, SECRET, deliver, headers, post, settings};
use crate::telegram::webhook;
use crate::{RawRequest, Secret};
use proptest::prelude::*;

const UPDATE: &[u8] = br#"{"update_id":1,"message":{"chat":{"id":5,"type":"private"},"from":{"id":5},"text":"a"}}"#;

fn status(pairs: &[(&str, &[u8])]) -> u16 {
    let received = post(UPDATE, &headers(pairs));
    assert_eq!(received.messages.len(), usize::from(received.answer.status == 200));
    received.answer.status
}

#[test]
fn only_post_is_taken() {
    for method in ["GET", "PUT", "post", ""] {
        let headers = headers(&[(HEADER, SECRET.as_bytes())]);
        let request = RawRequest { method, path: "", query: None, headers: &headers, body: UPDATE };
        let received = webhook(&request, Some(&Secret::new(SECRET.into())), &settings());
        assert_eq!(received.answer.status, 405);
        assert!(received.answer.headers.contains(&("allow".to_owned(), b"POST".to_vec())));
    }
}

#[test]
fn the_secret_must_be_there_once_and_right() {
    let good = SECRET.as_bytes();
    assert_eq!(status(&[(HEADER, good)]), 200);
    assert_eq!(status(&[("x-telegram-bot-api-secret-token", good)]), 200);
    assert_eq!(status(&[("X-TELEGRAM-BOT-API-SECRET-TOKEN", good)]), 200);
    assert_eq!(status(&[]), 403);
    assert_eq!(status(&[(HEADER, b"")]), 403);
    assert_eq!(status(&[(HEADER, b"a1b2c3d4-secret_token")]), 403);
    assert_eq!(status(&[(HEADER, b"A1b2C3d4")]), 403);
    assert_eq!(status(&[(HEADER, "Ä\u{0}é".as_bytes())]), 403);
    assert_eq!(status(&[(HEADER, &[0xff, 0xfe])]), 403);
    assert_eq!(status(&[(HEADER, good), (HEADER, good)]), 403);
    assert_eq!(status(&[(HEADER, b"x"), ("x-telegram-bot-api-secret-token", good)]), 403);
}

#[test]
fn without_a_configured_secret_nothing_is_authentic() {
    for presented in [b"".as_slice(), SECRET.as_bytes()] {
        let headers = headers(&[(HEADER, presented)]);
        let request = RawRequest { method: "POST", path: "", query: None, headers: &headers, body: UPDATE };
        assert_eq!(webhook(&request, None, &settings()).answer.status, 403);
        let empty = Secret::new(Vec::new());
        assert_eq!(webhook(&request, Some(&empty), &settings()).answer.status, 403);
    }
}

#[test]
fn nothing_of_a_forged_body_is_read_and_nothing_of_the_inside_told() {
    let forged = post(b"{", &headers(&[(HEADER, b"wrong")]));
    assert_eq!(forged.answer.status, 403);
    let shown = String::from_utf8(forged.answer.body).unwrap();
    assert!(!shown.contains(SECRET) && !shown.contains("wrong"));
}

#[test]
fn what_is_no_update_is_refused() {
    for body in [
        "",
        " ",
        "null",
        "7",
        "\"a\"",
        "[]",
        "[1]",
        "[{\"update_id\":1}]",
        "{}",
        "{\"update_id\":null}",
        "{\"update_id\":\"1\"}",
        "{\"update_id\":1.5}",
        "{\"update_id\":1e400}",
        "{\"update_id\":99999999999999999999}",
        "{\"update_id\":1}{\"update_id\":2}",
        "{\"update_id\":1,\"update_id\":2}",
        "{\"update_id\":1,}",
    ] {
        let received = deliver(body.as_bytes());
        assert_eq!((received.answer.status, received.messages.len()), (400, 0), "{body}");
    }
    assert_eq!(deliver(b"{\"update_id\":1,\"message\":{\"text\":\"\xff\"}}").answer.status, 400);
}

#[test]
fn every_truncation_is_refused() {
    for length in 0..UPDATE.len() {
        let received = deliver(&UPDATE[..length]);
        assert_eq!((received.answer.status, received.messages.len()), (400, 0), "{length}");
    }
}

#[test]
fn deep_nesting_overflows_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        for frame in
            ["{\"update_id\":1,\"x\":DEEP}", "{\"update_id\":1,\"message\":{\"chat\":{\"id\":5},\"photo\":DEEP}}"]
        {
            assert_eq!(deliver(frame.replace("DEEP", &deep).as_bytes()).answer.status, 200);
        }
        let open_end = format!("{{\"update_id\":1,\"x\":{}", open.repeat(200_000));
        assert_eq!(deliver(open_end.as_bytes()).answer.status, 400);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let received = deliver(&body);
        prop_assert!(matches!(received.answer.status, 200 | 400));
    }

    #[test]
    fn no_changed_byte_panics(at in 0..UPDATE.len(), byte in any::<u8>()) {
        let mut body = UPDATE.to_vec();
        body[at] = byte;
        prop_assert!(matches!(deliver(&body).answer.status, 200 | 400));
    }

    #[test]
    fn any_text_comes_through_whole(text in "\\PC{1,80}", id in any::<i64>()) {
        let body = serde_json::json!({
            "update_id": id,
            "message": { "chat": { "id": id, "type": "private" }, "from": { "id": id }, "caption": text },
        });
        let received = deliver(body.to_string().as_bytes());
        prop_assert_eq!(received.messages.len(), 1);
        let message = &received.messages[0];
        prop_assert_eq!(&message.text, &text);
        prop_assert_eq!((&message.conversation, &message.user), (&id.to_string(), &id.to_string()));
    }

    #[test]
    fn no_header_value_but_the_secret_passes(value in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assume!(value != SECRET.as_bytes());
        prop_assert_eq!(status(&[(HEADER, &value)]), 403);
    }
}
