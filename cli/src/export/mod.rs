//! A bundle as a Spin application: one component for each channel's route, and the manifest that joins them.
//!
//! A component reaches Redis, the bus or its platform, and nothing else; it is given its own tenant's secrets only, by
//! variables named from tenant, team and secret.

mod manifest;
mod names;

pub use manifest::OPENING;

use crate::composition::{Composer, Egress, Half, flow_secrets};
use crate::exit::Configuration;
use anyhow::Context;
use clap::ValueEnum;
use greentic_host::bundle::Bundle;
use greentic_host::load::{Plan, PlannedApp, PlannedChannel};
use manifest::{ComponentEntry, Manifest};
use names::{Claims, component_id, variable};
use std::collections::BTreeMap;

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
            let app = plan.apps.get(&channel.app).context("app not planned")?;
            let entry = entry(channel, app, names, *half, delivery);
            let composed = composer.compose(channel, *half, delivery.egress())?;
            components.push((entry.source.clone(), composed.wasm));
            entries.push(entry);
        }
    }
    let required = names.secrets.iter().filter(|(_, required)| **required);
    let mut required: Vec<String> = required.map(|(name, _)| name.clone()).collect();
    if delivery == Delivery::Trigger {
        required.insert(0, "egress_token".into());
    }
    let manifest = manifest(bundle, delivery, names.secrets, entries).text();
    Ok(Application { manifest, components, required })
}

fn manifest(
    bundle: &Bundle,
    delivery: Delivery,
    secrets: BTreeMap<String, bool>,
    components: Vec<ComponentEntry>,
) -> Manifest {
    let (name, version, description) = (bundle.name.clone(), bundle.version.clone(), bundle.description.clone());
    Manifest { name, version, description, delivery, secrets, components }
}

/// What everything is called in the manifest.
struct Names {
    channels: Vec<ChannelNames>,
    /// And whether something can't do without.
    secrets: BTreeMap<String, bool>,
}

struct ChannelNames {
    webhook: String,
    egress: String,
    /// The provider's: in the component, and in the application.
    secrets: Vec<(String, String)>,
    /// The flows', in the same way.
    flow_secrets: Vec<(String, String)>,
}

impl Names {
    fn of(plan: &Plan) -> anyhow::Result<Names> {
        let (mut ids, mut variables) = (Claims::default(), Claims::default());
        // A tenant's secret must not become a setting of the application.
        for own in manifest::OWN_VARIABLES {
            variables.claim("variable", own.to_owned(), "the application")?;
        }
        let mut names = Names { channels: Vec::new(), secrets: BTreeMap::new() };
        for channel in &plan.channels {
            let tenant = &channel.key.tenant;
            let (tenant, team) = (tenant.tenant_id.as_str(), tenant.team());
            let place = channel.place();
            let webhook = component_id(&[&channel.name, tenant, team]);
            let egress = component_id(&["egress", &channel.name, tenant, team]);
            let mut claim = |wanted: &str, name: &str, required: bool| {
                let owner = format!("{tenant}/{team}/{name}");
                let application = variables.claim("variable", variable(&[tenant, team, name]), &owner)?;
                *names.secrets.entry(application.clone()).or_default() |= required;
                anyhow::Ok((in_component(wanted)?, application))
            };
            let secrets = channel.secrets.iter().map(|(wanted, name)| claim(wanted, name, true));
            let secrets = secrets.collect::<anyhow::Result<_>>()?;
            let app = plan.apps.get(&channel.app).context("app not planned")?;
            let flow_secrets = flow_secrets(app).map(|(name, required)| claim(name, name, required));
            let flow_secrets = flow_secrets.collect::<anyhow::Result<_>>()?;
            let webhook = ids.claim("component", webhook, &place)?;
            let egress = ids.claim("component", egress, &format!("{place} (egress)"))?;
            names.channels.push(ChannelNames { webhook, egress, secrets, flow_secrets });
        }
        Ok(names)
    }
}

/// The variable that the deployment adapter reads when it is asked for `secret` (guest-adapters/spin/variables), which is
/// no choice of ours.
fn in_component(secret: &str) -> anyhow::Result<String> {
    let name = format!("secret_{}", secret.to_ascii_lowercase().replace(['-', '.'], "_"));
    anyhow::ensure!(
        name == variable(&[&name]),
        "secret `{secret}` can't be a Spin variable: use words of letters and digits, a letter first, with single `_` \
         between them"
    );
    Ok(name)
}

fn entry(
    channel: &PlannedChannel,
    app: &PlannedApp,
    names: &ChannelNames,
    half: Half,
    delivery: Delivery,
) -> ComponentEntry {
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
            for place in app.hosts.places() {
                if !hosts.iter().any(|host| host == place) {
                    hosts.push(place.to_owned());
                }
            }
            (&names.webhook, format!("/webhook/{path}/..."), hosts, variables)
        }
        Half::Egress => (&names.egress, format!("/egress/{path}"), platform().collect(), vec![pass("egress_token")]),
    };
    let of_flows = names.flow_secrets.iter().filter(|_| half == Half::Webhook);
    let secrets = names.secrets.iter().chain(of_flows);
    variables.extend(secrets.map(|(name, variable)| (name.clone(), format!("{{{{ {variable} }}}}"))));
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
