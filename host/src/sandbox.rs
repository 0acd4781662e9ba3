//! The sandbox: everything one guest instance can reach, and what stops it from taking more than its share.
//!
//! Reviewing our attack surface means reading `Sandbox`, `Rights` and `engine/linkers.rs`. A sandbox is made for one
//! call and dropped with it; nothing in it survives into another request. Shared things (`Route`, `Services`) are
//! immutable and reach a guest only through the functions in `imports/`.

use crate::imports::egress_feed::Feed;
use crate::imports::outgoing_http::Outgoing;
use crate::imports::program::Program;
use crate::imports::session::Lease;
use crate::imports::stderr::LoggedStderr;
use crate::route::Route;
use crate::services::Services;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What an instance is for, with exactly what that needs.
pub enum Rights {
    /// One webhook (or turn) of one route. Network only to what the bundle allows the app, and none by default.
    Edge { route: Arc<Route>, services: Arc<Services>, received_at: u64, deadline: Instant, lease: Option<Lease> },
    /// The provider of one route. Network only while sending: a webhook is answered from what it brought.
    Provider { route: Arc<Route>, sending: bool },
    /// Nothing: it may compute.
    None,
    /// The bus's sidecar.
    Sidecar { feed: Arc<Feed>, addresses: Vec<SocketAddr> },
    /// One request to a program that is served as it is.
    Program(Arc<Program>),
}

/// State of one store.
pub struct Sandbox {
    pub(crate) rights: Rights,
    pub(crate) memory: MemoryBudget,
    outgoing: Outgoing,
    table: ResourceTable,
    http: WasiHttpCtx,
    /// Made on first use: seeding its randomness costs a system call that an ordinary turn does without.
    wasi: Option<WasiCtx>,
}

/// Limits of one store. Every number has its reason where the default is set.
#[derive(Debug, Clone)]
pub struct GuestLimits {
    /// One linear memory.
    pub memory_bytes: usize,
    /// All memories of a store: composed parts share this.
    pub total_memory_bytes: usize,
    /// What is left for all stores of the process together: a tenant's components must not have the kernel end the
    /// process with everybody's turns.
    pub process_memory_left: Arc<AtomicUsize>,
    /// Wall time of a whole request, from instantiation to the return of the call.
    pub wall: std::time::Duration,
}

impl Default for GuestLimits {
    fn default() -> GuestLimits {
        GuestLimits {
            memory_bytes: 256 << 20,
            total_memory_bytes: 512 << 20,
            process_memory_left: Arc::new(AtomicUsize::new(4 << 30)),
            wall: std::time::Duration::from_secs(30),
        }
    }
}

/// Bytes a guest may move through host calls in one call's arguments: the body limit plus room for its encoding.
/// Without it a guest could make the host lift a list of its whole memory.
const HOSTCALL_FUEL: usize = 32 << 20;

/// Handles (streams, futures, header maps) a guest may hold: an HTTP exchange needs about ten.
const MAX_HANDLES: usize = 256;

/// Entries of the host's resource table behind those handles.
const MAX_RESOURCES: usize = 512;

/// Headers a guest may build, in memory. Twice what our server accepts on the wire, for the map's own overhead.
const MAX_FIELD_BYTES: usize = 64 * 1024;

