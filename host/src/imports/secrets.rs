//! `greentic:edge/secrets` and `settings`: what a provider or an app's flows were granted by name, for this route's tenant
//! only. Neither sees the other's.

use crate::bindings::greentic::edge::{secrets, settings};
use crate::sandbox::{Rights, Sandbox};

impl secrets::Host for Sandbox {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<Vec<u8>>> {
        match &self.rights {
            Rights::Provider { route, .. } => Ok(route.secrets.get(&name).map(|secret| secret.expose().to_vec())),
            Rights::Edge { route, .. } => {
                let secret = route.flow_secrets.get(&name).map(|secret| secret.expose().to_vec());
                if secret.is_none() {
                    tracing::warn!(
                        channel = %route.key,
                        secret = name,
                        "a flow asks for a secret that it is not granted: list it in pack.toml, `[secrets]`, and set it"
                    );
                }
                Ok(secret)
            }
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
