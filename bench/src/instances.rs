//! Fresh instances: what one costs from making the store to dropping it, and how many pages it faults in.
//!
//! Rows "edge" run the real edge component with everything real but the provider, whose import answers from memory, so
//! that the row is one instance. "with its provider" adds the second instance that a webhook needs.

use crate::bare;
use crate::served::{self, Served};
use anyhow::{Context, ensure};
use greentic_host::bindings::component::Message;
use greentic_host::bindings::exports::greentic::edge::webhook::GuestIndices;
use greentic_host::bindings::greentic::edge::types::{Request, Response};
use greentic_host::components::{Gateway, Loader, Node};
use greentic_host::engine::{EngineSettings, KEEP_RESIDENT_BYTES, NativeCode, Role, linker, request_engine};
use greentic_host::sandbox::{GuestLimits, Rights, Sandbox};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Engine;
use wasmtime::component::InstancePre;

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub p10_us: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub minor_faults: f64,
    /// p50 over the p50 of bare wasmtime on the same bytes.
    pub to_bare: Option<f64>,
}

/// How the engine keeps its memory.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    pooled: bool,
    keep_resident: usize,
    trust_page_map: bool,
}

const VARIANTS: [Variant; 4] = [
    Variant { name: "pooled (our default)", pooled: true, keep_resident: KEEP_RESIDENT_BYTES, trust_page_map: false },
    Variant { name: "pooled, nothing resident", pooled: true, keep_resident: 0, trust_page_map: false },
    Variant { name: "pooled, page map trusted", pooled: true, keep_resident: 4 << 20, trust_page_map: true },
    Variant { name: "on demand", pooled: false, keep_resident: 0, trust_page_map: false },
];

pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let iterations = if quick { 500 } else { 10_000 };
    runtime.block_on(async {
        let mut rows = Vec::new();
        let pooled = bare::row(true, iterations).await?;
        let on_demand = bare::row(false, iterations).await?;
        let (pooled_p50, on_demand_p50) = (pooled.p50_us, on_demand.p50_us);
        rows.push(pooled);
        rows.push(on_demand);
        for variant in VARIANTS {
            let mut row = node(variant, iterations).await?;
            row.to_bare = Some(row.p50_us / if variant.pooled { pooled_p50 } else { on_demand_p50 });
            rows.push(row);
        }
        for variant in VARIANTS {
            rows.push(edge(variant, Work::Trivial, iterations).await?);
            rows.push(edge(variant, Work::Turn, iterations).await?);
            rows.push(edge(variant, Work::WithProvider, iterations).await?);
        }
        Ok(rows)
    })
}

fn engine(variant: Variant) -> anyhow::Result<Engine> {
    let settings = EngineSettings {
        instances: 64,
        parts: 1,
        memory_bytes: 256 << 20,
        keep_resident_bytes: variant.keep_resident,
        trust_page_map: variant.trust_page_map,
        pooled: variant.pooled,
    };
    request_engine(&settings).map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// A flow node: the smallest component that the product runs.
async fn node(variant: Variant, iterations: u32) -> anyhow::Result<Row> {
    let engine = engine(variant)?;
    let code = NativeCode::open(&served::code_cache())?;
    let Node::Component(pre) = (Loader { engine: &engine, code: &code }).node("shout", greentic_artifacts::SHOUT)?
    else {
        anyhow::bail!("shout is no flow component");
    };
    let limits = GuestLimits::default();
    let message =
        Message { id: "1".into(), content: "hello edge".into(), sender: "7".into(), timestamp: 1_790_000_000_000 };
    measure(format!("node, {}", variant.name), iterations, async || {
        let mut store = Sandbox::store(&engine, &limits, Rights::None);
        let instance = pre.instantiate_async(&mut store).await.map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let outcome =
            instance.call_execute(&mut store, &message).await.map_err(|error| anyhow::anyhow!("{error:#}"))?;
        ensure!(outcome.data.as_deref() == Some("HELLO EDGE!"), "wrong answer: {outcome:?}");
        Ok(())
    })
    .await
}

#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// The provider answers 200 and gives no message.
    Trivial,
    /// The provider gives a message: begin, flow (branch, template, state, reply), commit, publish, settle.
    Turn,
    /// The same with the real provider in an instance of its own.
    WithProvider,
}

