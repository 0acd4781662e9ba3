//! The accept loop and the drain. Knows connections; `handle.rs` knows requests.
//!
//! Order: permit, accept, back off on errors, no-delay, spawn; the header timer runs inside the connection's task.
//! On the first signal the listener closes and what is under way may finish; on the second, or after the grace period,
//! the process goes.

use crate::handle::handle;
use crate::host::Host;
use crate::unstalled::Unstalled;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections open at once. Each costs a few KiB and a descriptor; the default descriptor limit is 1,024 on many
/// systems, and accepting must not starve the session store of its own.
const MAX_CONNECTIONS: usize = 900;

/// A client must send its whole head within this time; it holds a connection permit meanwhile.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Headers of one request. Platforms send about 20.
const MAX_HEADERS: usize = 64;

/// Bytes of one request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How accepting ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything under way finished.
    Clean,
    /// The grace period or a second signal cut it short.
    Forced,
}

/// Serves until `stop` returns, then drains until done, `grace` has passed or `stop` returns again.
pub async fn serve(host: Arc<Host>, listener: TcpListener, grace: Duration, mut stop: impl AsyncFnMut()) -> Drained {
    let graceful = GracefulShutdown::new();
    accept(&host, &listener, &graceful, &mut stop).await;
    drop(listener);
    host.drain();
    tracing::info!(grace_s = grace.as_secs(), "draining; a second signal ends it at once");
    host.tasks.close();
    let finished = async {
        graceful.shutdown().await;
        host.tasks.wait().await;
    };
    tokio::select! {
        () = finished => Drained::Clean,
        () = stop() => Drained::Forced,
        () = tokio::time::sleep(grace) => Drained::Forced,
    }
}

/// Accepts until `stop` returns.
async fn accept(host: &Arc<Host>, listener: &TcpListener, graceful: &GracefulShutdown, stop: &mut impl AsyncFnMut()) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stopped = std::pin::pin!(stop());
    loop {
        // Permit before accept: past the limit, clients wait in the kernel's queue, which costs us nothing.
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            () = &mut stopped => return,
            (permit, accepted) = accepted => match accepted {
                Ok((stream, _)) => (permit, stream),
                Err(error) => { back_off(&error).await; continue }
            },
        };
        // Answers are small: waiting to fill a segment would only add latency.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection gone before it began");
            continue;
        }
        let connection = graceful.watch(connection(Arc::clone(host), stream));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
}

fn connection(
    host: Arc<Host>,
    stream: TcpStream,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request| {
        let host = Arc::clone(&host);
        async move { Ok::<_, Infallible>(handle(host, request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Unstalled::new(stream)), service)
}

/// Errors of the one connection are over with it; errors of the process (no descriptors, no memory) would spin.
async fn back_off(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%error, "accept failed; waiting");
    tokio::time::sleep(Duration::from_millis(200)).await;
}
