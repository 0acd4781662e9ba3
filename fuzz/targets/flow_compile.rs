//! Any text: the flow compiler gives records or findings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = greentic_flow::compile(text, &greentic_flow::Context { components: &["shout"] });
});
