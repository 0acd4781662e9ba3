//! One request's instance: a store of its own with what Spin lends it, and the call of `wasi:http/incoming-handler`.

use super::allowed_hosts::AllowedHosts;
use super::outgoing_http::Outgoing;
use super::variables::check_name;
use anyhow::Context;
use http::{Request, Response};
use hyper::body::Incoming;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub mod bindings {
    //! Spin's interfaces, as the adapters use them.
    wasmtime::component::bindgen!({
        path: "../wit/spin",
        world: "adapters",
        imports: { default: async },
        with: { "fermyon:spin/redis.connection": crate::spin_host::outbound_redis::Connection },
        require_store_data_send: true,
    });
}

use bindings::fermyon::spin::{redis, variables};

/// What an instance may have, the same for each of a component's.
struct Grants {
    variables: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    allowed: Arc<AllowedHosts>,
}

/// State of one store.
pub struct Instance {
    grants: Arc<Grants>,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
}

impl Instance {
    fn new(grants: Arc<Grants>) -> Instance {
        let allowed = Arc::clone(&grants.allowed);
        let mut wasi = WasiCtx::builder();
        for (name, value) in &grants.environment {
            wasi.env(name, value);
        }
        wasi.inherit_stdout().inherit_stderr();
        wasi.allow_tcp(true).allow_ip_name_lookup(true).socket_addr_check(move |address, reason| {
            let granted = match reason {
                SocketAddrUse::TcpConnect => allowed.allow(&address.to_string(), "tcp"),
                // wasmtime 48 asks about the binding that a connection implies; Spin's asks about a guest's own only.
                SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
                _ => false,
            };
            if !granted {
                eprintln!("spin host: {reason:?} of {address} is not in allowed_outbound_hosts");
            }
            Box::pin(std::future::ready(granted))
        });
        let outgoing = Outgoing { allowed: Arc::clone(&grants.allowed) };
        Instance { grants, table: ResourceTable::new(), wasi: wasi.build(), http: WasiHttpCtx::new(), outgoing }
    }

    pub fn allowed(&self) -> &AllowedHosts {
        &self.grants.allowed
    }

    pub fn table_mut(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

impl variables::Host for Instance {
    async fn get(&mut self, name: String) -> Result<String, variables::Error> {
        check_name(&name).map_err(variables::Error::InvalidName)?;
        let value = self.grants.variables.get(&name).cloned();
        value.ok_or_else(|| variables::Error::Undefined(format!("no variable for this component: {name:?}")))
    }
}

/// Engine and linker: what all components of an application share.
pub struct Program {
    engine: Engine,
    linker: Linker<Instance>,
}

impl Program {
    pub fn new() -> Program {
        let mut config = Config::new();
        config.wasm_component_model(true);
        let engine = Engine::new(&config).unwrap();
        let linker = linker(&engine).unwrap();
        Program { engine, linker }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Fails when the component imports what Spin does not have.
    pub fn guest(
        &self,
        component: &Component,
        variables: BTreeMap<String, String>,
        environment: BTreeMap<String, String>,
        allowed: AllowedHosts,
    ) -> wasmtime::Result<Guest> {
        let pre = ProxyPre::new(self.linker.instantiate_pre(component)?)?;
        let grants = Arc::new(Grants { variables, environment, allowed: Arc::new(allowed) });
        Ok(Guest { engine: self.engine.clone(), pre, grants })
    }
}

/// Not generic on purpose: every instantiation of these calls costs minutes of build.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Instance>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    redis::add_to_linker::<_, HasSelf<Instance>>(&mut linker, |instance| instance)?;
    variables::add_to_linker::<_, HasSelf<Instance>>(&mut linker, |instance| instance)?;
    Ok(linker)
}

/// One component, ready to be instantiated for a request.
pub struct Guest {
    engine: Engine,
    pre: ProxyPre<Instance>,
    grants: Arc<Grants>,
}

impl Guest {
    pub async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<Response<HyperOutgoingBody>> {
        let mut store = Store::new(&self.engine, Instance::new(Arc::clone(&self.grants)));
        let (answered, answer) = tokio::sync::oneshot::channel();
        let request = store.data_mut().http().new_incoming_request(Scheme::Http, request).map_err(plain)?;
        let out = store.data_mut().http().new_response_outparam(answered).map_err(plain)?;
        let pre = self.pre.clone();
        // The answer's head may come before the guest is done: it goes on in a task of its own.
        let guest = tokio::spawn(async move {
            let proxy = pre.instantiate_async(&mut store).await?;
            proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
        });
        match answer.await {
            Ok(response) => response.map_err(|code| anyhow::anyhow!("the guest answered {code:?}")),
            Err(_) => {
                guest.await.context("the guest's task ended")?.map_err(plain)?;
                anyhow::bail!("the guest gave no answer")
            }
        }
    }
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