async fn edge(variant: Variant, work: Work, iterations: u32) -> anyhow::Result<Row> {
    let engine = engine(variant)?;
    let code = NativeCode::open(&served::code_cache())?;
    let Served { route, services, .. } = served::parts(&engine, &code).await?;
    let component = code.load(&engine, greentic_artifacts::EDGE).context("edge component")?;
    let pre: InstancePre<Sandbox> = match work {
        Work::WithProvider => {
            match (Loader { engine: &engine, code: &code }).gateway("edge", greentic_artifacts::EDGE, Role::Edge)? {
                Gateway::Webhook(pre, _) => pre,
                Gateway::Http(_) => anyhow::bail!("the edge has no webhook export"),
            }
        }
        Work::Trivial | Work::Turn => {
            let linked = linker(&engine, Role::Edge).and_then(|mut linker| {
                served::answer_from_memory(&mut linker, work == Work::Turn)?;
                linker.instantiate_pre(&component)
            });
            linked.map_err(|error| anyhow::anyhow!("{error:#}"))?
        }
    };
    let exports = GuestIndices::new(&pre).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let name = match work {
        Work::Trivial => "edge, trivial call",
        Work::Turn => "edge, ordinary turn",
        Work::WithProvider => "edge, turn with its provider",
    };
    let mut number = 0_u64;
    measure(format!("{name}, {}", variant.name), iterations, async || {
        number += 1;
        let rights = Rights::Edge {
            route: Arc::clone(&route),
            services: Arc::clone(&services),
            received_at: 1_790_000_000_000 + number,
            deadline: tokio::time::Instant::now() + services.guest.wall,
            lease: None,
        };
        let request = served::request(number);
        let mut store = Sandbox::store(&engine, &services.guest, rights);
        let response =
            call(&pre, &exports, &mut store, &request).await.map_err(|error| anyhow::anyhow!("{error:#}"))?;
        ensure!(response.status == 200, "wrong answer: {}", response.status);
        Ok(())
    })
    .await
}

/// Instantiates the edge in `store` and hands it one request.
pub async fn call(
    pre: &InstancePre<Sandbox>,
    exports: &GuestIndices,
    store: &mut wasmtime::Store<Sandbox>,
    request: &Request,
) -> wasmtime::Result<Response> {
    let instance = pre.instantiate_async(&mut *store).await?;
    exports.load(&mut *store, &instance)?.call_handle(store, request).await
}

/// Times `work`, after a tenth of the iterations as warm-up, and counts this thread's minor faults.
pub async fn measure(
    name: String,
    iterations: u32,
    mut work: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Row> {
    for _ in 0..iterations / 10 {
        work().await.with_context(|| name.clone())?;
    }
    let mut times = Histogram::<u64>::new(3)?;
    let faults = minor_faults()?;
    for _ in 0..iterations {
        let began = Instant::now();
        work().await.with_context(|| name.clone())?;
        times.record(began.elapsed().as_nanos() as u64)?;
    }
    let faults = minor_faults()? - faults;
    let at = |quantile: f64| Duration::from_nanos(times.value_at_quantile(quantile)).as_secs_f64() * 1e6;
    Ok(Row {
        name,
        p10_us: at(0.1),
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        minor_faults: faults as f64 / f64::from(iterations),
        to_bare: None,
    })
}

/// Minor faults of this process so far (proc(5), field 10 of `stat`; the fields behind the name, which may hold spaces).
fn minor_faults() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    let behind = stat.rsplit_once(')').context("/proc/thread-self/stat")?.1;
    Ok(behind.split_whitespace().nth(7).context("/proc/thread-self/stat")?.parse()?)
}
