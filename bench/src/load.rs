//! The load: keep-alive connections on loopback that send Telegram updates and check each answer.

use crate::served::{SECRET_TOKEN, update};
use anyhow::{Context, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections: enough to keep two cores busy, few enough that queueing does not hide everything else.
const CONNECTIONS: u64 = 32;

/// Every request of a run is another update: duplicates would be answered without work.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Updates that were sent so far; each was answered, or the run ended.
pub fn sent() -> u64 {
    NEXT.load(Ordering::Relaxed) - 1
}

pub struct Load {
    pub answered: u64,
    pub took: Duration,
    /// Nanoseconds.
    pub latencies: Histogram<u64>,
}

impl Load {
    pub fn throughput(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }
}

/// Each connection sends its next request when its last was answered.
pub async fn closed(address: &str, length: Duration) -> anyhow::Result<Load> {
    run(address, length, None).await
}

/// Requests are due at a fixed rate, whatever the server does; latency counts from the due time.
pub async fn open(address: &str, length: Duration, rate: f64) -> anyhow::Result<Load> {
    run(address, length, Some(rate)).await
}

async fn run(address: &str, length: Duration, rate: Option<f64>) -> anyhow::Result<Load> {
    let began = Instant::now();
    let address: Arc<str> = address.into();
    let mut connections = JoinSet::new();
    for number in 0..CONNECTIONS {
        let address = Arc::clone(&address);
        let pace = rate.map(|rate| {
            let every = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
            (began + every.mul_f64(number as f64 / CONNECTIONS as f64), every)
        });
        connections.spawn(async move { connection(&address, began + length, pace).await });
    }
    let mut latencies = Histogram::<u64>::new(3)?;
    while let Some(done) = connections.join_next().await {
        latencies.add(done??)?;
    }
    Ok(Load { answered: latencies.len(), took: began.elapsed(), latencies })
}

/// One update on a connection of its own.
pub async fn one(address: &str) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver);
    let sent = send(&mut sender, address).await;
    drop(sender);
    driver.await??;
    sent
}

/// The body at a path of the host's own.
pub async fn get(address: &str, path: &str) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver);
    let request = http::Request::get(path).header("host", address).body(Full::new(Bytes::new()))?;
    let (_, body) = read(sender.send_request(request).await?).await?;
    drop(sender);
    driver.await??;
    Ok(body)
}

async fn connection(address: &str, end: Instant, pace: Option<(Instant, Duration)>) -> anyhow::Result<Histogram<u64>> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    stream.set_nodelay(true)?;
    let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver);
    let mut latencies = Histogram::<u64>::new(3)?;
    let mut due = pace.map(|(first, _)| first);
    while Instant::now() < end {
        let from = match (&mut due, pace) {
            (Some(due), Some((_, every))) => {
                tokio::time::sleep_until((*due).into()).await;
                let from = *due;
                *due += every;
                from
            }
            _ => Instant::now(),
        };
        send(&mut sender, address).await?;
        latencies.record(from.elapsed().as_nanos() as u64)?;
    }
    drop(sender);
    driver.await??;
    Ok(latencies)
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, address: &str) -> anyhow::Result<()> {
    let request = http::Request::post("/webhook/telegram/bench/default")
        .header("host", address)
        .header("content-type", "application/json")
        .header("x-telegram-bot-api-secret-token", SECRET_TOKEN)
        .body(Full::new(Bytes::from(update(NEXT.fetch_add(1, Ordering::Relaxed)))))?;
    sender.ready().await?;
    let (status, _) = read(sender.send_request(request).await?).await?;
    ensure!(status == 200, "wrong answer: {status}");
    Ok(())
}

async fn read(response: http::Response<Incoming>) -> anyhow::Result<(http::StatusCode, Bytes)> {
    let status = response.status();
    #[expect(clippy::disallowed_methods, reason = "bounded by the wrapper that the rule asks for")]
    let body = Limited::new(response.into_body(), 64 * 1024).collect().await;
    Ok((status, body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes()))
}
