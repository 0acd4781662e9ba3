//! Secrets: a type that can't be shown, and the providers that secrets come from.
//!
//! A secret is fetched in a tenant's scope when the bundle is loaded and kept in the route it belongs to. It enters a
//! guest only by the guest's own call and dies with the instance. A new provider is one file and one line in `open`.

mod env;
mod file;

use crate::config::SecretsConfig;
use greentic_types::TenantCtx;
use zeroize::Zeroizing;

/// A secret's bytes. No `Debug`, no `Display`, no serialisation: there is nothing to print it with.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// The bytes, for handing to who was granted them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As text; empty when it is none (which then matches nothing).
    pub fn expose_text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("secrets provider `{0}` is not known; use `env` or `file`")]
    UnknownProvider(String),
    #[error("secrets provider `file` needs `[secrets.file] directory = \"…\"`")]
    NoDirectory,
    #[error("secret {name}: {reason}")]
    Unreadable { name: String, reason: String },
    #[error(
        "secrets `{first}` and `{second}` would both be read from {variable}; rename one, or use the `file` provider"
    )]
    Collision { first: String, second: String, variable: String },
}

/// Where secrets come from. `None` scope: the process's own (the bus's credentials).
pub trait SecretProvider: Send + Sync {
    /// `Ok(None)` when there is no such secret.
    fn get(&self, scope: Option<&TenantCtx>, name: &str) -> Result<Option<Secret>, SecretError>;

    /// How an operator sets it, in a sentence.
    fn remedy(&self, scope: Option<&TenantCtx>, name: &str) -> String;
}

/// The provider that the configuration names.
pub fn open(config: &SecretsConfig) -> Result<Box<dyn SecretProvider>, SecretError> {
    match config.provider.as_str() {
        "env" => Ok(Box::new(env::EnvSecrets::default())),
        "file" => {
            let file = config.file.as_ref().ok_or(SecretError::NoDirectory)?;
            Ok(Box::new(file::FileSecrets::new(file.directory.clone())))
        }
        other => Err(SecretError::UnknownProvider(other.to_owned())),
    }
}

/// Secrets given as they are: the demo's, made on the spot.
#[derive(Default)]
pub struct FixedSecrets(pub std::collections::BTreeMap<String, Secret>);

impl SecretProvider for FixedSecrets {
    fn get(&self, _: Option<&TenantCtx>, name: &str) -> Result<Option<Secret>, SecretError> {
        Ok(self.0.get(name).cloned())
    }

    fn remedy(&self, _: Option<&TenantCtx>, name: &str) -> String {
        format!("the demo makes its own secrets and none is called `{name}`: use `greentic-edge serve`")
    }
}
