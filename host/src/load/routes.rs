//! Routes from a bundle: each channel of each team with its provider, app, settings, secrets and grants.

use super::{Parts, packs};
use crate::bundle::{Bundle, ChannelEntry, TeamEntry};
use crate::components::{App, Loader, Provider};
use crate::imports::outgoing_http::{Grant, Grants};
use crate::imports::provider::{Description, describe};
use crate::route::{Route, Routes};
use crate::sandbox::GuestLimits;
use crate::secrets::Secret;
use anyhow::Context;
use greentic_types::{ChannelKey, TenantCtx, Value, subject};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything that channels refer to, loaded once however many tenants use it.
struct Shelf {
    providers: Providers,
    apps: Apps,
}

type Providers = BTreeMap<String, (Arc<Provider>, Description)>;

/// Each app with its configuration: the pack's defaults under the bundle's values, as CBOR.
type Apps = BTreeMap<String, (Arc<App>, Vec<u8>)>;

pub async fn load(
    parts: &Parts<'_>,
    bundle: &Bundle,
    loader: &Loader<'_>,
    limits: &GuestLimits,
    trust: &packs::Trust,
) -> anyhow::Result<Routes> {
    let shelf = Shelf {
        providers: providers(parts, bundle, loader, limits, trust).await?,
        apps: apps(parts, bundle, loader, trust)?,
    };
    let mut routes = Routes::default();
    for (tenant_id, tenant) in &bundle.tenants {
        for (team_id, team) in &tenant.teams {
            let tenant_ctx = TenantCtx {
                env_id: parts.config.server.env.clone(),
                tenant_id: tenant_id.clone(),
                team_id: Some(team_id.clone()),
            };
            for (channel_id, channel) in &team.channels {
                let place = format!("tenants.{tenant_id}.teams.{team_id}.channels.{channel_id}");
                let locale = tenant.settings.language.clone();
                let key = ChannelKey { tenant: tenant_ctx.clone(), channel: channel_id.clone() };
                let route = route(parts, bundle, &shelf, key, channel, locale).with_context(|| place.clone())?;
                let name = path_name(&shelf, team, channel_id, channel)?;
                anyhow::ensure!(routes.add(&name, Arc::new(route)), "{place}: two channels would share its path");
            }
        }
    }
    Ok(routes)
}

/// The channel's short name, or its id when the team has several of one provider (spec/runtime.md).
fn path_name(shelf: &Shelf, team: &TeamEntry, id: &str, channel: &ChannelEntry) -> anyhow::Result<String> {
    let same = team.channels.values().filter(|other| other.provider == channel.provider).count();
    if same > 1 {
        return Ok(id.to_owned());
    }
    let (_, description) = shelf.providers.get(&channel.provider).context("provider not loaded")?;
    Ok(description.name.clone())
}

async fn providers(
    parts: &Parts<'_>,
    bundle: &Bundle,
    loader: &Loader<'_>,
    limits: &GuestLimits,
    trust: &packs::Trust,
) -> anyhow::Result<Providers> {
    let mut providers = BTreeMap::new();
    for (id, entry) in &bundle.providers {
        let place = || format!("providers.{id}");
        let provider = match &entry.pack {
            Some(path) => {
                let pack = packs::open_file(parts, trust, path).with_context(place)?;
                let wasm = pack.components.get("provider").context("the pack has no component `provider`");
                loader.provider(id, wasm.with_context(place)?)?
            }
            None => {
                let builtin = parts.builtins.providers.iter().find(|(known, _)| known == id);
                let known: Vec<_> = parts.builtins.providers.iter().map(|(known, _)| *known).collect();
                let (_, wasm) = builtin
                    .with_context(|| format!("providers.{id}: not built in ({}); name its `pack`", known.join(", ")))?;
                loader.provider(id, wasm)?
            }
        };
        let description = tokio::time::timeout(limits.wall, describe(&provider, limits))
            .await
            .with_context(|| format!("providers.{id}: `describe` took too long"))?
            .map_err(|error| anyhow::anyhow!("providers.{id}: `describe` failed: {error:#}"))?;
        greentic_types::check_id(&description.name).with_context(place)?;
        providers.insert(id.clone(), (Arc::new(provider), description));
    }
    Ok(providers)
}

