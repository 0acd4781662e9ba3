//! What runs in a process of its own, so that its CPU time and memory are its alone: a server of either form, and
//! instances held alive.

use super::forms::{Addresses, Composed, Lazy, PATIENCE, answer, over_http, plain};
use crate::{machine, served, webhook};
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use greentic_host::bindings::component::Message;
use greentic_host::components::Node;
use greentic_host::load;
use greentic_host::sandbox::{Rights, Sandbox};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use wasmtime::Store;

#[derive(Args, Clone, PartialEq)]
pub struct Task {
    #[arg(value_enum)]
    what: What,
    /// A bundle's directory, or the composed component
    path: PathBuf,
    /// host:port
    #[arg(long, requires = "nats")]
    redis: Option<String>,
    /// host:port
    #[arg(long, requires = "redis")]
    nats: Option<String>,
}

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Serves the bundle; without servers, flows have minutes
    ServeLazy,
    /// Serves the component
    ServeComposed,
    /// Holds edges, each after a turn
    HoldEdge,
    /// Holds edges and the provider that each called
    HoldEdgeAndProvider,
    /// Holds nodes
    HoldNode,
    /// Holds composed components, each after a turn
    HoldComposed,
}

/// The arguments that make a child do this.
pub fn arguments(what: What, path: PathBuf, servers: Option<&Addresses>) -> anyhow::Result<Vec<String>> {
    let what = what.to_possible_value().context("what")?.get_name().to_owned();
    let mut arguments = vec!["composition-child".to_owned(), what, path.display().to_string()];
    if let Some(Addresses { redis, nats }) = servers {
        arguments.extend(["--redis".to_owned(), redis.clone(), "--nats".to_owned(), nats.clone()]);
    }
    Ok(arguments)
}

impl Task {
    pub fn run(self) -> anyhow::Result<()> {
        let servers = self.redis.clone().zip(self.nats.clone()).map(|(redis, nats)| Addresses { redis, nats });
        let servers = servers.as_ref();
        let many = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let one = || tokio::runtime::Builder::new_current_thread().enable_all().build();
        match self.what {
            What::ServeLazy => many()?.block_on(self.serve_lazy(servers)),
            What::ServeComposed => many()?.block_on(self.serve_composed(servers)),
            What::HoldEdge | What::HoldEdgeAndProvider | What::HoldNode | What::HoldComposed => {
                println!("{}", one()?.block_on(self.held(servers))?);
                Ok(())
            }
        }
    }

    async fn serve_lazy(&self, servers: Option<&Addresses>) -> anyhow::Result<()> {
        let mut config = served::config();
        match servers {
            Some(servers) => {
                config.redis.url = Some(servers.redis_url());
                config.nats.url = Some(servers.nats_url());
            }
            // For turns that hang: they must do so until they were counted.
            None => config.wasm.max_execution_time_ms = 300_000,
        }
        let running = load::load(&served::host_parts(&config, &self.path, &served::secrets())).await?;
        let outlet = &running.host.webhooks().context("the host serves no bundle")?.services.outlet;
        let end = Instant::now() + PATIENCE;
        while !outlet.is_up() {
            ensure!(Instant::now() < end, "the bus is not up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        webhook::for_ever(Arc::clone(&running.host), listener).await;
        Ok(())
    }

    async fn serve_composed(&self, servers: Option<&Addresses>) -> anyhow::Result<()> {
        let composed = Composed::load(&self.path, servers).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        webhook::for_ever(Arc::clone(&composed.running.host), listener).await;
        Ok(())
    }

    /// Bytes that each of [`super::HELD`] live instances adds to this process.
    async fn held(&self, servers: Option<&Addresses>) -> anyhow::Result<u64> {
        let form = match self.what {
            What::HoldComposed => Form::Composed(Composed::load(&self.path, servers).await?),
            _ => Form::Lazy(Lazy::load(&self.path).await?),
        };
        // One stays alive before the count: what is made once belongs to the process and not to an instance.
        let mut alive = self.instance(&form, 1).await?;
        let before = anonymous()?;
        for number in 2..=super::HELD + 1 {
            alive.extend(self.instance(&form, number).await?);
        }
        let grown = anonymous()?.saturating_sub(before);
        drop(alive);
        Ok(grown / super::HELD)
    }

    /// The stores of what one request leaves alive here; each number is another conversation.
    async fn instance(&self, form: &Form, number: u64) -> anyhow::Result<Vec<Store<Sandbox>>> {
        match form {
            Form::Composed(composed) => {
                let mut store = composed.store();
                let request = over_http(served::request(number))?;
                let status = answer(&mut store, &composed.served.pre, request).await?;
                ensure!(status == 200, "wrong answer: {status}");
                Ok(vec![store])
            }
            Form::Lazy(lazy) if self.what == What::HoldNode => Ok(vec![node(lazy).await?]),
            Form::Lazy(lazy) => {
                let mut store = lazy.edge_store(number);
                let status = lazy.webhook(&mut store, &served::request(number)).await?;
                ensure!(status == 200, "wrong answer: {status}");
                let mut stores = vec![store];
                if self.what == What::HoldEdgeAndProvider {
                    stores.push(provider(lazy, number).await?);
                }
                Ok(stores)
            }
        }
    }
}

enum Form {
    Lazy(Lazy),
    Composed(Composed),
}

async fn node(lazy: &Lazy) -> anyhow::Result<Store<Sandbox>> {
    let Some(Node::Component(pre)) = lazy.route.app.nodes.values().next() else { anyhow::bail!("the app has no node") };
    let mut store = lazy.store(Rights::None);
    let node = plain(pre.instantiate_async(&mut store).await)?;
    let message =
        Message { id: "1".into(), content: "hello edge".into(), sender: "7".into(), timestamp: 1_790_000_000_000 };
    let outcome = plain(node.call_execute(&mut store, &message).await)?;
    ensure!(outcome.data.as_deref() == Some("HELLO EDGE!"), "wrong answer: {outcome:?}");
    Ok(store)
}

/// The provider as the edge has it called. A webhook's own is gone by the time that its edge is counted.
async fn provider(lazy: &Lazy, number: u64) -> anyhow::Result<Store<Sandbox>> {
    let provider = &lazy.route.provider;
    let mut store = lazy.store(Rights::Provider { route: Arc::clone(&lazy.route), sending: false });
    let instance = plain(provider.pre.instantiate_async(&mut store).await)?;
    let guest = plain(provider.exports.load(&mut store, &instance))?;
    let received = plain(guest.call_webhook(&mut store, &served::request(number)).await)?;
    ensure!(received.messages.len() == 1, "wrong answer: {}", received.response.status);
    Ok(store)
}

/// Memory that is this process's own. Counted from the page tables: the quick counter in `status` lags.
fn anonymous() -> anyhow::Result<u64> {
    machine::kibibytes("/proc/self/smaps_rollup", "Anonymous")
}
