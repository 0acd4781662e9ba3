//! Settings and secrets of a composed component from the process environment, for plain `wasi:http` hosts.
//!
//! `GREENTIC_<NAME>` is a setting and `GREENTIC_SECRET__<NAME>` a secret, names in capitals. The only part of a
//! composition that sees the environment: every other one is given an empty one.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/edge", world: "deployment-adapter" });
    use super::Environment;
    export!(Environment);
}

use bindings::exports::greentic::edge::{deployment, secrets};
use wasip2::cli::environment::get_environment;

const SETTING_PREFIX: &str = "GREENTIC_";
const SECRET_PREFIX: &str = "GREENTIC_SECRET__";

struct Environment;

impl deployment::Guest for Environment {
    fn get(name: String) -> Result<Option<String>, String> {
        let variable = variable(SETTING_PREFIX, &name);
        if variable.starts_with(SECRET_PREFIX) {
            return Err(format!("`{name}` is a secret's variable and no setting"));
        }
        Ok(read(&variable))
    }
}

impl secrets::Guest for Environment {
    /// None when it is not set or set to nothing.
    fn get(name: String) -> Option<Vec<u8>> {
        read(&variable(SECRET_PREFIX, &name)).filter(|value| !value.is_empty()).map(String::into_bytes)
    }
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.to_ascii_uppercase().replace(['-', '.'], "_"))
}

fn read(variable: &str) -> Option<String> {
    get_environment().into_iter().find_map(|(name, value)| (name == variable).then_some(value))
}
