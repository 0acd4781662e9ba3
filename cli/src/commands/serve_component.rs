//! `greentic-edge serve-component`: serves any one `wasi:http` 0.2 component, with our limits and nothing granted that is
//! not named on the command line. Values of variables and environment are never shown.

use super::serve::{Listen, Served, Signals, bind, block_on, until_signal};
use crate::exit::Configuration;
use crate::output;
use anyhow::Context;
use clap::Args;
use greentic_host::config::{Config, environment};
use greentic_host::engine::MAX_PARTS;
use greentic_host::imports::program::{Allowed, Program};
use greentic_host::load::{ProgramParts, RunningProgram, load_program};
use greentic_host::secrets::Secret;
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  greentic-edge serve-component hello.wasm --port 9000\n  greentic-edge serve-component shop.wasm --allow-http https://api.example.com --variable greeting=hello\n  greentic-edge serve-component bot.wasm --env GREENTIC_REDIS_URL=redis://127.0.0.1:6379 --env GREENTIC_SECRET__BOT_TOKEN --allow-tcp 127.0.0.1:6379 --allow-tcp 127.0.0.1:4222\n\nEach request gets a fresh instance. Of greentic.toml, [server], [wasm] and [logging] are used. Our own network is reached by --allow-http only where it is named literally: an IP address or localhost."
)]
pub struct ServeComponent {
    /// Component to serve
    file: PathBuf,
    #[command(flatten)]
    listen: Listen,
    /// Environment variable of the component; NAME alone passes ours on, which keeps the value out of process lists
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Variable of the component, as in Spin (fermyon:spin/variables)
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<String>,
    /// Where its HTTP requests may go: scheme://host[:port], with `*` as any scheme or port, `*.example.com` or `*` as host
    #[arg(long, value_name = "URL")]
    allow_http: Vec<String>,
    /// Where its TCP connections may go; by name, it may also look up names
    #[arg(long, value_name = "HOST:PORT")]
    allow_tcp: Vec<String>,
    /// Parts it is composed of, which size the pool [default: counted]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PARTS)))]
    parts: Option<u32>,
}

impl ServeComponent {
    pub fn run(&self) -> anyhow::Result<()> {
        let config = self.listen.config()?;
        let wasm = std::fs::read(&self.file)
            .with_context(|| format!("can't read {}", self.file.display()))
            .context(Configuration)?;
        let allowed = self.allowed().context(Configuration)?;
        block_on(&config, self.serve(&config, wasm, allowed))
    }

    fn allowed(&self) -> anyhow::Result<Allowed> {
        Ok(Allowed {
            environment: self.env.iter().map(|given| environment_pair(given)).collect::<anyhow::Result<_>>()?,
            variables: self.variable.iter().map(|given| variable_pair(given)).collect::<anyhow::Result<_>>()?,
            http: self.allow_http.clone(),
            tcp: self.allow_tcp.clone(),
        })
    }

    async fn serve(&self, config: &Config, wasm: Vec<u8>, allowed: Allowed) -> anyhow::Result<Option<Served>> {
        let mut signals = Signals::listen()?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let (config_of_load, parts) = (config.clone(), self.parts);
        let loading = async {
            let program = Program::new(&name, allowed).await?;
            let parts = ProgramParts { config: config_of_load, wasm, program, parts };
            tokio::task::spawn_blocking(|| load_program(parts)).await?
        };
        let RunningProgram { host, ticker, note } = tokio::select! {
            loaded = loading => loaded.context(Configuration)?,
            () = signals.next() => return Ok(None),
        };
        let (listener, url) = bind(config).await?;
        output::note(&note);
        output::note(&format!("serving {url} with {}", self.file.display()));
        output::line(&format!("listening on {url}"));
        let drained = until_signal(config, &host, listener, &mut signals).await;
        Ok(Some(Served::new(drained, ticker)))
    }
}

/// `NAME=VALUE`, or the value of our own `NAME`.
fn environment_pair(given: &str) -> anyhow::Result<(String, Secret)> {
    let (name, value) = match given.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => {
            let value = environment(given);
            (
                given,
                value.with_context(|| format!("--env {given}: not set in our own environment; write {given}=VALUE"))?,
            )
        }
    };
    anyhow::ensure!(!name.is_empty(), "--env: write NAME=VALUE, or NAME to pass ours on");
    Ok((name.to_owned(), Secret::new(value.into_bytes())))
}

/// An error never shows what was given: it may be the value alone.
fn variable_pair(given: &str) -> anyhow::Result<(String, Secret)> {
    let (name, value) = given.split_once('=').context("--variable: write NAME=VALUE")?;
    Ok((name.to_owned(), Secret::new(value.as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_errors_show_no_value() {
        let (name, value) = environment_pair("A=b=c").unwrap();
        assert_eq!((name.as_str(), value.expose_text()), ("A", "b=c"));
        assert_eq!(environment_pair("PATH").unwrap().1.expose_text(), environment("PATH").unwrap());
        let unset = environment_pair("GREENTIC_NOT_SET_ANYWHERE").err().unwrap().to_string();
        assert!(unset.contains("GREENTIC_NOT_SET_ANYWHERE"), "{unset}");
        assert!(!environment_pair("=hunter2").err().unwrap().to_string().contains("hunter2"));
        assert_eq!(variable_pair("a=").unwrap().1.expose_text(), "");
        assert!(!variable_pair("hunter2").err().unwrap().to_string().contains("hunter2"));
    }
}
