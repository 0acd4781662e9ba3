//! Logs: to standard error, pretty for people or JSON for machines.

use greentic_host::config::LoggingConfig;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts logging for the process. Cranelift and the NATS client talk much at `info`; they are kept to warnings unless
/// named.
pub fn start(config: &LoggingConfig) -> anyhow::Result<()> {
    let level = &config.level;
    let filter = if level.contains('=') || level.contains(',') {
        level.clone()
    } else {
        format!("warn,greentic_host={level},greentic_edge={level}")
    };
    let filter = EnvFilter::try_new(&filter)
        .map_err(|_| anyhow::anyhow!("logging.level `{level}`: use error, warn, info, debug or trace"))?;
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format.as_str() {
        "json" => logs.json().try_init(),
        "pretty" => logs.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        other => anyhow::bail!("logging.format `{other}`: use pretty or json"),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
