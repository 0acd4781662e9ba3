//! Whole webhooks over loopback: our host beside two baselines, each server in a process of its own, one after the other.
//!
//! Throughput is closed loop; latency is open loop at half of the row's own throughput, counted from the time a request
//! was due, so that a stall is seen by everything that it delayed.

use crate::load::{self, Load};
use crate::{native, served};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use greentic_host::components::{Gateway, Loader};
use greentic_host::engine::{NativeCode, Role};
use greentic_host::server;
use serde::Serialize;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
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
    let length = Duration::from_secs(if quick { 1 } else { 8 });
    let mut rows: Vec<Row> = Vec::new();
    for (kind, name) in ROWS {
        let server = Server::start(kind)?;
        let (load, cpu_us, open) = runtime.block_on(async {
            load::closed(&server.address, length / 4).await?;
            let before = server.cpu()?;
            let load = load::closed(&server.address, length).await?;
            let cpu = (server.cpu()? - before).as_secs_f64() * 1e6 / load.answered as f64;
            let open = load::open(&server.address, length, load.throughput() / 2.0).await?;
            anyhow::Ok((load, cpu, open))
        })?;
        let throughput = load.throughput();
        let native = rows.first().map_or(throughput, |row| row.throughput);
        let Load { latencies, .. } = open;
        let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1e3;
        rows.push(Row {
            name,
            throughput,
            of_native: throughput / native,
            cpu_us,
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
        });
    }
    Ok(rows)
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(kind: Kind) -> anyhow::Result<Server> {
        let kind = kind.to_possible_value().context("kind")?.get_name().to_owned();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["server", &kind])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").context("the server did not start")?.to_owned();
        Ok(Server { child, address })
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
        let host = std::sync::Arc::get_mut(&mut running.host).context("the host is shared already")?;
        let code = NativeCode::open(&served::code_cache())?;
        let loader = Loader { engine: &host.engine, code: &code };
        match kind {
            Kind::BareHttp => {
                let hello = loader.gateway("hello", greentic_artifacts::HELLO_HTTP, Role::Http)?;
                ensure!(matches!(hello, Gateway::Http(_)), "hello-http is no wasi:http program");
                host.gateway = hello;
            }
            Kind::GreenticHttp => host.gateway = loader.http_gateway("edge", greentic_artifacts::EDGE, Role::Edge)?,
            Kind::Greentic | Kind::Native => {}
        }
        println!("{say}");
        let never = async || std::future::pending().await;
        server::serve(std::sync::Arc::clone(&running.host), listener, Duration::ZERO, never).await;
        Ok(())
    })
}
