//! Any text as a script, over any data: it is refused with a place, or it ends within its bounds.
#![no_main]

use greentic_fuzz::case::Case;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let case = Case::of(text);
    case.run(json!([
        { "id": "a", "type": "script", "config": { "script": case.source, "input": "{{config}}" }, "on_error": "b", "next": "b" },
        { "id": "b", "type": "reply", "config": { "message": "{{script_result}} {{error.message}}" } },
    ]));
});
