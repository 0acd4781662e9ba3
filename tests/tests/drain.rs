//! SIGTERM: the port closes at once, what is under way finishes and is answered, the process ends with success. A second
//! SIGTERM does not wait.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{Bundle, FakeTelegram, Host, MISBEHAVING, text, until};
use std::time::Instant;
use tokio::net::TcpStream;

/// One place, so that a refused second message shows that the first is under way. A loop is stopped after half of the
/// execution time and then answered.
const CONFIG: &str = "[server]\nmax_concurrent_requests = 1\n[wasm]\nmax_execution_time_ms = 8000\n";

async fn start() -> (Host, FakeTelegram, Bundle) {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::with_flow(telegram.url(), MISBEHAVING, &[("misbehave", greentic_artifacts::MISBEHAVE)]);
    let host = Host::start(&bundle, &bundle.config(CONFIG));
    (host, telegram, bundle)
}

/// Waits until the loop is under way, then asks the host to stop; returns when its port is closed.
async fn stop_while_busy(host: &Host) -> Instant {
    let mut id = 1;
    until("the loop to take the place", || {
        id += 1;
        let update = text(id, 2, "probe");
        async move { (host.post(&update).await == 503).then_some(()) }
    })
    .await;
    host.terminate();
    let address = host.url().trim_start_matches("http://");
    until("the port to close", || async move { TcpStream::connect(address).await.is_err().then_some(()) }).await;
    Instant::now()
}

#[tokio::test]
async fn what_is_under_way_finishes() {
    let (mut host, _telegram, _bundle) = start().await;
    let looping = text(1, 1, "loop");
    let under_way = async { (host.post(&looping).await, Instant::now()) };
    let ((status, answered), closed) = tokio::join!(under_way, stop_while_busy(&host));
    assert_eq!(status, 200);
    assert!(closed < answered, "the port stayed open until the request was done");
    let status = host.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let (mut host, _telegram, _bundle) = start().await;
    let looping = text(1, 1, "loop");
    let stopping = async {
        stop_while_busy(&host).await;
        host.terminate();
    };
    let (answer, ()) = tokio::join!(host.try_post(&looping), stopping);
    assert!(answer.is_err(), "{answer:?}");
    let status = host.ended().await;
    assert!(!status.success(), "{status}");
}
