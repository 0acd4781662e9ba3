//! The host: everything that lives as long as the process and is the same for every request.

use crate::components::Gateway;
use crate::config::ServerConfig;
use crate::imports::program::Program;
use crate::route::Routes;
use crate::sandbox::{GuestLimits, Sandbox};
use crate::services::Services;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

/// Shared by all connections. Made by `load/`, immutable but for the drain flag.
pub struct Host {
    pub engine: Engine,
    pub serving: Serving,
    /// Places for requests under way; never more than the pool can hold.
    pub places: Arc<Semaphore>,
    pub admission_wait: Duration,
    pub max_body_bytes: usize,
    /// Requests that may outlive their connection.
    pub tasks: TaskTracker,
    draining: AtomicBool,
    requests: AtomicU64,
    /// Told apart from other processes' ids in shared logs.
    instance: u32,
}

/// What the host serves.
pub enum Serving {
    /// A bundle's webhooks.
    Webhooks(Arc<Webhooks>),
    /// One `wasi:http` program, as it is.
    Program(Arc<ServedProgram>),
}

/// What webhooks need: who answers, for which routes, with what.
pub struct Webhooks {
    pub gateway: Gateway,
    pub routes: Routes,
    pub services: Arc<Services>,
}

/// A program, ready to instantiate, with what it was given.
pub struct ServedProgram {
    pub pre: ProxyPre<Sandbox>,
    pub program: Arc<Program>,
    pub guest: GuestLimits,
}

impl Host {
    /// A host with so many places.
    pub fn new(config: &ServerConfig, engine: Engine, serving: Serving, places: u32) -> Host {
        Host {
            engine,
            serving,
            places: Arc::new(Semaphore::new(places as usize)),
            admission_wait: Duration::from_millis(config.admission_wait_ms),
            max_body_bytes: config.max_body_bytes,
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            instance: std::process::id(),
        }
    }

    /// The webhooks, when a bundle is served.
    pub fn webhooks(&self) -> Option<&Arc<Webhooks>> {
        match &self.serving {
            Serving::Webhooks(webhooks) => Some(webhooks),
            Serving::Program(_) => None,
        }
    }

    /// The same for changing them before anything is served: `None` once they are shared.
    pub fn webhooks_mut(&mut self) -> Option<&mut Webhooks> {
        match &mut self.serving {
            Serving::Webhooks(webhooks) => Arc::get_mut(webhooks),
            Serving::Program(_) => None,
        }
    }

    /// `{process}-{number}`: unique enough to find one request in one log.
    pub fn next_request_id(&self) -> String {
        format!("{:08x}-{:x}", self.instance, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on requests are refused with 503; those under way go on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
