//! Session store of a composed component: Redis over a socket of its own, for hosts that lend nothing but sockets.
//!
//! What a turn is stands in the SDK and the keys in `greentic-session`, the same for every host; here is only where the
//! server is.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

mod store;

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/edge", world: "session-adapter" });
    use super::store::Adapter;
    export!(Adapter);
}

use bindings::greentic::edge::deployment;
use greentic_guest_sdk::redis::{Client, Server};

/// What `store.rs` talks to.
type Connection = Client;

fn connect() -> Result<Client, String> {
    let url = setting("redis_url")?
        .ok_or("`redis_url` is not set: give the component GREENTIC_REDIS_URL=redis://host:6379 in its environment")?;
    let (password, authorities) = (setting("redis_password")?, setting("redis_ca")?);
    let server = Server { url: &url, password: password.as_deref(), authorities: authorities.as_deref() };
    Client::connect(&server).map_err(|error| error.to_string())
}

/// Set to nothing is not set.
fn setting(name: &str) -> Result<Option<String>, String> {
    Ok(deployment::get(name)?.filter(|value| !value.is_empty()))
}
