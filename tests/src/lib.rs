//! The harness of the whole-system tests: real servers on free ports, the real binary, a fake Telegram API.
//!
//! Everything a test starts ends with it. A missing server skips the test, loudly; with `GREENTIC_REQUIRE_SERVERS` set,
//! as in CI, it fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

mod api;
mod bundle;
mod certificates;
mod composed;
mod edge_rig;
mod flows;
mod host;
mod process;
mod servers;
mod spin_host;
mod telegram;
mod updates;

pub use api::{Api, Asked};
pub use bundle::{BOT_TOKEN, Bundle, SECRET_TOKEN};
pub use certificates::{Authority, Certificate};
pub use composed::{Composed, Setting, export_to_spin};
pub use edge_rig::{EdgeRig, Left, Requested, Scene};
pub use flows::{ECHO, MISBEHAVING};
pub use host::{Host, code_cache, command};
pub use process::{Process, Voice, spin, wasmtime};
pub use servers::{Nats, Redis, Stored, free_port, program, spoken};
pub use spin_host::{SpinHost, declared_routes, declared_variables};
pub use telegram::{Call, FakeTelegram, said};
pub use updates::{callback, edited, text};

use std::time::Duration;

/// Longest that anything in a test may take that should happen at once: generous, because CI machines stall.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for an event that has no notification of its own, looking often. Fails with `what` after [`PATIENCE`].
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
