//! Engines: how compiled code runs, and every limit that belongs to the process and not to one request.
//!
//! Two engines. The request engine pools instances and is made for calls that take microseconds. The sidecar engine
//! allocates on demand, because its few instances live as long as the process and must not hold pool slots. Both
//! run with one epoch ticker each. Per-request limits are in `sandbox.rs`.

mod linkers;
mod native_code;
mod parts;

pub use linkers::{Role, linker};
pub use native_code::{NativeCode, NativeCodeError};
pub use parts::parts_needed;

use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

/// How often a running guest looks up and lets the executor see its deadline. A yield costs about a microsecond, so
/// 10 ms loses nothing; a shorter tick only wakes an idle machine more often.
const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Stack a guest may use before it traps. Deep recursion in the guest ends here, far from the end of the fiber.
const WASM_STACK_BYTES: usize = 512 * 1024;

/// Stack of a fiber: the guest's plus what host calls below it need (Redis and TLS futures are the deepest).
/// Virtual until touched.
const FIBER_STACK_BYTES: usize = 1024 * 1024;

/// Reserved per memory so that a 32-bit index can never leave it: no bounds check is compiled in. Virtual only.
const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;

/// Catches an offset beyond the reservation. Never 0: without it every access would need a check.
const MEMORY_GUARD_BYTES: u64 = 32 << 20;

/// Core instances one part of a component may consist of: guest code and the shims that join it to its imports. The pool
/// holds so many for each of its instances and parts, so a component that needs more is refused when it is loaded; else a
/// few calls of a large one would leave other tenants none.
const CORE_INSTANCES_PER_PART: u32 = 4;

/// Memories one part may hold, likewise: its own, and one to spare.
const MEMORIES_PER_PART: u32 = 2;

/// Tables one part may hold, likewise: one a core module.
const TABLES_PER_PART: u32 = 4;

/// Host-side bookkeeping of one part of a component and of one core instance. The edge needs about 20 KiB and 10 KiB. A
/// component over it is refused when it is loaded, not when a request comes.
const PART_BYTES: usize = 512 * 1024;
const CORE_INSTANCE_BYTES: usize = 256 * 1024;

/// Parts that a component may be made of at most. The largest composition has about 20; a pool for much larger ones would
/// have room for a few requests only.
pub const MAX_PARTS: u32 = 64;

/// Memories of one pool. Each reserves 4 GiB of addresses: 64 TiB together, half of what the system gives a process.
const MAX_MEMORIES: u32 = 16 * 1024;

/// Largest function table: the edge has under 1,000 entries; 20,000 is room for engines compiled to wasm.
const TABLE_ELEMENTS: usize = 20_000;

/// What decides how the request engine is built. Anything here that changes code changes the cache key by itself.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Instances alive at once, of all roles together.
    pub instances: u32,
    /// Parts that one component may be made of: the pool's limits for a component are so many times those for one part.
    pub parts: u32,
    /// Largest linear memory of one component.
    pub memory_bytes: usize,
    /// Bytes of each memory that are reset by hand and stay resident when a slot is given back; the rest is unmapped. See
    /// [`KEEP_RESIDENT_BYTES`].
    pub keep_resident_bytes: usize,
    /// Let the kernel's page map say which pages to reset. Faster, but in wasmtime 48.0.8 a dirty page that is swapped
    /// out or being moved may be missed, and the NEXT TENANT could read it. Off unless the operator accepts that.
    pub trust_page_map: bool,
    /// False for the benchmark's on-demand rows.
    pub pooled: bool,
}

/// The whole of a built-in guest's memory as it starts (256 KiB, `guest-adapters/artifacts/build.rs`). A slot that stayed
/// within it is reset by copying and zeroing alone: no page is unmapped, so none faults in again, and no other core has
/// to flush its translations, which under load cost more than the instance. What a guest grew beyond is unmapped.
/// Measured in docs/decisions/0003-resident-pages.md.
pub const KEEP_RESIDENT_BYTES: usize = 256 * 1024;

impl EngineSettings {
    /// Memories that the pool has room for.
    pub fn memories(&self) -> u32 {
        self.instances.saturating_mul(self.parts).saturating_mul(MEMORIES_PER_PART)
    }

    /// Instances of components of so many parts that one pool can have.
    pub fn most_instances(parts: u32) -> u32 {
        MAX_MEMORIES / MEMORIES_PER_PART.saturating_mul(parts).max(1)
    }

    /// Addresses that the pool reserves. Reserved is not used: pages come with their first write.
    pub fn reserved_bytes(&self) -> u64 {
        u64::from(self.memories()).saturating_mul(MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES)
    }
}

/// The engine that serves requests.
pub fn request_engine(settings: &EngineSettings) -> wasmtime::Result<Engine> {
    let mut config = base_config();
    if settings.pooled {
        if settings.memories() > MAX_MEMORIES {
            return Err(wasmtime::format_err!(
                "{} instances of up to {} parts are more than a process has addresses for: lower \
                 server.max_concurrent_requests or wasm.max_parts",
                settings.instances,
                settings.parts
            ));
        }
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    }
    Engine::new(&config)
}

/// The engine of the long-lived sidecar: the same code generation, memory from the system.
pub fn sidecar_engine() -> wasmtime::Result<Engine> {
    Engine::new(&base_config())
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        // Cranelift, not Winch: compiled once, run a million times.
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        // A memory that moves would invalidate the pool's reservation.
        .memory_may_move(false)
        // Start from a mapped image instead of copying data segments.
        .memory_init_cow(true)
        // A trap's frames go to the log; symbols stay out of the native code.
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        .wasm_component_model(true);
    config
}

fn pool(settings: &EngineSettings) -> PoolingAllocationConfig {
    let (n, parts) = (settings.instances, settings.parts);
    let core_instances = parts.saturating_mul(CORE_INSTANCES_PER_PART);
    let memories = parts.saturating_mul(MEMORIES_PER_PART);
    let tables = parts.saturating_mul(TABLES_PER_PART);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(n)
        // The pool counts core instances, not components: with the limits for one component, it can't run out of them.
        .total_core_instances(n.saturating_mul(core_instances))
        .total_memories(n.saturating_mul(memories))
        .total_tables(n.saturating_mul(tables))
        .total_stacks(n)
        .max_core_instances_per_component(core_instances)
        .max_memories_per_component(memories)
        .max_tables_per_component(tables)
        .max_component_instance_size(PART_BYTES.saturating_mul(parts as usize))
        .max_core_instance_size(CORE_INSTANCE_BYTES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(settings.memory_bytes)
        .linear_memory_keep_resident(settings.keep_resident_bytes)
        // A table holds a few thousand pointers at most: always cheaper to clear than to fault in.
        .table_keep_resident(64 * 1024)
        // Every slot may stay mapped to the image it last held: the same few components come again and again.
        .max_unused_warm_slots(n.saturating_mul(parts))
        // Unmap at once: a batch would keep one tenant's pages alive beside the next request.
        .decommit_batch_size(1)
        .pagemap_scan(if settings.trust_page_map { Enabled::Yes } else { Enabled::No });
    pool
}

/// Advances an engine's epoch until dropped.
#[derive(Debug)]
pub struct EpochTicker {
    stop: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EpochTicker {
    /// A thread and not a task: it must tick while every executor thread is inside a guest.
    pub fn start(engines: Vec<Engine>) -> std::io::Result<EpochTicker> {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(EPOCH_TICK) {
                engines.iter().for_each(Engine::increment_epoch);
            }
        })?;
        Ok(EpochTicker { stop, thread: Some(thread) })
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        // The thread may be gone already; either way it ends.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