impl Sandbox {
    /// A store with every limit set. The epoch deadline is set BEFORE anything is instantiated, because a component's
    /// start function is guest code too.
    pub fn store(engine: &Engine, limits: &GuestLimits, rights: Rights) -> Store<Sandbox> {
        let outgoing = match &rights {
            Rights::Provider { route, sending: true } => Outgoing::granted(route.outgoing.clone()),
            Rights::Edge { route, .. } => Outgoing::granted(route.app.hosts.clone()),
            Rights::Program(program) => Outgoing::granted(program.clone()),
            Rights::Provider { .. } | Rights::None | Rights::Sidecar { .. } => Outgoing::none(),
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELD_BYTES);
        let memory = MemoryBudget::new(limits);
        let mut store = Store::new(engine, Sandbox { rights, memory, outgoing, table, http, wasi: None });
        store.limiter(|sandbox| &mut sandbox.memory);
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_max_component_handles(MAX_HANDLES);
        // At each tick the guest yields, and whoever polls it sees its deadline. The deadline itself is a timeout
        // around the call, so it covers host calls and start-up as well as guest code.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }

    /// The error of a right that this role has not. Linkers keep such a call from being linked at all; this is the
    /// second lock.
    pub(crate) fn not_granted(what: &'static str) -> wasmtime::Error {
        wasmtime::format_err!("{what} is not granted to this component")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A turn that ended before `settle` (trap, deadline, refused commit) must not keep its conversation waiting
        // until the lease runs out.
        if let Rights::Edge { services, lease, .. } = &mut self.rights
            && let Some(lease) = lease.take()
        {
            services.store.release(lease);
        }
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let rights = &self.rights;
        let ctx = self.wasi.get_or_insert_with(|| context(rights));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

/// An empty WASI context: no environment, argument, directory or input, no network; standard error becomes log lines,
/// other output is discarded. The sidecar may connect to the bus's addresses and nothing else. A program has what its
/// operator gave it.
fn context(rights: &Rights) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    // Made byte by byte in one call that no deadline can interrupt: 64 KiB is a fraction of a millisecond.
    builder.max_random_size(64 * 1024);
    builder.allow_udp(false).allow_tcp(false).allow_ip_name_lookup(false);
    let speaker = match rights {
        Rights::Edge { route, .. } | Rights::Provider { route, .. } => Some(route.key.to_string()),
        Rights::Sidecar { .. } => Some("egress-nats".to_owned()),
        Rights::Program(_) | Rights::None => None,
    };
    if let Some(speaker) = speaker {
        builder.stderr(LoggedStderr::new(&speaker));
    }
    match rights {
        Rights::Sidecar { addresses, .. } => {
            let addresses = addresses.clone();
            builder.allow_tcp(true).socket_addr_check(move |address, reason| {
                Box::pin(std::future::ready(may_use(&addresses, address, reason)))
            });
        }
        Rights::Program(program) => program.equip(&mut builder),
        Rights::Edge { .. } | Rights::Provider { .. } | Rights::None => {}
    }
    builder.build()
}

/// Whether a socket may be used so: to connect to a granted address, and for nothing else.
pub(crate) fn may_use(granted: &[SocketAddr], address: SocketAddr, reason: SocketAddrUse) -> bool {
    match reason {
        SocketAddrUse::TcpConnect => granted.contains(&address),
        // The library binds before it connects; only "any port of any interface" is harmless.
        SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
        _ => false,
    }
}

/// Counts a store's memories together, which wasmtime's own limits do not.
pub struct MemoryBudget {
    one: usize,
    total: usize,
    used: usize,
    process_left: Arc<AtomicUsize>,
    /// Remembered, because the guest turns a refusal into a plain trap.
    pub(crate) refused: bool,
}

impl MemoryBudget {
    fn new(limits: &GuestLimits) -> MemoryBudget {
        MemoryBudget {
            one: limits.memory_bytes,
            total: limits.total_memory_bytes,
            used: 0,
            process_left: Arc::clone(&limits.process_memory_left),
            refused: false,
        }
    }
}

impl Drop for MemoryBudget {
    fn drop(&mut self) {
        self.process_left.fetch_add(self.used, Ordering::AcqRel);
    }
}

impl wasmtime::ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let used = self.used.saturating_add(more);
        let granted = desired <= self.one
            && used <= self.total
            && self
                .process_left
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(more))
                .is_ok();
        if granted {
            self.used = used;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The pool's slot is the same size; on-demand engines get the same answer.
        Ok(desired <= 20_000)
    }
}
