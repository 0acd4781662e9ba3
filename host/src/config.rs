//! `greentic.toml` and its environment variables (spec/bundle-and-config.md). The one place that reads either.
//!
//! Precedence: command-line flag > environment > file > default. A key that nothing here reads is refused with the
//! nearest key as a hint, so that a typing error never becomes a default.

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration file {0} does not exist")]
    Missing(PathBuf),
    #[error("configuration: {message}{hint}")]
    Invalid { message: String, hint: String },
}

/// Everything that can be configured, with its defaults.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub nats: NatsConfig,
    pub redis: RedisConfig,
    pub session: SessionConfig,
    pub logging: LoggingConfig,
    pub security: SecurityConfig,
    pub wasm: WasmConfig,
    pub secrets: SecretsConfig,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    pub host: String,
    pub port: u16,
    /// Executor threads; 0 is one a core.
    pub workers: usize,
    /// Seconds that requests under way get on shutdown.
    pub graceful_shutdown_timeout: u64,
    pub max_body_bytes: usize,
    /// The `env` of every tenant context.
    pub env: String,
    /// Webhooks worked on at once. More wait `admission_wait_ms`, then get 503.
    pub max_concurrent_requests: u32,
    pub admission_wait_ms: u64,
    /// Whether this process also sends replies. Off where other hosts on the same bus do.
    pub egress_worker: bool,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            // Loopback until told otherwise.
            host: "127.0.0.1".into(),
            port: 8080,
            workers: 0,
            graceful_shutdown_timeout: 30,
            // A webhook is a few KiB; 1 MiB holds the largest batch but WhatsApp's, whose operator raises it.
            max_body_bytes: 1 << 20,
            env: "dev".into(),
            // Each may hold two pool slots; 256 of them hold 50 MiB when all are busy at once.
            max_concurrent_requests: 256,
            // Longer than a burst, shorter than the 3 s that Slack waits.
            admission_wait_ms: 1_000,
            egress_worker: true,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// Set by naming a URL.
    pub enabled: Option<bool>,
    pub url: Option<String>,
    pub urls: Vec<String>,
    /// `secret://name`: `user:password`, a token, or an nkey seed (`SU…`).
    pub credentials: Option<String>,
    /// Seconds.
    pub connection_timeout: u64,
    pub jetstream: bool,
}

impl Default for NatsConfig {
    fn default() -> NatsConfig {
        NatsConfig {
            enabled: None,
            url: None,
            urls: Vec::new(),
            credentials: None,
            connection_timeout: 5,
            jetstream: true,
        }
    }
}

