//! `greentic:edge/secrets` and `settings`: what a provider was granted by name, for this route's tenant only.

use crate::bindings::greentic::edge::{secrets, settings};
use crate::sandbox::{Rights, Sandbox};

impl secrets::Host for Sandbox {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<Vec<u8>>> {
        match &self.rights {
            Rights::Provider { route, .. } => Ok(route.secrets.get(&name).map(|secret| secret.expose().to_vec())),
            _ => Err(Sandbox::not_granted("secrets")),
        }
    }
}

impl settings::Host for Sandbox {
    fn config(&mut self) -> wasmtime::Result<String> {
        match &self.rights {
            Rights::Provider { route, .. } => Ok(route.provider_config.clone()),
            _ => Err(Sandbox::not_granted("settings")),
        }
    }
}