fn apps(parts: &Parts<'_>, bundle: &Bundle, loader: &Loader<'_>, trust: &packs::Trust) -> anyhow::Result<Apps> {
    let mut apps = BTreeMap::new();
    for (id, entry) in &bundle.apps {
        let pack = packs::open_app(parts, trust, id, entry)?;
        let mut config = match &pack.manifest.config {
            Value::Map(defaults) => defaults.clone(),
            _ => BTreeMap::new(),
        };
        config.extend(entry.config.iter().map(|(key, value)| (key.clone(), Value::from_json(value))));
        let config = minicbor::to_vec(Value::Map(config)).with_context(|| format!("apps.{id}.config"))?;
        let app = packs::app(pack, entry, loader).with_context(|| format!("apps.{id}"))?;
        apps.insert(id.clone(), (Arc::new(app), config));
    }
    Ok(apps)
}

fn route(
    parts: &Parts<'_>,
    bundle: &Bundle,
    shelf: &Shelf,
    key: ChannelKey,
    channel: &ChannelEntry,
    locale: Option<String>,
) -> anyhow::Result<Route> {
    let (provider, description) = shelf.providers.get(&channel.provider).context("provider not loaded")?;
    let app = bundle.app_of(channel).map_err(anyhow::Error::msg)?;
    let (app, flow_config) = shelf.apps.get(app).context("app not loaded")?;
    let mut settings = bundle.providers.get(&channel.provider).map(|entry| entry.config.clone()).unwrap_or_default();
    settings.extend(channel.config.clone());
    settings.extend(parts.settings.clone());
    let secrets = secrets(parts, &key, description, &mut settings)?;
    let outgoing = Arc::new(grants(description, &settings)?);
    Ok(Route {
        egress_subject: subject::egress(&key),
        provider: Arc::clone(provider),
        app: Arc::clone(app),
        flow_config: flow_config.clone(),
        provider_config: serde_json::to_string(&settings).context("config")?,
        secrets,
        outgoing,
        error_message: bundle.error_message.clone(),
        default_locale: locale.unwrap_or_else(|| "en".into()),
        session_ttl_seconds: parts.config.session.default_timeout,
        share: Arc::new(Semaphore::new(share(parts, bundle))),
        key,
    })
}

/// A route's share of the places.
fn share(parts: &Parts<'_>, bundle: &Bundle) -> usize {
    let places = parts.config.server.max_concurrent_requests as usize;
    let routes: usize =
        bundle.tenants.values().flat_map(|tenant| tenant.teams.values()).map(|team| team.channels.len()).sum();
    if routes > 1 { (places / 2).max(1) } else { places }
}

/// The secrets a provider asks for: `secret://name` in its settings, else `{channel}_{secret}`. They leave the settings,
/// so that a provider can't read what it did not name.
fn secrets(
    parts: &Parts<'_>,
    key: &ChannelKey,
    description: &Description,
    settings: &mut BTreeMap<String, serde_json::Value>,
) -> anyhow::Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    for wanted in &description.secrets {
        let name = match settings.remove(wanted) {
            None => format!("{}_{wanted}", key.channel),
            Some(value) => match value.as_str().and_then(|text| text.strip_prefix("secret://")) {
                Some(name) => name.to_owned(),
                None => anyhow::bail!("config.{wanted} is a secret: write `{wanted}: secret://NAME`, never the value"),
            },
        };
        match parts.secrets.get(Some(&key.tenant), &name)? {
            Some(secret) => {
                secrets.insert(wanted.clone(), secret);
            }
            // Fails closed at the request; said here, where it can be mended.
            None => tracing::warn!(channel = %key, secret = name, "secret not set: what needs it will be refused"),
        }
    }
    if let Some((name, _)) =
        settings.iter().find(|(_, value)| value.as_str().is_some_and(|v| v.starts_with("secret://")))
    {
        anyhow::bail!(
            "config.{name}: the provider asks for no secret `{name}` (it asks for {})",
            description.secrets.join(", ")
        );
    }
    Ok(secrets)
}

/// What the provider may reach: the API server that the operator named, or else the hosts it asked for, by HTTPS only.
fn grants(description: &Description, settings: &BTreeMap<String, serde_json::Value>) -> anyhow::Result<Grants> {
    let Some(base) = settings.get("api_base_url") else {
        let grant = |host: &String| Grant { https: true, host: host.to_ascii_lowercase(), port: 443, internal: false };
        return Ok(Grants(description.hosts.iter().map(grant).collect()));
    };
    let base = base.as_str().context("config.api_base_url is no text")?;
    let base = url::Url::parse(base).context("config.api_base_url is no URL")?;
    anyhow::ensure!(matches!(base.scheme(), "http" | "https"), "config.api_base_url: use http or https");
    let host = base.host_str().context("config.api_base_url has no host")?.to_ascii_lowercase();
    let port = base.port_or_known_default().context("config.api_base_url has no port")?;
    Ok(Grants(vec![Grant { https: base.scheme() == "https", host, port, internal: true }]))
}