impl NatsConfig {
    /// The servers, when NATS is on.
    pub fn servers(&self) -> Vec<String> {
        if self.enabled == Some(false) {
            return Vec::new();
        }
        self.url.iter().chain(&self.urls).cloned().collect()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    pub url: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// `memory` or `redis`; redis when a Redis URL is set.
    pub store: Option<String>,
    /// Seconds a conversation is remembered after its last message.
    pub default_timeout: u32,
    /// Memory store only: Redis has its own limits.
    pub max_sessions_per_tenant: usize,
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig { store: None, default_timeout: 1_800, max_sessions_per_tenant: 10_000 }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter as `tracing` understands it.
    pub level: String,
    /// `pretty` or `json`.
    pub format: String,
}

impl Default for LoggingConfig {
    fn default() -> LoggingConfig {
        LoggingConfig { level: "info".into(), format: "pretty".into() }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityConfig {
    /// Files with Ed25519 public keys (SPKI, PEM). Relative to the bundle.
    pub trusted_publishers: Vec<PathBuf>,
    pub reject_unsigned_packs: bool,
}

impl Default for SecurityConfig {
    fn default() -> SecurityConfig {
        SecurityConfig { trusted_publishers: Vec::new(), reject_unsigned_packs: true }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WasmConfig {
    pub max_memory_mb: usize,
    /// All components of the process together. Pages count when a component asks for them, touched or not.
    pub all_memory_mb: usize,
    pub max_execution_time_ms: u64,
    /// Parts that one component may be composed of: each raises what the pool sets aside for every instance.
    pub max_parts: u32,
    /// Where precompiled code is kept; by default below the user's cache directory.
    pub cache_dir: Option<PathBuf>,
    /// Faster resets, by trusting the kernel's page map. In wasmtime 48 a page that is swapped out or moved at the wrong
    /// moment may keep its content for the NEXT TENANT: only for machines where that can't happen or doesn't matter.
    pub risk_stale_pages_for_speed: bool,
}

impl Default for WasmConfig {
    fn default() -> WasmConfig {
        WasmConfig {
            max_memory_mb: 256,
            // Every place of the default pool with its 256 KiB is 136 MiB; the rest is for those that need more.
            all_memory_mb: 4_096,
            max_execution_time_ms: 30_000,
            max_parts: 1,
            cache_dir: None,
            risk_stale_pages_for_speed: false,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    pub provider: String,
    pub file: Option<FileSecretsConfig>,
}

impl Default for SecretsConfig {
    fn default() -> SecretsConfig {
        SecretsConfig { provider: "env".into(), file: None }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSecretsConfig {
    pub directory: PathBuf,
}

/// The documented short variables, and what they stand for.
const SHORT_VARIABLES: [(&str, &str); 6] = [
    ("host", "server.host"),
    ("port", "server.port"),
    ("log_level", "logging.level"),
    ("log_format", "logging.format"),
    ("nats_url", "nats.url"),
    ("redis_url", "redis.url"),
];

impl Config {
    /// Reads file and environment, then lets `flags` (dotted key, value) have the last word.
    pub fn load(file: Option<&Path>, flags: &[(&str, String)]) -> Result<Config, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Missing(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(environment_provider());
        for (key, value) in flags {
            figment = match value.parse::<u64>() {
                Ok(number) => figment.merge(Serialized::default(key, number)),
                Err(_) => figment.merge(Serialized::default(key, value)),
            };
        }
        figment.extract().map_err(explain)
    }
}

/// `GREENTIC_<SECTION>__<KEY>` and the short names. Secrets have variables of their own, which are not configuration.
fn environment_provider() -> Env {
    Env::prefixed("GREENTIC_")
        .filter(|key| {
            let key = key.as_str().to_ascii_lowercase();
            let short = SHORT_VARIABLES.iter().any(|(short, _)| *short == key);
            short || (key.contains("__") && !key.starts_with("secret__"))
        })
        .map(|key| {
            let lower = key.as_str().to_ascii_lowercase();
            match SHORT_VARIABLES.iter().find(|(short, _)| *short == lower) {
                Some((_, full)) => (*full).into(),
                None => lower.replace("__", ".").into(),
            }
        })
}

fn explain(error: figment::Error) -> ConfigError {
    use figment::error::Kind;
    let hint = match &error.kind {
        Kind::UnknownField(found, known) => greentic_types::nearest(found, known.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default(),
        _ => String::new(),
    };
    // Never the value that was found, nor a line of the file: a URL may hold a password.
    let message = match &error.kind {
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => {
            format!("{}: expected {wanted}", error.path.join("."))
        }
        Kind::Message(text) => text.lines().next().unwrap_or_default().to_owned(),
        _ => error.to_string(),
    };
    ConfigError::Invalid { message, hint }
}

/// One environment variable. Only configuration and the secrets provider `env` may ask.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Below the user's cache directory, as other tools do.
pub fn default_cache_dir() -> PathBuf {
    environment("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("greentic-edge")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(Some(file.path()), &[])
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = Config::default();
        assert_eq!((config.server.host.as_str(), config.server.port), ("127.0.0.1", 8080));
        assert!(config.security.reject_unsigned_packs);
        assert!(!config.wasm.risk_stale_pages_for_speed);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let message = load("[server]\nprot = 1\n").unwrap_err().to_string();
        assert!(message.contains("prot") && message.contains("did you mean `port`?"), "{message}");
    }

    #[test]
    fn no_error_shows_a_value() {
        for text in ["[nats]\nurls = \"nats://user:hunter2@h\"\n", "[redis]\nurl = \"redis://user:hunter2@h\n"] {
            let message = load(text).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn flags_have_the_last_word() {
        let config = Config::load(None, &[("server.port", "0".into()), ("server.host", "::1".into())]).unwrap();
        assert_eq!((config.server.host.as_str(), config.server.port), ("::1", 0));
    }

    #[test]
    fn a_nats_url_switches_it_on_and_enabled_switches_it_off() {
        assert_eq!(load("[nats]\nurl = \"nats://a\"\n").unwrap().nats.servers(), ["nats://a"]);
        assert!(load("[nats]\nenabled = false\nurl = \"nats://a\"\n").unwrap().nats.servers().is_empty());
    }
}
