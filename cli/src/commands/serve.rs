//! `greentic-edge serve`: loads a bundle and serves it until a signal. Listening, signals and the drain are the same for
//! every command that serves, and are here.

use crate::exit::{Configuration, Runtime};
use crate::{BUILTINS, logging, output, pack_directory};
use anyhow::Context;
use clap::Args;
use greentic_host::config::Config;
use greentic_host::engine::EpochTicker;
use greentic_host::host::Host;
use greentic_host::load::{self, Parts, Running};
use greentic_host::secrets::{self, SecretProvider};
use greentic_host::server::{self, Drained};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  greentic-edge serve my-bundle\n  greentic-edge serve my-bundle --config greentic.toml --port 9000\n  GREENTIC_REDIS_URL=redis://127.0.0.1 GREENTIC_NATS_URL=nats://127.0.0.1 greentic-edge serve my-bundle\n\nEvery key of greentic.toml can be set as GREENTIC_<SECTION>__<KEY>, too."
)]
pub struct Serve {
    /// Directory that holds greentic.demo.yaml
    bundle: PathBuf,
    #[command(flatten)]
    listen: Listen,
}

// Options of every command that serves. No doc comment: clap would make it the description of the command.
#[derive(Args)]
pub struct Listen {
    /// Configuration file
    #[arg(long, env = "GREENTIC_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long)]
    host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 8080]
    #[arg(long)]
    port: Option<u16>,
}

impl Listen {
    /// The configuration, with these options over it; logging is on from here.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut flags = Vec::new();
        flags.extend(self.host.clone().map(|host| ("server.host", host)));
        flags.extend(self.port.map(|port| ("server.port", port.to_string())));
        let config = Config::load(self.config.as_deref(), &flags)?;
        logging::start(&config.logging).context(Configuration)?;
        Ok(config)
    }
}

impl Serve {
    pub fn run(&self) -> anyhow::Result<()> {
        let config = self.listen.config()?;
        let secrets = secrets::open(&config.secrets).context(Configuration)?;
        let what = Serving {
            directory: &self.bundle,
            secrets: secrets.as_ref(),
            trust_directories: false,
            settings: BTreeMap::new(),
        };
        block_on(&config, serve(&config, what, |_| {}))
    }
}

/// What to serve.
pub struct Serving<'a> {
    pub directory: &'a Path,
    pub secrets: &'a dyn SecretProvider,
    pub trust_directories: bool,
    /// Settings over those of every provider in the bundle.
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// How serving ended, and what must outlive the executor.
pub struct Served {
    drained: Drained,
    /// A guest that loops yields only at its ticks: without them the executor could not be shut down around it.
    _ticker: EpochTicker,
}

impl Served {
    pub fn new(drained: Drained, ticker: EpochTicker) -> Served {
        Served { drained, _ticker: ticker }
    }
}

/// The signals that end serving: the first asks for a drain, the second for an end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// To be made before anything is loaded: a signal during a long compilation must end the process, too.
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Opens the port; gives the address, too.
pub async fn bind(config: &Config) -> anyhow::Result<(TcpListener, String)> {
    let address = format!("{}:{}", bracketed(&config.server.host), config.server.port);
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("can't listen on {address}; choose another with --port"))
        .context(Runtime)?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// Serves until a signal, then drains.
pub async fn until_signal(config: &Config, host: &Arc<Host>, listener: TcpListener, signals: &mut Signals) -> Drained {
    let grace = Duration::from_secs(config.server.graceful_shutdown_timeout);
    // The same listeners for the first signal and the second: new ones would see the first again.
    let stop = async || signals.next().await;
    server::serve(Arc::clone(host), listener, grace, stop).await
}

/// Serves on an executor of the configured size. `None`: ended before anything was served.
pub fn block_on(config: &Config, work: impl Future<Output = anyhow::Result<Option<Served>>>) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.server.workers > 0 {
        runtime.worker_threads(config.server.workers);
    }
    let runtime = runtime.enable_all().build().context("could not start the executor")?;
    let served = runtime.block_on(work);
    runtime.shutdown_timeout(SHUTDOWN);
    match served? {
        Some(Served { drained: Drained::Forced, .. }) => {
            Err(anyhow::anyhow!("stopped before every request had finished"))
        }
        _ => Ok(()),
    }
}

/// What is left of the executor's tasks after the drain gets this long; nobody waits for them any more.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Loads, listens, says so (`ready` gets the address), serves, drains.
pub async fn serve(config: &Config, what: Serving<'_>, ready: impl FnOnce(&str)) -> anyhow::Result<Option<Served>> {
    let mut signals = Signals::listen()?;
    let parts = Parts {
        config,
        directory: what.directory,
        builtins: &BUILTINS,
        build_directory: &pack_directory::build_ephemeral,
        trust_directories: what.trust_directories,
        settings: what.settings,
        secrets: what.secrets,
    };
    let Running { host, mut background, ticker, notes, crew, inlet: _ } = tokio::select! {
        loaded = load::load(&parts) => loaded.context(Configuration)?,
        () = signals.next() => return Ok(None),
    };
    let webhooks = Arc::clone(host.webhooks().context("what was loaded is no bundle")?);
    let (listener, url) = bind(config).await?;
    for note in &notes {
        output::note(note);
    }
    for (path, route) in webhooks.routes.all() {
        output::note(&format!("serving {url}{path} with {}", route.app.name));
    }
    output::line(&format!("listening on {url}"));
    ready(&url);

    let drained = until_signal(config, &host, listener, &mut signals).await;
    if drained == Drained::Clean {
        crew.finish().await;
    }
    background.shutdown().await;
    webhooks.services.outlet.close().await;
    Ok(Some(Served::new(drained, ticker)))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
