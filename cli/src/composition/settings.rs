//! What a component is told where it runs: names, meanings, and whether it can do without. The names are those of the
//! deployment adapters (guest-adapters/composed/environment, guest-adapters/spin/variables).

use super::{Egress, Half};
use greentic_host::load::PlannedChannel;

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
pub fn environment(channel: &PlannedChannel, half: Half, egress: Egress) -> Vec<Setting> {
    let mut settings = match (half, egress) {
        (Half::Egress, _) => vec![setting("egress_token", "bearer token that callers must show", true)],
        (Half::Webhook, Egress::Direct) => redis(),
        (Half::Webhook, Egress::Nats) => redis().into_iter().chain(nats()).collect(),
    };
    settings.extend(channel.secrets.iter().map(|(wanted, name)| Setting {
        variable: format!("GREENTIC_SECRET__{}", wanted.to_ascii_uppercase().replace('-', "_")),
        meaning: format!("the tenant's secret `{name}`"),
        required: true,
    }));
    settings
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
