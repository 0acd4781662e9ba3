//! The host: everything that lives as long as the process and is the same for every request.

use crate::components::Gateway;
use crate::route::Routes;
use crate::services::Services;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;

/// Shared by all connections. Made by `load.rs`, immutable but for the drain flag.
pub struct Host {
    pub engine: Engine,
    pub gateway: Gateway,
    pub routes: Routes,
    pub services: Arc<Services>,
    /// Places for webhooks under way; never more than the pool can hold.
    pub places: Arc<Semaphore>,
    pub admission_wait: Duration,
    pub max_body_bytes: usize,
    /// Turns that may outlive their connection.
    pub tasks: TaskTracker,
    pub(crate) draining: AtomicBool,
    pub(crate) requests: AtomicU64,
    /// Told apart from other processes' ids in shared logs.
    pub(crate) instance: u32,
}

impl Host {
    /// `{process}-{number}`: unique enough to find one request in one log.
    pub fn next_request_id(&self) -> String {
        format!("{:08x}-{:x}", self.instance, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on webhooks are refused with 503; those under way go on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
