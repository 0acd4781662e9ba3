//! Answers of the Bot API and of what may stand before it.

use crate::SendOutcome;
use crate::telegram::outcome;
use proptest::prelude::*;

fn sent(message_id: Option<&str>) -> SendOutcome {
    SendOutcome::Sent { message_id: message_id.map(str::to_owned) }
}

fn delay(outcome: SendOutcome) -> Option<u64> {
    match outcome {
        SendOutcome::Retry { after_ms, .. } => after_ms,
        other => panic!("{other:?}"),
    }
}

fn refusal(status: u16, body: &str) -> String {
    match outcome(status, None, body.as_bytes()) {
        SendOutcome::Permanent(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn success_with_and_without_an_id() {
    let message = br#"{"ok":true,"result":{"message_id":1366,"chat":{"id":1},"text":"a"}}"#;
    assert_eq!(outcome(200, None, message), sent(Some("1366")));
    assert_eq!(outcome(200, None, br#"{"ok":true,"result":true}"#), sent(None));
}

#[test]
fn too_many_requests_name_their_delay_in_the_body_or_the_header() {
    let body = br#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 14","parameters":{"retry_after":14}}"#;
    assert_eq!(delay(outcome(429, Some("3"), body)), Some(14_000));
    assert_eq!(delay(outcome(200, None, body)), Some(14_000));
    assert_eq!(delay(outcome(429, Some(" 3 "), b"")), Some(3_000));
    assert_eq!(delay(outcome(429, Some("Wed, 21 Oct 2015 07:28:00 GMT"), b"<html>")), None);
    assert_eq!(delay(outcome(429, Some("99999999999999999999999"), b"")), None);
    assert_eq!(delay(outcome(429, Some("18446744073709551615"), b"")), Some(u64::MAX));
}

#[test]
fn failures_of_the_server_and_of_what_stands_before_it_may_pass() {
    for status in [408, 500, 502, 503, 504] {
        for body in ["", "<html>Bad Gateway</html>", r#"{"ok":false,"error_code":500,"description":"Internal"}"#] {
            assert_eq!(delay(outcome(status, None, body.as_bytes())), None, "{status} {body}");
        }
    }
    assert_eq!(delay(outcome(503, Some("7"), b"")), Some(7_000));
}

#[test]
fn a_success_that_is_not_telegrams_is_no_success() {
    for body in ["", "<html>log in</html>", "null", "[]", "{}", r#"{"ok":"true"}"#, r#"{"ok":true"#] {
        assert_eq!(delay(outcome(200, None, body.as_bytes())), None, "{body}");
    }
}

#[test]
fn refusals_are_permanent_and_carry_the_platforms_words() {
    let body = r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
    assert_eq!(refusal(403, body), "Telegram answered 403: Forbidden: bot was blocked by the user");
    assert_eq!(
        refusal(400, r#"{"ok":false,"description":"Bad Request: chat not found"}"#),
        "Telegram answered 400: Bad Request: chat not found"
    );
    for status in [301, 400, 401, 403, 404, 409, 413] {
        assert_eq!(refusal(status, "<html>"), format!("Telegram answered {status}: no description"));
    }
    let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#;
    assert!(refusal(400, moved).ends_with("(the group is now chat -1001)"));
    assert!(refusal(200, body).starts_with("Telegram answered 403"));
}

#[test]
fn what_is_already_so_or_too_late_counts_as_sent() {
    for description in [
        "Bad Request: message is not modified: specified new message content is the same",
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    ] {
        let body = serde_json::json!({ "ok": false, "error_code": 400, "description": description }).to_string();
        assert_eq!(outcome(400, None, body.as_bytes()), sent(None));
    }
    assert!(refusal(403, r#"{"description":"query is too old"}"#).contains("403"));
}

#[test]
fn a_reason_holds_no_token_no_quotation_and_no_second_line() {
    let body = |description: &str| serde_json::json!({ "ok": false, "description": description }).to_string();
    let token = "123456789:AAF-abcdefghijklmnop_qrstuvwxyz012345";
    let reason = refusal(401, &body(&format!("no bot at /bot{token}/sendMessage\nhere")));
    assert_eq!(reason, "Telegram answered 401: no bot at [withheld] here");
    let reason = refusal(400, &body("can't parse entities: unsupported tag \"my secret\" at 'my words' of 5"));
    assert_eq!(reason, "Telegram answered 400: can't parse entities: unsupported tag \"…\" at '…' of 5");
    let reason = refusal(400, &body("open \"my secret words"));
    assert_eq!(reason, "Telegram answered 400: open \"");
    assert!(refusal(400, &body(&"long ".repeat(1000))).chars().count() < 250);
}

proptest! {
    #[test]
    fn no_answer_panics(status in any::<u16>(), header in proptest::option::of("\\PC{0,20}"), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = outcome(status, header.as_deref(), &body);
    }

    #[test]
    fn no_description_brings_a_token_through(before in "[a-z /:\"']{0,20}", number in "[0-9]{6,10}", key in "[A-Za-z0-9_-]{20,40}", after in "[ /:\"'][a-z]{0,9}") {
        let description = format!("{before}{number}:{key}{after}");
        let body = serde_json::json!({ "ok": false, "description": description }).to_string();
        if let SendOutcome::Permanent(reason) = outcome(400, None, body.as_bytes()) {
            prop_assert!(!reason.contains(&key), "{}", reason);
        }
    }
}
