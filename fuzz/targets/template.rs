//! Any text as a template, over any data: it is refused with a place, or it renders within its bounds.
#![no_main]

use greentic_fuzz::case::Case;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let case = Case::of(text);
    case.run(json!([
        { "id": "a", "type": "state", "config": { "action": "set", "key": "made", "value": { "x": case.source } }, "next": "b" },
        { "id": "b", "type": "template", "config": { "template": case.source, "data": "{{config}}" }, "on_error": "c", "next": "c" },
        { "id": "c", "type": "reply", "config": { "message": case.source, "buttons": [{ "label": case.source, "action": "x" }] } },
    ]));
});
