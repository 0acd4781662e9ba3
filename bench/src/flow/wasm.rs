//! The same turns in the real edge component, a fresh instance each, with everything real but the provider, whose import
//! answers from memory.

use super::sources::Subject;
use crate::instances::{Row, call, measure};
use crate::served;
use anyhow::{Context, ensure};
use greentic_host::bindings::exports::greentic::edge::webhook::GuestIndices;
use greentic_host::engine::{NativeCode, Role, linker};
use greentic_host::load::{self, Running};
use greentic_host::route::Route;
use greentic_host::sandbox::{Rights, Sandbox};
use greentic_host::services::Services;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::InstancePre;

/// How long the first reply may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(20);

/// A host with one flow.
pub struct Edge {
    route: Arc<Route>,
    services: Arc<Services>,
    running: Running,
    number: u64,
}

/// The edge, linked to a provider that gives a message or none.
struct Linked {
    pre: InstancePre<Sandbox>,
    exports: GuestIndices,
}

impl Edge {
    pub async fn load(flow: &str) -> anyhow::Result<Edge> {
        let directory = tempfile::tempdir()?;
        served::write_bundle(directory.path(), flow, &[])?;
        let running = load::load(&served::host_parts(&served::config(), directory.path(), &served::secrets())).await?;
        let services = Arc::clone(&running.host.webhooks().context("the host serves no bundle")?.services);
        Ok(Edge { route: served::only_route(&running)?, services, running, number: 0 })
    }

    /// Store, instance and a call that has no turn to run: what is taken off the others.
    pub async fn trivial(mut self, iterations: u32) -> anyhow::Result<Row> {
        let linked = self.linked(false)?;
        measure("edge: trivial call".into(), iterations, async || self.webhook(&linked).await).await
    }

    pub async fn turn(mut self, subject: &Subject, iterations: u32) -> anyhow::Result<Row> {
        let linked = self.linked(true)?;
        self.check_and_consume(&linked, subject.says).await.context(subject.name)?;
        measure(format!("edge: {}", subject.name), iterations, async || self.webhook(&linked).await).await
    }

    fn linked(&self, with_message: bool) -> anyhow::Result<Linked> {
        let engine = &self.running.host.engine;
        let code = NativeCode::open(&served::code_cache())?;
        let component = code.load(engine, greentic_artifacts::EDGE).context("edge component")?;
        let linked = linker(engine, Role::Edge).and_then(|mut linker| {
            served::answer_from_memory(&mut linker, with_message)?;
            let pre = linker.instantiate_pre(&component)?;
            Ok(Linked { exports: GuestIndices::new(&pre)?, pre })
        });
        linked.map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    async fn webhook(&mut self, linked: &Linked) -> anyhow::Result<()> {
        self.number += 1;
        let rights = Rights::Edge {
            route: Arc::clone(&self.route),
            services: Arc::clone(&self.services),
            received_at: 1_790_000_000_000 + self.number,
            deadline: tokio::time::Instant::now() + self.services.guest.wall,
            lease: None,
        };
        let request = served::request(self.number);
        let mut store = Sandbox::store(&self.running.host.engine, &self.services.guest, rights);
        let response = call(&linked.pre, &linked.exports, &mut store, &request).await;
        let response = response.map_err(|error| anyhow::anyhow!("{error:#}"))?;
        ensure!(response.status == 200, "wrong answer: {}", response.status);
        Ok(())
    }

    /// A webhook's answer says nothing of its turn, the reply on the bus does. Those that follow are taken off unread.
    async fn check_and_consume(&mut self, linked: &Linked, says: &str) -> anyhow::Result<()> {
        let mut replies = self.running.inlet.subscribe(&self.route.egress_subject).await?;
        self.webhook(linked).await?;
        let reply = tokio::time::timeout(PATIENCE, replies.next()).await.context("no reply on the bus")??;
        let said = String::from_utf8_lossy(reply.payload()).into_owned();
        ensure!(said.contains(says), "the flow said {said} and not `{says}`");
        reply.done().await?;
        tokio::spawn(async move { while replies.next().await.is_ok() {} });
        Ok(())
    }
}
