//! Any text as an expression, over any data: it is refused with a place, or it is true or false.
#![no_main]

use greentic_fuzz::case::Case;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let case = Case::of(text);
    case.run(json!([
        { "id": "a", "type": "branch", "config": { "conditions": [{ "expression": case.source, "next": "b" }] }, "next": "c" },
        { "id": "b", "type": "reply", "config": { "message": "yes" } },
        { "id": "c", "type": "reply", "when": case.source, "config": { "message": "no" } },
    ]));
});
