//! What a bundle means before it is served: each channel of each team with its provider, app, settings, the names of
//! its secrets, and the hosts it may reach.
//!
//! `routes.rs` links it for serving; composition (the command line's) takes it as it is, so that a channel means the
//! same in both forms. No secret's value is here. Of all code only the providers' `describe` has run.

use super::{Parts, packs, texts};
use crate::bundle::{Bundle, ChannelEntry, TeamEntry};
use crate::components::{Loader, Provider};
use crate::imports::app_hosts::AppHosts;
use crate::imports::outgoing_http::{Grant, Grants};
use crate::imports::provider::{Description, describe};
use crate::sandbox::GuestLimits;
use crate::texts::Texts;
use anyhow::Context;
use greentic_pack::{FlowImage, Secrets};
use greentic_types::{ChannelKey, TenantCtx};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bundle, understood.
pub struct Plan {
    /// By their ids in the bundle, as the apps.
    pub providers: BTreeMap<String, PlannedProvider>,
    pub apps: BTreeMap<String, PlannedApp>,
    /// In the order of tenant, team and channel.
    pub channels: Vec<PlannedChannel>,
}

/// A channel's component.
pub struct PlannedProvider {
    pub wasm: Arc<[u8]>,
    /// Linked already, because it was asked what it is.
    pub linked: Arc<Provider>,
    pub description: Description,
}

/// An opened pack.
pub struct PlannedApp {
    pub name: String,
    /// Hash of the pack's contents: what a waiting session remembers.
    pub pack_version: String,
    /// Compiled flows by name.
    pub flows: Vec<(String, FlowImage)>,
    /// Place of the flow that runs when none is named.
    pub default_flow: usize,
    /// Its node components, not linked yet.
    pub components: BTreeMap<String, Arc<[u8]>>,
    /// `config.*` of its flows: the pack's defaults under the bundle's values, CBOR.
    pub config: Vec<u8>,
    /// Names of the secrets that its flows may use, each in the scope of the tenant that it works for.
    pub secrets: Secrets,
    /// Where its flows may send.
    pub hosts: Arc<AppHosts>,
    pub texts: Arc<Texts>,
}

/// One channel of one team of one tenant.
pub struct PlannedChannel {
    pub key: ChannelKey,
    /// The first part of its path, `/webhook/{name}/{tenant}/{team}`.
    pub name: String,
    /// Ids in the bundle.
    pub provider: String,
    pub app: String,
    /// The provider's settings, a JSON object without secrets.
    pub settings: String,
    /// The provider's own name for each of its secrets, and the name to ask for in the tenant's scope.
    pub secrets: BTreeMap<String, String>,
    pub outgoing: Grants,
    pub default_locale: String,
}

impl PlannedChannel {
    /// Where it stands in the bundle.
    pub fn place(&self) -> String {
        place(&self.key)
    }
}

pub async fn read(
    parts: &Parts<'_>,
    bundle: &Bundle,
    loader: &Loader<'_>,
    limits: &GuestLimits,
) -> anyhow::Result<Plan> {
    let trust = packs::Trust::read(parts)?;
    let providers = providers(parts, bundle, loader, limits, &trust).await?;
    let mut apps = BTreeMap::new();
    let locale = default_locale(bundle);
    let catalogues = texts::of_bundle(parts.directory, bundle)?;
    for (id, entry) in &bundle.apps {
        let pack = packs::open_app(parts, &trust, id, entry)?;
        let place = || format!("apps.{id}");
        let texts = texts::of_app(&pack, &catalogues, locale).with_context(place)?;
        apps.insert(id.clone(), packs::plan(id, pack, entry, texts).with_context(place)?);
    }
    let mut channels = Vec::new();
    for (tenant_id, tenant) in &bundle.tenants {
        for (team_id, team) in &tenant.teams {
            for (channel_id, entry) in &team.channels {
                let tenant_ctx = TenantCtx {
                    env_id: parts.config.server.env.clone(),
                    tenant_id: tenant_id.clone(),
                    team_id: Some(team_id.clone()),
                };
                let key = ChannelKey { tenant: tenant_ctx, channel: channel_id.clone() };
                let place = place(&key);
                let locale = tenant.settings.language.clone();
                let around = Around { parts, bundle, providers: &providers, team };
                channels.push(channel(&around, key, entry, locale).context(place)?);
            }
        }
    }
    Ok(Plan { providers, apps, channels })
}

