//! A custom flow node: gives back what it was told, louder. Built against `wit/component` and nothing else, as any
//! third party would; copy this folder to begin a node of your own.

#![cfg(target_family = "wasm")]

#[expect(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/component", world: "component" });
    use super::Shout;
    export!(Shout);
}

use bindings::{Guest, Message, Outcome};

struct Shout;

impl Guest for Shout {
    fn execute(input: Message) -> Outcome {
        if input.content.trim().is_empty() {
            let error = Some("there is nothing to shout".to_owned());
            return Outcome { success: false, data: None, error };
        }
        Outcome { success: true, data: Some(format!("{}!", input.content.to_uppercase())), error: None }
    }
}
