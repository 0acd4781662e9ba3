//! From a planned channel to one component that needs no host of ours: chooses the parts and bakes the route in.
//!
//! Everything that says whose conversations these are is a constant of the component. Linking is `greentic-compose`'s;
//! what the component is told where it runs is `settings.rs`'.

mod command;
mod refused;
mod settings;

pub use command::wasmtime_serve;
pub use refused::Refused;
pub use settings::{Setting, environment, flow_secrets};

use crate::exit::Configuration;
use crate::{BUILTINS, builtins};
use anyhow::Context;
use clap::ValueEnum;
use greentic_compose::{Composed, Data, FlowRecords, Language, Part, Parts, Route, Target, compose, compose_egress};
use greentic_host::bundle::Bundle;
use greentic_host::config::Config;
use greentic_host::load::{self, Plan, PlannedApp, PlannedChannel};
use greentic_host::secrets::FixedSecrets;
use greentic_host::services::TurnLimits;
use greentic_pack::FlowImage;
use greentic_types::subject;
use std::collections::BTreeMap;
use std::path::Path;

/// How replies leave a composed component.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Egress {
    /// Published on NATS; a worker, or the component of `--part egress`, sends them
    Nats,
    /// Sent to the platform within the request, without a bus: what fails for longer than the request is lost
    Direct,
}

/// Which component of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Half {
    /// Answers the platform's webhooks
    Webhook,
    /// Sends one published reply for each request
    Egress,
}

/// What a bundle means, read as `serve` reads it: nothing that `serve` would refuse is composed.
pub fn plan(config: &Config, directory: &Path, bundle: &Bundle, trust_directories: bool) -> anyhow::Result<Plan> {
    let parts = load::Parts {
        config,
        directory,
        builtins: &BUILTINS,
        build_directory: &crate::build_pack_directory,
        trust_directories,
        settings: BTreeMap::new(),
        // A component holds names of secrets and never a value.
        secrets: &FixedSecrets::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("could not start the executor")?.block_on(load::plan(&parts, bundle))
}

/// Composes channels of one bundle for one target.
pub struct Composer<'a> {
    pub config: &'a Config,
    pub bundle: &'a Bundle,
    pub plan: &'a Plan,
    pub target: Target,
}

impl Composer<'_> {
    pub fn compose(&self, channel: &PlannedChannel, half: Half, egress: Egress) -> anyhow::Result<Composed> {
        let provider = self.plan.providers.get(&channel.provider).context("provider not planned")?;
        let app = self.plan.apps.get(&channel.app).context("app not planned")?;
        let provider = Part { name: &channel.provider, wasm: &provider.wasm };
        let route = self.route(channel);
        let data = data(&route, channel, app);
        let adapters = builtins::adapters(self.target);
        let composed = match half {
            Half::Egress => compose_egress(self.target, provider, adapters.deployment, adapters.egress_trigger, &data),
            Half::Webhook => {
                let egress = match egress {
                    Egress::Nats => adapters.egress_nats,
                    Egress::Direct => adapters.egress_direct,
                };
                let nodes = app.components.iter().map(|(name, wasm)| Part { name, wasm }).collect();
                let edge = Part { name: "edge", wasm: BUILTINS.edge };
                let (session, deployment) = (adapters.session, adapters.deployment);
                settings::check_secrets(channel, app).context(Configuration)?;
                let provider_secrets = channel.secrets.keys().map(String::as_str).collect();
                let flow_secrets = flow_secrets(app).map(|(name, _)| name).collect();
                let parts =
                    Parts { edge, provider, session, egress, deployment, nodes, provider_secrets, flow_secrets, data };
                compose(self.target, &parts)
            }
        };
        composed.map_err(|error| Refused::new(error, self.target, app).into())
    }

    /// What our host tells the edge of its route, with the limits that it has by default.
    fn route(&self, channel: &PlannedChannel) -> Route {
        let tenant = &channel.key.tenant;
        let limits = TurnLimits::default();
        Route {
            env: tenant.env_id.clone(),
            tenant: tenant.tenant_id.clone(),
            team: tenant.team_id.clone(),
            channel: channel.key.channel.clone(),
            egress_subject: subject::egress(&channel.key),
            events_subject: subject::events(tenant),
            session_ttl_seconds: self.config.session.default_timeout,
            default_locale: channel.default_locale.clone(),
            error_message: self.bundle.error_message.clone(),
            nodes: limits.nodes,
            outgoing: limits.outgoing,
            session_bytes: limits.session_bytes,
        }
    }
}

fn data<'a>(route: &'a Route, channel: &'a PlannedChannel, app: &'a PlannedApp) -> Data<'a> {
    let records = |(name, image): &'a (String, FlowImage)| FlowRecords {
        name,
        head: image.head(),
        nodes: (0..).map_while(|index| image.node(index)).collect(),
    };
    Data {
        route,
        flow_config: &app.config,
        provider_settings: &channel.settings,
        pack_version: &app.pack_version,
        default_flow: app.flows.get(app.default_flow).map(|(name, _)| name.as_str()),
        flows: app.flows.iter().map(records).collect(),
        languages: app.texts.merged().into_iter().map(|(tag, texts)| Language { tag, texts }).collect(),
    }
}
