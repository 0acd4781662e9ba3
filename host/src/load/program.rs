//! From one component's bytes to a host that serves it as it is: no bundle, no session store, no bus.
//!
//! The pool is sized for this one component, whose parts are counted unless the operator says how many; what that reserves
//! is bounded and said in one line.

use super::{engine_settings, guest_limits};
use crate::components::Loader;
use crate::config::{Config, default_cache_dir};
use crate::engine::{EngineSettings, EpochTicker, NativeCode, parts_needed, request_engine};
use crate::host::{Host, ServedProgram, Serving};
use crate::imports::program::Program;
use anyhow::Context;
use std::sync::Arc;

/// What a program is served from. Owned, because compiling it blocks a thread for seconds.
pub struct ProgramParts {
    pub config: Config,
    pub wasm: Vec<u8>,
    pub program: Program,
    /// Parts that the component is made of; counted when `None`.
    pub parts: Option<u32>,
}

/// A host and what must outlive its guests.
pub struct RunningProgram {
    pub host: Arc<Host>,
    pub ticker: EpochTicker,
    /// What the pool was sized for.
    pub note: String,
}

/// Compiles, links and sizes. Blocks.
pub fn load_program(ProgramParts { config, wasm, program, parts }: ProgramParts) -> anyhow::Result<RunningProgram> {
    let name = program.name().to_owned();
    let code = NativeCode::open(&config.wasm.cache_dir.clone().unwrap_or_else(default_cache_dir))?;
    let (parts, counted) = match parts {
        Some(parts) => (parts, "given"),
        None => (parts_needed(&engine_settings(&config), &code, &wasm).with_context(|| name.clone())?, "counted"),
    };
    let wanted = config.server.max_concurrent_requests;
    // One instance a request: nothing is called in a store of its own.
    let instances = wanted.min(EngineSettings::most_instances(parts));
    let settings = EngineSettings { instances, parts, ..engine_settings(&config) };
    let engine = request_engine(&settings).map_err(|error| anyhow::anyhow!("engine: {error:#}"))?;
    let ticker = EpochTicker::start(vec![engine.clone()]).context("could not start a thread")?;
    let pre = Loader { engine: &engine, code: &code }.program(&name, &wasm).with_context(|| name.clone())?;
    let served = ServedProgram { pre, program: Arc::new(program), guest: guest_limits(&config) };
    let serving = Serving::Program(Arc::new(served));
    let host = Arc::new(Host::new(&config.server, engine, serving, instances));
    Ok(RunningProgram { host, ticker, note: note(&settings, wanted, counted, config.wasm.all_memory_mb) })
}

/// The numbers of the pool, in one line.
fn note(settings: &EngineSettings, wanted: u32, counted: &str, all_memory_mb: usize) -> String {
    let EngineSettings { instances, parts, .. } = settings;
    let lowered = if *instances < wanted {
        format!(" (not {wanted}: they would not fit the address space)")
    } else {
        String::new()
    };
    let (memories, reserved) = (settings.memories(), settings.reserved_bytes() >> 30);
    format!(
        "pool: {instances} requests at once{lowered}, {parts} parts each ({counted}): {memories} memories, {reserved} GiB of \
         addresses reserved, at most {all_memory_mb} MiB used"
    )
}
