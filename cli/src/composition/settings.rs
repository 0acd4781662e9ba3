//! What a component is told where it runs: names, meanings, and whether it can do without. The names are those of the
//! deployment adapters (guest-adapters/composed/environment, guest-adapters/spin/variables).

use super::{Egress, Half};
use greentic_host::load::{PlannedApp, PlannedChannel};
use std::collections::BTreeMap;

/// A setting by its environment variable.
pub struct Setting {
    pub variable: String,
    pub meaning: String,
    pub required: bool,
}

fn setting(name: &str, meaning: &str, required: bool) -> Setting {
    Setting { variable: format!("GREENTIC_{}", name.to_ascii_uppercase()), meaning: meaning.to_owned(), required }
}

/// The environment of a `wasi-http` component, in the order a person would set it.
pub fn environment(channel: &PlannedChannel, app: &PlannedApp, half: Half, egress: Egress) -> Vec<Setting> {
    let mut settings = match (half, egress) {
        (Half::Egress, _) => vec![setting("egress_token", "bearer token that callers must show", true)],
        (Half::Webhook, Egress::Direct) => redis(),
        (Half::Webhook, Egress::Nats) => redis().into_iter().chain(nats()).collect(),
    };
    let secret = |wanted: &str, name: &str, required: bool| Setting {
        variable: secret_variable(wanted),
        meaning: format!("the tenant's secret `{name}`"),
        required,
    };
    settings.extend(channel.secrets.iter().map(|(wanted, name)| secret(wanted, name, true)));
    if half == Half::Webhook {
        settings.extend(flow_secrets(app).map(|(name, required)| secret(name, name, required)));
    }
    settings
}

/// The secrets that an app's flows may send, and whether they can't do without.
pub fn flow_secrets(app: &PlannedApp) -> impl Iterator<Item = (&str, bool)> {
    let required = app.secrets.required.iter().map(|name| (name.as_str(), true));
    required.chain(app.secrets.optional.iter().map(|name| (name.as_str(), false)))
}

fn secret_variable(name: &str) -> String {
    format!("GREENTIC_SECRET__{}", name.to_ascii_uppercase().replace(['-', '.'], "_"))
}

/// One component has one place for all its secrets: two that would share a variable there are refused.
pub fn check_secrets(channel: &PlannedChannel, app: &PlannedApp) -> anyhow::Result<()> {
    let provider = channel.secrets.keys().map(|name| (name.as_str(), "the provider's"));
    let flows = flow_secrets(app).map(|(name, _)| (name, "the flows'"));
    let mut taken = BTreeMap::new();
    for (name, whose) in provider.chain(flows) {
        if let Some((first, owner)) = taken.insert(secret_variable(name), (name, whose))
            && (first, owner) != (name, whose)
        {
            anyhow::bail!(
                "{owner} secret `{first}` and {whose} secret `{name}` would both be {} in the component: rename the one in \
                 pack.toml",
                secret_variable(name)
            );
        }
    }
    Ok(())
}

fn redis() -> Vec<Setting> {
    vec![
        setting("redis_url", "conversations, e.g. redis://127.0.0.1:6379; in this form there is no memory store", true),
        setting("redis_password", "the server's password, unless it is in the URL", false),
        setting("redis_ca", "authority of a rediss:// server's certificate (PEM), if it isn't a public one", false),
    ]
}

fn nats() -> Vec<Setting> {
    vec![
        setting("nats_url", "where replies are published, e.g. nats://127.0.0.1:4222, or tls://", true),
        setting("nats_credentials", "`user:password`, a token, or an nkey seed", false),
        setting("nats_ca", "authority of the server's certificate (PEM), if it isn't a public one", false),
    ]
}
