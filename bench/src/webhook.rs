//! Whole webhooks over loopback: our host beside two baselines, each server in a process of its own, one after the other.
//!
//! Throughput is closed loop; latency is open loop at half of the row's own throughput, counted from the time a request
//! was due, so that a stall is seen by everything that it delayed.

use crate::{load, machine, native, served};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use greentic_host::components::{Gateway, Loader};
use greentic_host::engine::{NativeCode, Role};
use greentic_host::host::Host;
use greentic_host::server;
use serde::Serialize;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A native axum handler doing the same JSON work
    Native,
    /// wasmtime's pool and a small wasi:http program, with our accept loop only
    BareHttp,
    /// The product
    Greentic,
    /// The product by the edge's wasi:http shim
    GreenticHttp,
}

const ROWS: [(Kind, &str); 4] = [
    (Kind::Native, "native axum, same work"),
    (Kind::BareHttp, "hello component, wasi:http"),
    (Kind::Greentic, "greentic-edge"),
    (Kind::GreenticHttp, "greentic-edge by its wasi:http shim"),
];

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub throughput: f64,
    pub of_native: f64,
    /// CPU of the server process per request.
    pub cpu_us: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
}

pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let length = length(quick);
    let mut rows: Vec<Row> = Vec::new();
    for (kind, name) in ROWS {
        let kind = kind.to_possible_value().context("kind")?.get_name().to_owned();
        let server = Server::start(&["server", &kind])?;
        let (closed, open) = runtime.block_on(async {
            let closed = closed(&server, length).await?;
            let open = open(&server, length, closed.throughput / 2.0).await?;
            anyhow::Ok((closed, open))
        })?;
        let Closed { throughput, cpu_us } = closed;
        let native = rows.first().map_or(throughput, |row| row.throughput);
        let Open { p50_us, p99_us, p999_us } = open;
        rows.push(Row { name, throughput, of_native: throughput / native, cpu_us, p50_us, p99_us, p999_us });
    }
    Ok(rows)
}

/// How long a server is under each kind of load.
pub fn length(quick: bool) -> Duration {
    Duration::from_secs(if quick { 1 } else { 8 })
}

/// What a server does when it is given all it can take.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Closed {
    pub throughput: f64,
    /// CPU of the server process per request.
    pub cpu_us: f64,
}

pub async fn closed(server: &Server, length: Duration) -> anyhow::Result<Closed> {
    load::closed(&server.address, length / 4).await?;
    let before = server.cpu()?;
    let load = load::closed(&server.address, length).await?;
    let cpu_us = (server.cpu()? - before).as_secs_f64() * 1e6 / load.answered as f64;
    Ok(Closed { throughput: load.throughput(), cpu_us })
}

/// Latency at a rate that the server did not choose.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Open {
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
}

pub async fn open(server: &Server, length: Duration, rate: f64) -> anyhow::Result<Open> {
    let latencies = load::open(&server.address, length, rate).await?.latencies;
    let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Open { p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999) })
}

/// A server in a process of its own: this program again, with other arguments.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(arguments: &[&str]) -> anyhow::Result<Server> {
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        // Killed also when it never says where it listens.
        let mut server = Server { child, address: String::new() };
        let mut line = String::new();
        BufReader::new(server.child.stdout.take().context("stdout")?).read_line(&mut line)?;
        server.address = line.trim().strip_prefix("listening on ").context("the server did not start")?.to_owned();
        Ok(server)
    }

    /// Resident memory of the process now, in bytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        machine::kibibytes(&format!("/proc/{}/status", self.child.id()), "VmRSS")
    }

    /// CPU time of the process so far (proc(5), fields 14 and 15 of `stat`, in ticks).
    fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let behind = stat.rsplit_once(')').context("stat")?.1;
        let ticks: u64 = behind.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's process.
pub fn serve(kind: Kind) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let say = format!("listening on {}", listener.local_addr()?);
        if kind == Kind::Native {
            println!("{say}");
            return native::serve(listener).await;
        }
        let mut running = served::load().await?;
        let host = Arc::get_mut(&mut running.host).context("the host is shared already")?;
        let code = NativeCode::open(&served::code_cache())?;
        let engine = host.engine.clone();
        let loader = Loader { engine: &engine, code: &code };
        let webhooks = host.webhooks_mut().context("the host serves no bundle")?;
        match kind {
            Kind::BareHttp => {
                let hello = loader.gateway("hello", greentic_artifacts::HELLO_HTTP, Role::Http)?;
                ensure!(matches!(hello, Gateway::Http(_)), "hello-http is no wasi:http program");
                webhooks.gateway = hello;
            }
            Kind::GreenticHttp => {
                webhooks.gateway = loader.http_gateway("edge", greentic_artifacts::EDGE, Role::Edge)?
            }
            Kind::Greentic | Kind::Native => {}
        }
        println!("{say}");
        for_ever(Arc::clone(&running.host), listener).await;
        Ok(())
    })
}

/// Until the process is killed.
pub async fn for_ever(host: Arc<Host>, listener: TcpListener) {
    let never = async || std::future::pending().await;
    server::serve(host, listener, Duration::ZERO, never).await;
}