fn default_locale(bundle: &Bundle) -> &str {
    bundle.i18n.default_locale.as_deref().unwrap_or(texts::DEFAULT_LOCALE)
}

fn place(key: &ChannelKey) -> String {
    format!("tenants.{}.teams.{}.channels.{}", key.tenant.tenant_id, key.tenant.team(), key.channel)
}

/// What a channel's entry refers to.
struct Around<'a> {
    parts: &'a Parts<'a>,
    bundle: &'a Bundle,
    providers: &'a BTreeMap<String, PlannedProvider>,
    team: &'a TeamEntry,
}

async fn providers(
    parts: &Parts<'_>,
    bundle: &Bundle,
    loader: &Loader<'_>,
    limits: &GuestLimits,
    trust: &packs::Trust,
) -> anyhow::Result<BTreeMap<String, PlannedProvider>> {
    let mut providers = BTreeMap::new();
    for (id, entry) in &bundle.providers {
        let place = || format!("providers.{id}");
        let wasm: Arc<[u8]> = match &entry.pack {
            Some(path) => {
                let pack = packs::open_file(parts, trust, path).with_context(place)?;
                let wasm = pack.components.get("provider").context("the pack has no component `provider`");
                Arc::clone(wasm.with_context(place)?)
            }
            None => {
                let builtin = parts.builtins.providers.iter().find(|(known, _)| known == id);
                let known: Vec<_> = parts.builtins.providers.iter().map(|(known, _)| *known).collect();
                let (_, wasm) = builtin
                    .with_context(|| format!("providers.{id}: not built in ({}); name its `pack`", known.join(", ")))?;
                Arc::from(*wasm)
            }
        };
        let linked = loader.provider(id, &wasm)?;
        let description = tokio::time::timeout(limits.wall, describe(&linked, limits))
            .await
            .with_context(|| format!("providers.{id}: `describe` took too long"))?
            .map_err(|error| anyhow::anyhow!("providers.{id}: `describe` failed: {error:#}"))?;
        greentic_types::check_id(&description.name).with_context(place)?;
        providers.insert(id.clone(), PlannedProvider { wasm, linked: Arc::new(linked), description });
    }
    Ok(providers)
}

fn channel(
    around: &Around<'_>,
    key: ChannelKey,
    entry: &ChannelEntry,
    locale: Option<String>,
) -> anyhow::Result<PlannedChannel> {
    let Around { parts, bundle, providers, team } = around;
    let description = &providers.get(&entry.provider).context("provider not loaded")?.description;
    let app = bundle.app_of(entry).map_err(anyhow::Error::msg)?.to_owned();
    let mut settings = bundle.providers.get(&entry.provider).map(|entry| entry.config.clone()).unwrap_or_default();
    settings.extend(entry.config.clone());
    settings.extend(parts.settings.clone());
    let secrets = secrets(&key.channel, description, &mut settings)?;
    Ok(PlannedChannel {
        name: path_name(description, team, &key.channel, entry),
        provider: entry.provider.clone(),
        app,
        secrets,
        outgoing: grants(description, &settings)?,
        settings: serde_json::to_string(&settings).context("config")?,
        default_locale: locale.unwrap_or_else(|| default_locale(bundle).to_owned()),
        key,
    })
}

/// The channel's short name, or its id when the team has several of one provider (spec/runtime.md).
fn path_name(description: &Description, team: &TeamEntry, id: &str, channel: &ChannelEntry) -> String {
    let same = team.channels.values().filter(|other| other.provider == channel.provider).count();
    if same > 1 { id.to_owned() } else { description.name.clone() }
}

/// The secrets a provider asks for: `secret://name` in its settings, else `{channel}_{secret}`. They leave the
/// settings, so that a provider can't read what it did not name.
fn secrets(
    channel: &str,
    description: &Description,
    settings: &mut BTreeMap<String, serde_json::Value>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut secrets = BTreeMap::new();
    for wanted in &description.secrets {
        let name = match settings.remove(wanted) {
            None => format!("{channel}_{wanted}"),
            Some(value) => match value.as_str().and_then(|text| text.strip_prefix("secret://")) {
                Some(name) => name.to_owned(),
                None => anyhow::bail!("config.{wanted} is a secret: write `{wanted}: secret://NAME`, never the value"),
            },
        };
        secrets.insert(wanted.clone(), name);
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
