//! What guest components share beyond their WIT worlds. It knows no `greentic:edge` type: each guest generates its
//! own world, so that a world stays a list of what that one component may do.
//!
//! Empty on the native target, where `cargo build --workspace` meets it too.
#![cfg(target_family = "wasm")]

pub mod http;
