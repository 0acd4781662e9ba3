//! The floor of instances: the same bytes under plain wasmtime, as an embedder without a product would do it. No limits,
//! no deadline, a WASI context per instance.

use crate::instances::{Row, measure};
use anyhow::ensure;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

async fn try_measure(pooled: bool, iterations: u32) -> wasmtime::Result<anyhow::Result<Row>> {
    let mut config = Config::new();
    if pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    }
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, greentic_artifacts::SHOUT)?;
    let mut linker: Linker<State> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let pre = linker.instantiate_pre(&component)?;
    let message = greentic_host::bindings::component::Message {
        id: "1".into(),
        content: "hello edge".into(),
        sender: "7".into(),
        timestamp: 1_790_000_000_000,
    };
    let execute =
        component.get_export_index(None, "execute").ok_or_else(|| wasmtime::format_err!("no export `execute`"))?;
    let name = format!("node, bare wasmtime {}", if pooled { "pooled" } else { "on demand" });
    Ok(measure(name, iterations, async || {
        let once = async {
            let mut store =
                Store::new(&engine, State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() });
            let instance = pre.instantiate_async(&mut store).await?;
            let execute = instance.get_typed_func::<
                (&greentic_host::bindings::component::Message,),
                (greentic_host::bindings::component::Outcome,),
            >(&mut store, execute)?;
            execute.call_async(&mut store, (&message,)).await
        };
        let (outcome,) = once.await.map_err(|error: wasmtime::Error| anyhow::anyhow!("{error:#}"))?;
        ensure!(outcome.data.as_deref() == Some("HELLO EDGE!"), "wrong answer");
        Ok(())
    })
    .await)
}

/// One row: pooled with wasmtime's own defaults, or on demand.
pub async fn row(pooled: bool, iterations: u32) -> anyhow::Result<Row> {
    try_measure(pooled, iterations).await.map_err(|error| anyhow::anyhow!("{error:#}"))?
}
