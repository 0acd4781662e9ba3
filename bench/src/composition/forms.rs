//! Both forms of a subject, loaded in this process by the code that serves them: what a request does there, without HTTP
//! and without waiting for a place.

use crate::{instances, served};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use greentic_host::bindings::greentic::edge::types::Request;
use greentic_host::bus::Subscription;
use greentic_host::components::{Gateway, Loader};
use greentic_host::engine::{NativeCode, Role};
use greentic_host::host::{ServedProgram, Serving, Webhooks};
use greentic_host::imports::program::{Allowed, Program};
use greentic_host::load::{self, ProgramParts, Running, RunningProgram, load_program};
use greentic_host::respond::{Body, full};
use greentic_host::route::Route;
use greentic_host::sandbox::{Rights, Sandbox};
use greentic_host::secrets::Secret;
use http_body_util::{BodyExt, Limited};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// The servers that a form works with, `host:port` each.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub redis: String,
    pub nats: String,
}

impl Addresses {
    pub fn redis_url(&self) -> String {
        format!("redis://{}", self.redis)
    }

    pub fn nats_url(&self) -> String {
        format!("nats://{}", self.nats)
    }
}

/// wasmtime's errors are none of the standard library's.
pub fn plain<T>(result: wasmtime::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// Linked when loaded, instantiated when called: a bundle on our host, with memory store and in-process bus.
pub struct Lazy {
    pub route: Arc<Route>,
    webhooks: Arc<Webhooks>,
    running: Running,
}

impl Lazy {
    pub async fn load(bundle: &Path) -> anyhow::Result<Lazy> {
        let running = load::load(&served::host_parts(&served::config(), bundle, &served::secrets())).await?;
        let webhooks = Arc::clone(running.host.webhooks().context("the host serves no bundle")?);
        Ok(Lazy { route: served::only_route(&running)?, webhooks, running })
    }

    /// A store for the edge's part of one turn.
    pub fn edge_store(&self, number: u64) -> Store<Sandbox> {
        let services = &self.webhooks.services;
        let rights = Rights::Edge {
            route: Arc::clone(&self.route),
            services: Arc::clone(services),
            received_at: 1_790_000_000_000 + number,
            deadline: tokio::time::Instant::now() + services.guest.wall,
            lease: None,
        };
        self.store(rights)
    }

    pub fn store(&self, rights: Rights) -> Store<Sandbox> {
        Sandbox::store(&self.running.host.engine, &self.webhooks.services.guest, rights)
    }

    pub async fn instantiate_edge(&self, store: &mut Store<Sandbox>) -> anyhow::Result<()> {
        let Gateway::Webhook(pre, _) = &self.webhooks.gateway else { bail!("the edge has no webhook export") };
        plain(pre.instantiate_async(store).await)?;
        Ok(())
    }

    /// One webhook as our host calls it; gives the answer's status.
    pub async fn webhook(&self, store: &mut Store<Sandbox>, request: &Request) -> anyhow::Result<u16> {
        let Gateway::Webhook(pre, exports) = &self.webhooks.gateway else { bail!("the edge has no webhook export") };
        Ok(plain(instances::call(pre, exports, store, request).await)?.status)
    }

    /// The edge by `wasi:http`, which is how a composed component is called.
    pub fn shim(&self) -> anyhow::Result<ProxyPre<Sandbox>> {
        let code = NativeCode::open(&served::code_cache())?;
        let loader = Loader { engine: &self.running.host.engine, code: &code };
        match loader.http_gateway("edge", greentic_artifacts::EDGE, Role::Edge)? {
            Gateway::Http(pre) => Ok(pre),
            Gateway::Webhook(..) => bail!("asked for `wasi:http`"),
        }
    }

    /// Has the flow's replies taken off the bus, once the first has proved that it called so many nodes.
    pub async fn check_and_consume(&self, reached: usize) -> anyhow::Result<()> {
        let mut replies = self.running.inlet.subscribe(&self.route.egress_subject).await?;
        // Above every number that is measured: those must be no duplicates of this one.
        let number = 1_000_000_000;
        let status = self.webhook(&mut self.edge_store(number), &served::request(number)).await?;
        ensure!(status == 200, "wrong answer: {status}");
        check_reply(replies.as_mut(), reached).await?;
        tokio::spawn(async move { while replies.next().await.is_ok() {} });
        Ok(())
    }
}

/// How long anything that was asked for may take before it counts as broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A webhook's answer says nothing of its nodes, its reply does: each puts the message in it once, in capitals.
pub async fn check_reply(replies: &mut dyn Subscription, reached: usize) -> anyhow::Result<()> {
    let reply = tokio::time::timeout(PATIENCE, replies.next()).await.context("no reply on the bus")??;
    let said = String::from_utf8_lossy(reply.payload()).into_owned();
    let calls = said.matches("HELLO NUMBER").count();
    ensure!(calls == reached, "{calls} nodes were called, not {reached}: {said}");
    Ok(reply.done().await?)
}

/// Everything in one component, as `serve-component` serves it.
pub struct Composed {
    pub served: Arc<ServedProgram>,
    pub running: RunningProgram,
}

impl Composed {
    /// Without servers it can do all but a turn.
    pub async fn load(component: &Path, servers: Option<&Addresses>) -> anyhow::Result<Composed> {
        let given = |name: &str, value: String| (name.to_owned(), Secret::new(value.into_bytes()));
        let mut allowed = Allowed {
            environment: vec![given("GREENTIC_SECRET__SECRET_TOKEN", served::SECRET_TOKEN.to_owned())],
            ..Allowed::default()
        };
        if let Some(servers) = servers {
            allowed.environment.push(given("GREENTIC_REDIS_URL", servers.redis_url()));
            allowed.environment.push(given("GREENTIC_NATS_URL", servers.nats_url()));
            allowed.tcp = vec![servers.redis.clone(), servers.nats.clone()];
        }
        let program = Program::new("composed", allowed).await?;
        let wasm = std::fs::read(component)?;
        let parts = ProgramParts { config: served::config(), wasm, program, parts: None };
        let running = tokio::task::spawn_blocking(|| load_program(parts)).await??;
        let Serving::Program(served) = &running.host.serving else { bail!("a program was loaded as a bundle") };
        Ok(Composed { served: Arc::clone(served), running })
    }

    pub fn store(&self) -> Store<Sandbox> {
        let rights = Rights::Program(Arc::clone(&self.served.program));
        Sandbox::store(&self.running.host.engine, &self.served.guest, rights)
    }
}

/// A webhook as it comes over HTTP.
pub fn over_http(request: Request) -> anyhow::Result<http::Request<Body>> {
    let mut head = http::Request::post("/webhook/telegram/bench/default");
    for (name, value) in &request.headers {
        head = head.header(name, value.as_slice());
    }
    Ok(head.body(full(request.body))?)
}

pub fn health() -> anyhow::Result<http::Request<Body>> {
    Ok(http::Request::get("/health").header("host", "127.0.0.1").body(full(Bytes::new()))?)
}

/// Instantiates and calls by `wasi:http`, and reads the whole answer; gives its status.
pub async fn answer(
    store: &mut Store<Sandbox>,
    pre: &ProxyPre<Sandbox>,
    request: http::Request<Body>,
) -> anyhow::Result<u16> {
    let (answered, answer) = tokio::sync::oneshot::channel();
    let request = plain(store.data_mut().http().new_incoming_request(Scheme::Http, request))?;
    let out = plain(store.data_mut().http().new_response_outparam(answered))?;
    let proxy = plain(pre.instantiate_async(&mut *store).await)?;
    let called = async { plain(proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, out).await) };
    let read = async {
        let response = answer.await.context("no answer")?.map_err(|code| anyhow::anyhow!("no answer: {code:?}"))?;
        let status = response.status().as_u16();
        #[expect(clippy::disallowed_methods, reason = "bounded by the wrapper that the rule asks for")]
        let body = Limited::new(response.into_body(), 64 * 1024).collect().await;
        body.map_err(|error| anyhow::anyhow!("{error}"))?;
        anyhow::Ok(status)
    };
    // Both at once: the guest writes its body only as fast as it is read. A guest that traps ends the reading, too.
    let ((), status) = tokio::try_join!(called, read)?;
    Ok(status)
}
