//! A bundle as a Spin application: one component for each channel's route, and the manifest that joins them.
//!
//! A component reaches Redis, the bus or its platform, and nothing else; it is given its own tenant's secrets only, by
//! variables named from tenant, team and secret.

mod manifest;
mod names;

pub use manifest::OPENING;

use crate::composition::{Composer, Egress, Half};
use crate::exit::Configuration;
use anyhow::Context;
use clap::ValueEnum;
use greentic_host::bundle::Bundle;
use greentic_host::load::{Plan, PlannedChannel};
use manifest::{ComponentEntry, Manifest};
use names::{Claims, component_id, variable};
use std::collections::BTreeSet;

/// How a Spin application's replies get to the platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Delivery {
    /// Published on NATS, where a worker of our host sends them
    Nats,
    /// Published on NATS; a second component of each channel sends what is posted to /egress/…
    Trigger,
    /// Sent within the request, without a bus: what fails for longer than the request is lost
    Direct,
}

impl Delivery {
    fn name(self) -> &'static str {
        match self {
            Delivery::Nats => "nats",
            Delivery::Trigger => "trigger",
            Delivery::Direct => "direct",
        }
    }

    fn uses_nats(self) -> bool {
        self != Delivery::Direct
    }

    fn egress(self) -> Egress {
        if self.uses_nats() { Egress::Nats } else { Egress::Direct }
    }
}

/// An application, ready to be written.
pub struct Application {
    pub manifest: String,
    /// Place below the manifest's directory, and bytes.
    pub components: Vec<(String, Vec<u8>)>,
    /// Variables without a default.
    pub required: Vec<String>,
}

/// Composes every channel of the bundle.
pub fn application(composer: &Composer<'_>, delivery: Delivery) -> anyhow::Result<Application> {
    let Composer { bundle, plan, .. } = composer;
    anyhow::ensure!(!plan.channels.is_empty(), "the bundle has no channel: there is nothing to export");
    let names = Names::of(plan).context(Configuration)?;
    let halves: &[Half] = if delivery == Delivery::Trigger { &[Half::Webhook, Half::Egress] } else { &[Half::Webhook] };
    let mut entries = Vec::new();
    let mut components = Vec::new();
    for (channel, names) in plan.channels.iter().zip(&names.channels) {
        for half in halves {
            let entry = entry(channel, names, *half, delivery);
            let composed = composer.compose(channel, *half, delivery.egress())?;
            components.push((entry.source.clone(), composed.wasm));
            entries.push(entry);
        }
    }
    let mut required: Vec<String> = names.secrets.iter().cloned().collect();
    if delivery == Delivery::Trigger {
        required.insert(0, "egress_token".into());
    }
    let manifest = manifest(bundle, delivery, names.secrets, entries).text();
    Ok(Application { manifest, components, required })
}

fn manifest(
    bundle: &Bundle,
    delivery: Delivery,
    secrets: BTreeSet<String>,
    components: Vec<ComponentEntry>,
) -> Manifest {
    let (name, version, description) = (bundle.name.clone(), bundle.version.clone(), bundle.description.clone());
    Manifest { name, version, description, delivery, secrets, components }
}

/// What everything is called in the manifest.
struct Names {
    channels: Vec<ChannelNames>,
    secrets: BTreeSet<String>,
}

struct ChannelNames {
    webhook: String,
    egress: String,
    /// In the component, and in the application.
    secrets: Vec<(String, String)>,
}

impl Names {
    fn of(plan: &Plan) -> anyhow::Result<Names> {
        let (mut ids, mut variables) = (Claims::default(), Claims::default());
        // A tenant's secret must not become a setting of the application.
        for own in manifest::OWN_VARIABLES {
            variables.claim("variable", own.to_owned(), "the application")?;
        }
        let mut names = Names { channels: Vec::new(), secrets: BTreeSet::new() };
        for channel in &plan.channels {
            let tenant = &channel.key.tenant;
            let (tenant, team) = (tenant.tenant_id.as_str(), tenant.team());
            let place = channel.place();
            let webhook = component_id(&[&channel.name, tenant, team]);
            let egress = component_id(&["egress", &channel.name, tenant, team]);
            let mut secrets = Vec::new();
            for (wanted, name) in &channel.secrets {
                let owner = format!("{tenant}/{team}/{name}");
                let application = variables.claim("variable", variable(&[tenant, team, name]), &owner)?;
                names.secrets.insert(application.clone());
                secrets.push((in_component(wanted)?, application));
            }
            let webhook = ids.claim("component", webhook, &place)?;
            let egress = ids.claim("component", egress, &format!("{place} (egress)"))?;
            names.channels.push(ChannelNames { webhook, egress, secrets });
        }
        Ok(names)
    }
}

/// The variable that the deployment adapter reads when the provider asks for `secret`
/// (guest-adapters/spin/variables), which is no choice of ours.
fn in_component(secret: &str) -> anyhow::Result<String> {
    let name = format!("secret_{secret}");
    anyhow::ensure!(
        name == variable(&[&name]),
        "secret `{secret}` of a provider can't be a Spin variable: use words of lower-case letters and digits, a \
         letter first, with single `_` between them"
    );
    Ok(name)
}

fn entry(channel: &PlannedChannel, names: &ChannelNames, half: Half, delivery: Delivery) -> ComponentEntry {
    let tenant = &channel.key.tenant;
    let path = format!("{}/{}/{}", channel.name, tenant.tenant_id, tenant.team());
    let pass = |name: &str| (name.to_owned(), format!("{{{{ {name} }}}}"));
    let platform = || channel.outgoing.0.iter().map(host);
    let (id, route, hosts, mut variables) = match half {
        Half::Webhook => {
            let mut hosts = vec!["{{ redis_url }}".to_owned()];
            let mut variables = vec![pass("redis_url"), pass("redis_password")];
            if delivery.uses_nats() {
                hosts.push("tcp://{{ nats_address }}".to_owned());
                variables.push(("nats_url".to_owned(), "{{ nats_scheme }}://{{ nats_address }}".to_owned()));
                variables.extend([pass("nats_ca"), pass("nats_credentials")]);
            } else {
                hosts.extend(platform());
            }
            (&names.webhook, format!("/webhook/{path}/..."), hosts, variables)
        }
        Half::Egress => (&names.egress, format!("/egress/{path}"), platform().collect(), vec![pass("egress_token")]),
    };
    variables.extend(names.secrets.iter().map(|(name, variable)| (name.clone(), format!("{{{{ {variable} }}}}"))));
    ComponentEntry {
        id: id.clone(),
        route,
        source: format!("components/{id}.wasm"),
        allowed_outbound_hosts: hosts,
        variables,
    }
}

fn host(grant: &greentic_host::imports::outgoing_http::Grant) -> String {
    match (grant.https, grant.port) {
        (true, 443) => format!("https://{}", grant.host),
        (false, 80) => format!("http://{}", grant.host),
        (true, port) => format!("https://{}:{port}", grant.host),
        (false, port) => format!("http://{}:{port}", grant.host),
    }
}
