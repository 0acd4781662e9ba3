//! Opens the bus: NATS with its sidecar when a server is configured, else the in-process bus.

use super::Parts;
use crate::bus::memory::MemoryBus;
use crate::bus::nats::{Credentials, NatsInlet, SidecarOutlet};
use crate::bus::{Inlet, Outlet};
use crate::components::Loader;
use crate::imports::egress_feed::Feed;
use crate::sandbox::GuestLimits;
use crate::secrets::Secret;
use crate::sidecar::{Sidecar, connection};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Both directions.
pub struct Bus {
    pub outlet: Arc<dyn Outlet>,
    pub inlet: Arc<dyn Inlet>,
}

pub async fn open(
    parts: &Parts<'_>,
    loader: &Loader<'_>,
    limits: &GuestLimits,
    background: &mut JoinSet<()>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Bus> {
    let config = &parts.config.nats;
    let urls = config.servers();
    if urls.is_empty() {
        notes.push("bus: in this process (replies under way end with it; set nats.url to keep them)".into());
        let bus = MemoryBus::new();
        return Ok(Bus { outlet: Arc::new(bus.clone()), inlet: Arc::new(bus) });
    }
    let mut servers = Vec::new();
    let mut from_url = Credentials::None;
    for url in &urls {
        let (server, credentials) = parse(url)?;
        servers.push(server);
        if let Some(credentials) = credentials {
            from_url = credentials;
        }
    }
    let credentials = match &config.credentials {
        Some(reference) => from_secret(parts, reference)?,
        None => from_url,
    };
    let timeout = Duration::from_secs(config.connection_timeout);
    let plain: Vec<String> = servers.iter().map(|server| format!("nats://{server}")).collect();
    let inlet = Arc::new(NatsInlet::connect(&plain, &credentials, timeout, config.jetstream).await?);
    // Whoever publishes first needs the streams, whether or not this process also consumes from them.
    let ready = Arc::new(AtomicBool::new(false));
    background.spawn(streams(Arc::clone(&inlet), Arc::clone(&ready)));

    let feed = Arc::new(Feed::new(connection(config.jetstream, &credentials)));
    let sidecar = Sidecar::load(loader, parts.builtins.egress_nats)
        .map_err(|reason| anyhow::anyhow!("egress-nats component: {reason}"))?;
    let supervisor = tokio::spawn(sidecar.supervise(Arc::clone(&feed), servers.clone(), limits.clone()));
    let kind = if config.jetstream { "JetStream" } else { "no JetStream: delivery is not confirmed" };
    notes.push(format!("bus: NATS at {} ({kind})", servers.join(", ")));
    Ok(Bus { outlet: Arc::new(SidecarOutlet::new(feed, supervisor, ready)), inlet })
}

/// Makes the streams that are missing, as soon as the bus is there, and says when they are.
async fn streams(inlet: Arc<NatsInlet>, ready: Arc<AtomicBool>) {
    while let Err(error) = inlet.ensure_streams().await {
        tracing::warn!(%error, "streams are not ready yet");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ready.store(true, Ordering::Release);
}

/// `nats://[user:password@|token@]host[:port]` as `host:port` and credentials.
fn parse(url: &str) -> anyhow::Result<(String, Option<Credentials>)> {
    let shape = "nats.url: expected nats://[user:password@]host[:port]";
    // Never with the URL itself: it may hold a password.
    let parsed = url::Url::parse(url).map_err(|_| anyhow::anyhow!(shape))?;
    anyhow::ensure!(parsed.scheme() == "nats", "{shape}; `{}` is not supported by the sidecar yet", parsed.scheme());
    let host = parsed.host_str().context(shape)?;
    let server = format!("{host}:{}", parsed.port().unwrap_or(4222));
    let credentials = match (parsed.username(), parsed.password()) {
        ("", _) => None,
        (token, None) => Some(Credentials::Token(Secret::new(token.as_bytes().to_vec()))),
        (user, Some(password)) => {
            Some(Credentials::UserPassword(user.to_owned(), Secret::new(password.as_bytes().to_vec())))
        }
    };
    Ok((server, credentials))
}

fn from_secret(parts: &Parts<'_>, reference: &str) -> anyhow::Result<Credentials> {
    let name = reference
        .strip_prefix("secret://")
        .context("nats.credentials is a secret: write `credentials = \"secret://NAME\"`, never the value")?;
    let secret =
        parts.secrets.get(None, name)?.with_context(|| format!("nats.credentials: secret `{name}` is not set"))?;
    let text = secret.expose_text();
    Ok(match text.split_once(':') {
        Some((user, password)) => Credentials::UserPassword(user.to_owned(), Secret::new(password.as_bytes().to_vec())),
        None if text.starts_with("SU") => Credentials::NkeySeed(secret),
        None => Credentials::Token(secret),
    })
}
