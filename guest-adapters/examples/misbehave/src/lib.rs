//! A flow node that misbehaves on request, for tests: the message's text says how.
//!
//! `canary WORD` looks for WORD's mark in the whole of its memory before it leaves the mark there: a mark that is found
//! was left by another instance, which must never happen.

#![cfg(target_family = "wasm")]

#[expect(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/component", world: "component" });
    use super::Misbehave;
    export!(Misbehave);
}

mod canary;

use bindings::{Guest, Message, Outcome};

struct Misbehave;

impl Guest for Misbehave {
    fn execute(input: Message) -> Outcome {
        let data = match input.content.split_once(' ').unwrap_or((&input.content, "")) {
            ("loop", _) => spin(),
            ("memory", _) => hoard(),
            ("recurse", _) => dig(1).to_string(),
            // More than any flow could use: JSON of a million numbers.
            ("babble", _) => format!("[{}0]", "0,".repeat(1 << 20)),
            ("canary", word) => canary::look_and_leave(word),
            #[expect(clippy::panic, reason = "trapping is what this guest is for")]
            ("trap", _) => panic!("as asked"),
            (other, _) => format!("behaved: {other}"),
        };
        Outcome { success: true, data: Some(data), error: None }
    }
}

fn spin() -> String {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Asks for 1 GiB, a megabyte at a time, and touches all of it.
fn hoard() -> String {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    for _ in 0..1024 {
        hoard.push(std::hint::black_box(vec![0xA5; 1 << 20]));
    }
    format!("{} MiB", hoard.len())
}

#[expect(unconditional_recursion, reason = "recursing without end is what this guest is for")]
fn dig(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    dig(std::hint::black_box(depth + 1)).wrapping_add(frame.iter().sum::<u64>())
}
