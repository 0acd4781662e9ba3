//! From configuration and bundle to a host that only has to serve: everything that can be done once is done here.
//!
//! Order: bundle, engines, plan (packs, providers), routes, store, bus. An error names the thing and what to do;
//! nothing is served until all of it is there.

mod bus;
mod packs;
mod plan;
mod program;
mod routes;
mod texts;

pub use plan::{Plan, PlannedApp, PlannedChannel, PlannedProvider};
pub use program::{ProgramParts, RunningProgram, load_program};

use crate::bundle::Bundle;
use crate::bus::Inlet;
use crate::components::Loader;
use crate::config::{Config, default_cache_dir};
use crate::engine::{
    EngineSettings, EpochTicker, KEEP_RESIDENT_BYTES, MAX_PARTS, NativeCode, Role, request_engine, sidecar_engine,
};
use crate::host::{Host, Serving, Webhooks};
use crate::imports::session::{SessionStore, StoreSettings, in_memory, in_redis};
use crate::sandbox::GuestLimits;
use crate::secrets::SecretProvider;
use crate::services::{Services, TurnLimits};
use crate::{relay, worker};
use anyhow::Context;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::task::JoinSet;

/// The components that the binary carries inside it.
pub struct Builtins {
    pub edge: &'static [u8],
    pub egress_nats: &'static [u8],
    /// Provider id in a bundle, and its component.
    pub providers: &'static [(&'static str, &'static [u8])],
}

/// A pack made from a directory: its bytes and who signed it.
pub struct BuiltPack {
    pub bytes: Vec<u8>,
    pub signer: VerifyingKey,
}

/// Packs directories. The command line's, because compiling flows is not the host's business.
pub type BuildDirectory = dyn Fn(&Path) -> anyhow::Result<BuiltPack> + Send + Sync;

/// What a host is made from.
pub struct Parts<'a> {
    pub config: &'a Config,
    pub directory: &'a Path,
    pub builtins: &'a Builtins,
    pub build_directory: &'a BuildDirectory,
    /// Whether a directory's pack is trusted because it is part of this very bundle: the demo's way.
    pub trust_directories: bool,
    /// Settings over those of every provider in the bundle: where the demo puts its own platform.
    pub settings: BTreeMap<String, serde_json::Value>,
    pub secrets: &'a dyn SecretProvider,
}

/// A host and what works for it in the background.
pub struct Running {
    pub host: Arc<Host>,
    /// The bus's way in, for programs that embed the host and consume by themselves.
    pub inlet: Arc<dyn Inlet>,
    /// Who sends the replies; to be finished before the background is stopped.
    pub crew: worker::Crew,
    pub background: JoinSet<()>,
    /// Dropped last: guests under way need its ticks to see their deadline.
    pub ticker: EpochTicker,
    /// One line each: what it runs on.
    pub notes: Vec<String>,
}

