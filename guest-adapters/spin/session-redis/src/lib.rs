//! Session store of a composed component on Fermyon Spin: the same steps over Spin's outbound Redis.
//!
//! What a turn is stands in the SDK and the keys in `greentic-session`, the same for every host; here is only how Spin
//! passes a command on. Spin gives nested replies as one flat list, which is how `greentic_session::steps` reads them.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

#[path = "../../../composed/session-redis/src/store.rs"]
mod store;

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/spin", "../../../wit/edge"],
        inline: "
            package greentic:spin-adapters;

            world session-redis {
                include greentic:edge/session-adapter@1.0.0;
                import fermyon:spin/redis@2.0.0;
            }
        ",
        world: "session-redis",
        generate_all,
    });
    use super::store::Adapter;
    export!(Adapter);
}

use bindings::fermyon::spin::redis::{self, RedisParameter, RedisResult};
use bindings::greentic::edge::deployment;
use greentic_guest_sdk::address::ServerUrl;
use greentic_guest_sdk::session::{Redis, RedisError};
use greentic_session::steps::{Command, Reply};

/// What `store.rs` talks to.
struct Connection(redis::Connection);

fn connect() -> Result<Connection, String> {
    let url = setting("redis_url")?.ok_or("`redis_url` is not set: set the Spin variable redis_url")?;
    let address = match setting("redis_password")? {
        Some(password) => ServerUrl::with_password(&url, &password),
        None => Some(url),
    };
    let address = address.ok_or("`redis_url` is no redis://[user:password@]host[:port][/db]")?;
    redis::Connection::open(&address).map(Connection).map_err(shown)
}

/// Set to nothing is not set: a variable of Spin's that need not be given has an empty default.
fn setting(name: &str) -> Result<Option<String>, String> {
    Ok(deployment::get(name)?.filter(|value| !value.is_empty()))
}

impl Redis for Connection {
    fn command(&mut self, command: &Command) -> Result<Vec<Reply>, RedisError> {
        let arguments: Vec<RedisParameter> = command.arguments.iter().cloned().map(RedisParameter::Binary).collect();
        match self.0.execute(command.name, &arguments) {
            Ok(results) => Ok(results.into_iter().map(reply).collect()),
            Err(redis::Error::Other(text)) => Err(RedisError::told(&text)),
            Err(error) => Err(RedisError::Unavailable(shown(error))),
        }
    }
}

fn reply(result: RedisResult) -> Reply {
    match result {
        RedisResult::Nil => Reply::Nil,
        RedisResult::Status(status) => Reply::Status(status),
        RedisResult::Int64(number) => Reply::Int(number),
        RedisResult::Binary(bytes) => Reply::Bytes(bytes),
    }
}

/// Without the address: it may hold a password.
fn shown(error: redis::Error) -> String {
    match error {
        redis::Error::InvalidAddress => {
            "Spin refuses the address in `redis_url`: name it in the component's allowed_outbound_hosts".to_owned()
        }
        redis::Error::TooManyConnections => "Spin has no connection left for this component".to_owned(),
        redis::Error::TypeError => "Redis gave a value of another type".to_owned(),
        redis::Error::Other(text) => text,
    }
}
