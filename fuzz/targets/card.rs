//! Any text as an Adaptive Card, over any data: it is refused, or it is JSON when it is filled in.
#![no_main]

use greentic_fuzz::case::Case;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let case = Case::of(text);
    case.run(json!([
        { "id": "a", "type": "adaptive-card", "config": { "card_json": case.source, "data": "{{config}}" }, "on_error": "b" },
        { "id": "b", "type": "reply", "config": { "message": "{{error.code}}" } },
    ]));
});
