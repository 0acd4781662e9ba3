//! Routes from a plan: each channel linked to its provider and app, with the secrets it was granted.

use super::plan::{Plan, PlannedChannel};
use super::{Parts, packs};
use crate::bundle::Bundle;
use crate::components::{App, Loader};
use crate::route::{Route, Routes};
use crate::secrets::Secret;
use anyhow::Context;
use greentic_pack::Secrets;
use greentic_types::subject;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Each app with the names of its secrets, linked once however many tenants use it.
type Apps = BTreeMap<String, (Arc<App>, Secrets)>;

pub fn load(parts: &Parts<'_>, bundle: &Bundle, plan: Plan, loader: &Loader<'_>) -> anyhow::Result<Routes> {
    let Plan { providers, apps, channels } = plan;
    let mut linked = Apps::new();
    for (id, app) in apps {
        let (app, secrets) = packs::link(app, loader).with_context(|| format!("apps.{id}"))?;
        linked.insert(id, (Arc::new(app), secrets));
    }
    let share = share(parts, channels.len());
    let mut routes = Routes::default();
    for channel in channels {
        let place = channel.place();
        let provider = &providers.get(&channel.provider).context("provider not loaded")?.linked;
        let secrets = secrets(parts, &channel).with_context(|| place.clone())?;
        let (app, names) = linked.get(&channel.app).context("app not loaded")?;
        let flow_secrets = flow_secrets(parts, &channel, names).with_context(|| place.clone())?;
        let PlannedChannel { key, name, settings, outgoing, default_locale, .. } = channel;
        let route = Route {
            egress_subject: subject::egress(&key),
            events_subject: subject::events(&key.tenant),
            provider: Arc::clone(provider),
            app: Arc::clone(app),
            flow_secrets,
            provider_config: settings,
            secrets,
            outgoing: Arc::new(outgoing),
            error_message: bundle.error_message.clone(),
            default_locale,
            session_ttl_seconds: parts.config.session.default_timeout,
            share: Arc::new(Semaphore::new(share)),
            key,
        };
        anyhow::ensure!(routes.add(&name, Arc::new(route)), "{place}: two channels would share its path");
    }
    Ok(routes)
}

/// A route's share of the places.
fn share(parts: &Parts<'_>, routes: usize) -> usize {
    let places = parts.config.server.max_concurrent_requests as usize;
    if routes > 1 { (places / 2).max(1) } else { places }
}

fn secrets(parts: &Parts<'_>, channel: &PlannedChannel) -> anyhow::Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    for (wanted, name) in &channel.secrets {
        match parts.secrets.get(Some(&channel.key.tenant), name)? {
            Some(secret) => {
                secrets.insert(wanted.clone(), secret);
            }
            // Fails closed at the request; said here, where it can be mended.
            None => {
                tracing::warn!(channel = %channel.key, secret = name, "secret not set: what needs it will be refused");
            }
        }
    }
    Ok(secrets)
}

/// What the pack's `[secrets]` lists, in the scope of this channel's tenant. Without a required one the app could only fail
/// its users, so it is not served.
fn flow_secrets(
    parts: &Parts<'_>,
    channel: &PlannedChannel,
    names: &Secrets,
) -> anyhow::Result<BTreeMap<String, Secret>> {
    let tenant = Some(&channel.key.tenant);
    let mut secrets = BTreeMap::new();
    let required = names.required.iter().map(|name| (name, true));
    for (name, required) in required.chain(names.optional.iter().map(|name| (name, false))) {
        match parts.secrets.get(tenant, name)? {
            Some(secret) => {
                secrets.insert(name.clone(), secret);
            }
            None if required => anyhow::bail!(
                "app `{}` requires the secret `{name}`, which is not set\nhelp: {}",
                channel.app,
                parts.secrets.remedy(tenant, name)
            ),
            None => tracing::info!(channel = %channel.key, secret = name, "optional secret not set"),
        }
    }
    Ok(secrets)
}
