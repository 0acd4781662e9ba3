//! Settings and secrets of a composed component from Fermyon Spin's variables.
//!
//! The rule: a secret's variable begins with `secret_`, and a setting's never does. So a provider, which names its
//! secrets itself, can't read where the servers are or how to sign in there.

// On the native target a component's export names are no legal linker symbols, so the crate is empty there.
#![cfg(target_family = "wasm")]

#[allow(unsafe_code, clippy::all, clippy::restriction, reason = "generated: the canonical ABI is made of raw pointers")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/spin", "../../../wit/edge"],
        inline: "
            package greentic:spin-adapters;

            world variables {
                include greentic:edge/deployment-adapter@1.0.0;
                import fermyon:spin/variables@2.0.0;
            }
        ",
        world: "variables",
        generate_all,
    });
    use super::Variables;
    export!(Variables);
}

use bindings::exports::greentic::edge::{deployment, secrets};
use bindings::fermyon::spin::variables::{self, Error};

const SECRET_PREFIX: &str = "secret_";

struct Variables;

impl deployment::Guest for Variables {
    fn get(name: String) -> Result<Option<String>, String> {
        if name.starts_with(SECRET_PREFIX) {
            return Err(format!("`{name}` is a secret's variable and no setting"));
        }
        read(&name)
    }
}

impl secrets::Guest for Variables {
    /// None when it is not set or set to nothing.
    fn get(name: String) -> Option<Vec<u8>> {
        // Spin allows small letters, digits and `_`; the export sees to it that no two names become one.
        let variable = format!("{SECRET_PREFIX}{}", name.to_ascii_lowercase().replace(['-', '.'], "_"));
        match read(&variable) {
            Ok(value) => value.filter(|value| !value.is_empty()).map(String::into_bytes),
            Err(why) => {
                eprintln!("secret {name} can't be read: {why}");
                None
            }
        }
    }
}

fn read(variable: &str) -> Result<Option<String>, String> {
    match variables::get(variable) {
        Ok(value) => Ok(Some(value)),
        Err(Error::Undefined(_)) => Ok(None),
        Err(Error::InvalidName(why)) => Err(format!("Spin allows no variable `{variable}`: {why}")),
        Err(Error::Provider(why) | Error::Other(why)) => Err(format!("Spin can't give variable `{variable}`: {why}")),
    }
}
