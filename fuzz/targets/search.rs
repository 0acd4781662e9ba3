//! Any phrases, one a line, and any message: an intent is found or none is.
#![no_main]

use greentic_fuzz::case::Case;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let case = Case::of(text);
    let phrases: Vec<&str> = case.source.lines().filter(|line| !line.trim().is_empty()).collect();
    let (first, second) = phrases.split_at(phrases.len() / 2);
    case.run(json!([
        { "id": "a", "type": "fast2flow", "next": "c", "config": { "threshold": 0.4, "intents": {
            "one": { "patterns": first, "title": "One", "target": "b" },
            "two": { "patterns": second, "tags": second, "title": "Two", "target": "c" },
        } } },
        { "id": "b", "type": "reply", "config": { "message": "{{prev.intent}} {{prev.score}}" } },
        { "id": "c", "type": "reply", "config": { "message": "none" } },
    ]));
});