/// Builds everything and starts the background work.
pub async fn load(parts: &Parts<'_>) -> anyhow::Result<Running> {
    let config = parts.config;
    // It becomes a token of subjects, a part of keys and a folder of secrets.
    greentic_types::check_id(&config.server.env).context("server.env")?;
    anyhow::ensure!(
        (1..=MAX_PARTS).contains(&config.wasm.max_parts),
        "wasm.max_parts: write a number from 1 to {MAX_PARTS}"
    );
    let bundle = Bundle::read(parts.directory)?;
    let guest = guest_limits(config);
    let engine = request_engine(&engine_settings(config)).map_err(|error| anyhow::anyhow!("engine: {error:#}"))?;
    let sidecar = sidecar_engine().map_err(|error| anyhow::anyhow!("sidecar's engine: {error:#}"))?;
    // Before the first guest runs: describing a provider is guest code too.
    let ticker = EpochTicker::start(vec![engine.clone(), sidecar.clone()]).context("could not start a thread")?;
    let code = NativeCode::open(&config.wasm.cache_dir.clone().unwrap_or_else(default_cache_dir))?;
    let loader = Loader { engine: &engine, code: &code };

    let gateway = loader.gateway("edge", parts.builtins.edge, Role::Edge)?;
    let plan = plan::read(parts, &bundle, &loader, &guest).await?;
    let routes = routes::load(parts, &bundle, plan, &loader)?;

    let mut notes = Vec::new();
    let store = session_store(config, &mut notes)?;
    let mut background = JoinSet::new();
    let sidecar_loader = Loader { engine: &sidecar, code: &code };
    let bus = bus::open(parts, &sidecar_loader, &guest, &mut background, &mut notes).await?;
    let services = Arc::new(Services { store, outlet: bus.outlet, guest: guest.clone(), turn: TurnLimits::default() });

    background.spawn(relay::run(Arc::clone(&services)));
    let crew = worker::Crew::new();
    let sending = if config.server.egress_worker { routes.all() } else { Vec::new() };
    for (_, route) in sending {
        let (inlet, crew) = (Arc::clone(&bus.inlet), crew.clone());
        background.spawn(worker::run(Arc::clone(route), Arc::clone(&services), inlet, crew));
    }
    let serving = Serving::Webhooks(Arc::new(Webhooks { gateway, routes, services }));
    let host = Host::new(&config.server, engine, serving, config.server.max_concurrent_requests);
    Ok(Running { host: Arc::new(host), inlet: bus.inlet, crew, background, ticker, notes })
}

/// What a bundle means, for composition: nothing is served or connected to, and of all code only the providers'
/// `describe` runs, so no pool is needed.
pub async fn plan(parts: &Parts<'_>, bundle: &Bundle) -> anyhow::Result<Plan> {
    let config = parts.config;
    greentic_types::check_id(&config.server.env).context("server.env")?;
    let settings = EngineSettings { pooled: false, ..engine_settings(config) };
    let engine = request_engine(&settings).map_err(|error| anyhow::anyhow!("engine: {error:#}"))?;
    let _ticker = EpochTicker::start(vec![engine.clone()]).context("could not start a thread")?;
    let code = NativeCode::open(&config.wasm.cache_dir.clone().unwrap_or_else(default_cache_dir))?;
    plan::read(parts, bundle, &Loader { engine: &engine, code: &code }, &guest_limits(config)).await
}

/// The pool holds, at once: for each webhook the edge and one component that it called, and the senders.
fn engine_settings(config: &Config) -> EngineSettings {
    EngineSettings {
        instances: config.server.max_concurrent_requests.saturating_mul(2).saturating_add(worker::SENDERS),
        parts: config.wasm.max_parts,
        memory_bytes: config.wasm.max_memory_mb << 20,
        keep_resident_bytes: KEEP_RESIDENT_BYTES,
        trust_page_map: config.wasm.risk_stale_pages_for_speed,
        pooled: true,
    }
}

fn guest_limits(config: &Config) -> GuestLimits {
    let memory = config.wasm.max_memory_mb << 20;
    GuestLimits {
        memory_bytes: memory,
        total_memory_bytes: memory.saturating_mul(2),
        process_memory_left: Arc::new(AtomicUsize::new(config.wasm.all_memory_mb << 20)),
        wall: Duration::from_millis(config.wasm.max_execution_time_ms),
    }
}

fn session_store(config: &Config, notes: &mut Vec<String>) -> anyhow::Result<Arc<dyn SessionStore>> {
    let wanted = config.session.store.as_deref();
    match (wanted, &config.redis.url) {
        (Some("redis") | None, Some(url)) => {
            notes.push("session store: Redis".into());
            in_redis(url, StoreSettings::default()).context("redis.url")
        }
        (Some("redis"), None) => anyhow::bail!("session.store is `redis`: set redis.url (or GREENTIC_REDIS_URL)"),
        (Some("memory") | None, _) => {
            notes.push("session store: in this process (conversations end with it; set redis.url to keep them)".into());
            Ok(in_memory(StoreSettings::default(), config.session.max_sessions_per_tenant))
        }
        (Some(other), _) => anyhow::bail!("session.store is `{other}`: use `memory` or `redis`"),
    }
}
