//! What is compared: one app with so many node components, of which its flow calls one or all; as a bundle, which our
//! host links lazily, and as one composed component. Parts and constants are those that `pack compose` would choose.

use crate::served;
use anyhow::Context;
use greentic_artifacts::{COMPOSED_EGRESS_NATS, COMPOSED_ENVIRONMENT, COMPOSED_SESSION_REDIS, EDGE, SHOUT};
use greentic_compose::{Composed, Data, FlowRecords, Part, Parts, Route, Target, compose};
use greentic_host::bundle::Bundle;
use greentic_host::load::{self, PlannedChannel};
use greentic_host::secrets::FixedSecrets;
use greentic_host::services::TurnLimits;
use greentic_types::subject;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Node components of the app, and how many of them its flow calls.
const CASES: [(usize, usize); 5] = [(1, 1), (3, 1), (3, 3), (10, 1), (10, 10)];

/// One app in both forms, on disk until dropped.
#[derive(Serialize)]
pub struct Subject {
    pub nodes: usize,
    pub reached: usize,
    /// Components inside the composed one.
    pub parts: usize,
    pub composed_bytes: usize,
    #[serde(skip)]
    pub egress_subject: String,
    #[serde(skip)]
    directory: TempDir,
}

/// All cases, made.
pub async fn all() -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for (nodes, reached) in CASES {
        subjects.push(Subject::make(nodes, reached).await?);
    }
    Ok(subjects)
}

impl Subject {
    async fn make(nodes: usize, reached: usize) -> anyhow::Result<Subject> {
        let directory = tempfile::tempdir()?;
        let names: Vec<String> = (0..nodes).map(|number| format!("shout{number}")).collect();
        let calls: Vec<&str> = names.iter().take(reached).map(String::as_str).collect();
        let components: Vec<(String, Vec<u8>)> =
            names.iter().map(|name| Ok((name.clone(), node(name)?))).collect::<anyhow::Result<_>>()?;
        let bundle = directory.path().join("bundle");
        served::write_bundle(&bundle, &served::flow(&calls), &components)?;
        let (composed, egress_subject) = composed(&bundle).await.context("compose")?;
        let subject = Subject {
            nodes,
            reached,
            parts: composed.parts,
            composed_bytes: composed.wasm.len(),
            egress_subject,
            directory,
        };
        std::fs::write(subject.component(), &composed.wasm)?;
        Ok(subject)
    }

    pub fn bundle(&self) -> PathBuf {
        self.directory.path().join("bundle")
    }

    pub fn component(&self) -> PathBuf {
        self.directory.path().join("composed.wasm")
    }

    pub fn label(&self) -> String {
        let plural = if self.nodes == 1 { "" } else { "s" };
        format!("{} node{plural}, {} reached", self.nodes, self.reached)
    }
}

/// The smallest node, with its name in an empty custom section: the same work in each, but no two share their code, as
/// those of different authors would not.
fn node(name: &str) -> anyhow::Result<Vec<u8>> {
    let length = u8::try_from(name.len()).ok().filter(|length| *length < 64).context("name of a node")?;
    let mut wasm = SHOUT.to_vec();
    wasm.extend([0, length + 1, length]);
    wasm.extend(name.as_bytes());
    Ok(wasm)
}

/// The component of the bundle's one channel, and the subject that its replies go to.
async fn composed(directory: &Path) -> anyhow::Result<(Composed, String)> {
    let (config, secrets) = (served::config(), FixedSecrets::default());
    let bundle = Bundle::read(directory)?;
    let plan = load::plan(&served::host_parts(&config, directory, &secrets), &bundle).await?;
    let channel = plan.channels.first().context("no channel")?;
    let provider = plan.providers.get(&channel.provider).context("no provider")?;
    let app = plan.apps.get(&channel.app).context("no app")?;
    let route = route(&bundle, channel, config.session.default_timeout);
    let data = Data {
        route: &route,
        flow_config: &app.config,
        provider_settings: &channel.settings,
        // Not the pack's own, which tells when it was built: each run would compile for a minute.
        pack_version: "bench",
        default_flow: app.flows.get(app.default_flow).map(|(name, _)| name.as_str()),
        flows: app
            .flows
            .iter()
            .map(|(name, image)| FlowRecords {
                name,
                head: image.head(),
                nodes: (0..).map_while(|index| image.node(index)).collect(),
            })
            .collect(),
        languages: Vec::new(),
    };
    let parts = Parts {
        edge: Part { name: "edge", wasm: EDGE },
        provider: Part { name: &channel.provider, wasm: &provider.wasm },
        session: Part { name: "session-redis", wasm: COMPOSED_SESSION_REDIS },
        egress: Part { name: "egress-nats", wasm: COMPOSED_EGRESS_NATS },
        deployment: Part { name: "deployment", wasm: COMPOSED_ENVIRONMENT },
        nodes: app.components.iter().map(|(name, wasm)| Part { name, wasm }).collect(),
        provider_secrets: channel.secrets.keys().map(String::as_str).collect(),
        flow_secrets: Vec::new(),
        data,
    };
    Ok((compose(Target::WasiHttp, &parts)?, route.egress_subject.clone()))
}

fn route(bundle: &Bundle, channel: &PlannedChannel, session_ttl_seconds: u32) -> Route {
    let (tenant, limits) = (&channel.key.tenant, TurnLimits::default());
    Route {
        env: tenant.env_id.clone(),
        tenant: tenant.tenant_id.clone(),
        team: tenant.team_id.clone(),
        channel: channel.key.channel.clone(),
        egress_subject: subject::egress(&channel.key),
        events_subject: subject::events(tenant),
        session_ttl_seconds,
        default_locale: channel.default_locale.clone(),
        error_message: bundle.error_message.clone(),
        nodes: limits.nodes,
        outgoing: limits.outgoing,
        session_bytes: limits.session_bytes,
    }
}
