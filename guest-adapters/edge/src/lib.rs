//! The edge component: gateway and flow engine. One component for all channels, packs and tenants.
//!
//! It exports `greentic:edge/webhook`, which our host calls, and `wasi:http/incoming-handler`, the same function for
//! every other host. An instance lives for one request: globals never hold anything of a tenant. What a turn is and
//! in which order its effects happen is in `turn.rs`; this file only joins the parts.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

mod convert;
mod flow;
mod http;
mod outbox;
mod outgoing;
mod turn;

#[expect(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/edge", world: "edge", generate_all });
    use super::Edge;
    export!(Edge);
}

use bindings::exports::greentic::edge::webhook::{Guest, Request, Response};

struct Edge;

impl Guest for Edge {
    fn handle(request: Request) -> Response {
        turn::handle(&request)
    }
}
