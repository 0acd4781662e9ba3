//! Keeps the egress sidecar running: a long-lived instance that holds the one connection to the bus.
//!
//! When it traps, returns an error or hangs, its store is dropped, what it had not reported goes back to the queue,
//! and a new one starts after a back-off. Message ids make handing over twice harmless.

use crate::bindings::exports::greentic::edge::sidecar::GuestIndices;
use crate::components::Loader;
use crate::engine::Role;
use crate::imports::egress_feed::{Connection, Feed};
use crate::sandbox::{GuestLimits, Rights, Sandbox};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::InstancePre;

/// First wait after a sidecar ended; doubled up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

/// A sidecar that ran at least this long had a working connection: its end starts a new back-off.
const STEADY: Duration = Duration::from_secs(5);

/// Connecting takes up to 5 s and an exchange half a second: past this a sidecar has hung.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// The compiled sidecar, linked.
pub struct Sidecar {
    pre: InstancePre<Sandbox>,
    exports: GuestIndices,
}

impl Sidecar {
    pub fn load(loader: &Loader<'_>, wasm: &[u8]) -> Result<Sidecar, String> {
        let pre = loader.link("egress-nats", wasm, Role::Sidecar).map_err(|error| error.to_string())?;
        let exports = GuestIndices::new(&pre).map_err(|error| format!("{error:#}"))?;
        Ok(Sidecar { pre, exports })
    }

    /// Runs sidecars one after the other until the feed is closed. `servers` are `host:port`, resolved anew at each
    /// start, because a bus that moved is the usual reason for a new start.
    pub async fn supervise(self, feed: Arc<Feed>, servers: Vec<String>, limits: GuestLimits) {
        let mut back_off = FIRST_BACK_OFF;
        for attempt in 0_usize.. {
            let started = tokio::time::Instant::now();
            match self.run_once(&feed, &servers, &limits, attempt).await {
                Ok(()) => return,
                Err(reason) => tracing::warn!(reason, "egress sidecar ended; starting a new one"),
            }
            feed.hand_back();
            if started.elapsed() > STEADY {
                back_off = FIRST_BACK_OFF;
            }
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
    }

    async fn run_once(
        &self,
        feed: &Arc<Feed>,
        servers: &[String],
        limits: &GuestLimits,
        attempt: usize,
    ) -> Result<(), String> {
        let mut addresses = resolve(servers).await?;
        // Each start begins with another: an address that swallows packets takes seconds of the time to connect.
        let first = attempt % addresses.len();
        addresses.rotate_left(first);
        feed.set_addresses(&addresses);
        let rights = Rights::Sidecar { feed: Arc::clone(feed), addresses };
        let mut store = Sandbox::store(self.pre.component().engine(), limits, rights);
        let instance = self.pre.instantiate_async(&mut store).await.map_err(|error| format!("{error:#}"))?;
        let guest = self.exports.load(&mut store, &instance).map_err(|error| format!("{error:#}"))?;
        feed.heard();
        tokio::select! {
            ended = guest.call_run(&mut store) => ended.map_err(|error| format!("{error:#}"))?,
            () = hung(feed) => Err(format!("asked for no work for {} s", LONGEST_SILENCE.as_secs())),
        }
    }
}

/// Resolves when the sidecar has been away from its feed for too long: a guest that loops yields at each epoch tick,
/// so this is polled whatever it does.
async fn hung(feed: &Feed) {
    while feed.silence() < LONGEST_SILENCE {
        tokio::time::sleep(LONGEST_SILENCE / 10).await;
    }
}

async fn resolve(servers: &[String]) -> Result<Vec<SocketAddr>, String> {
    let mut addresses = Vec::new();
    for server in servers {
        match tokio::net::lookup_host(server).await {
            Ok(found) => addresses.extend(found),
            Err(error) => tracing::warn!(server, %error, "bus address does not resolve"),
        }
    }
    if addresses.is_empty() { Err("no address of the bus resolves".into()) } else { Ok(addresses) }
}

/// What a connection needs beside its addresses.
pub fn connection(jetstream: bool, credentials: &crate::bus::nats::Credentials) -> Connection {
    use crate::bindings::greentic::edge::egress_feed::ConnectionSettings;
    use crate::bus::nats::Credentials;
    let mut settings = ConnectionSettings {
        addresses: Vec::new(),
        jetstream,
        name: "greentic-edge egress".into(),
        user: None,
        password: None,
        token: None,
        nkey_seed: None,
        // Shorter than a webhook's patience: a batch that hangs is tried again within it.
        ack_timeout_ms: 1_500,
    };
    let text = |secret: &crate::secrets::Secret| Some(secret.expose_text().to_owned());
    match credentials {
        Credentials::None => {}
        Credentials::UserPassword(user, password) => {
            settings.user = Some(user.clone());
            settings.password = text(password);
        }
        Credentials::Token(token) => settings.token = text(token),
        Credentials::NkeySeed(seed) => settings.nkey_seed = text(seed),
    }
    Connection { settings }
}
