//! A guest's standard error as log lines: what a flow's author needs to see when something fails.
//!
//! Bounded per instance, and one event a line: a guest can neither flood the log nor forge another line of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// What one instance may say. A flow error is a line of a few hundred bytes.
const MAX_BYTES: usize = 4_096;

/// Whose words these are, for the log.
#[derive(Clone)]
pub struct LoggedStderr {
    channel: Arc<str>,
    /// Bytes that the instance may still say, by whatever stream.
    left: Arc<AtomicUsize>,
}

impl LoggedStderr {
    pub fn new(channel: &str) -> LoggedStderr {
        LoggedStderr { channel: channel.into(), left: Arc::new(AtomicUsize::new(MAX_BYTES)) }
    }
}

impl IsTerminal for LoggedStderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LoggedStderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { channel: Arc::clone(&self.channel), line: Vec::new(), left: Arc::clone(&self.left) })
    }
}

struct Lines {
    channel: Arc<str>,
    line: Vec<u8>,
    left: Arc<AtomicUsize>,
}

impl Lines {
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let text = String::from_utf8_lossy(&self.line).escape_debug().to_string();
            tracing::warn!(channel = %self.channel, "guest: {text}");
            self.line.clear();
        }
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let take = |left: usize| Some(left.saturating_sub(bytes.len()));
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        for byte in bytes.iter().take(left) {
            if *byte == b'\n' {
                self.end_line();
            } else {
                self.line.push(*byte);
            }
        }
        // Past the limit the rest is taken and dropped: blocking the guest would help nobody.
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Rust's standard error is unbuffered and writes in pieces: a flush is not the end of a line.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.end_line();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}
