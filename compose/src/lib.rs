//! Makes one `wasi:http/incoming-handler` component for one route of a pack, so that hosts that know nothing of us can
//! serve it: Fermyon Spin, `wasmtime serve`, or our own `serve-component`.
//!
//! Bytes in, bytes out: the same parts give the same bytes. A composed component is for one tenant, team and channel;
//! which, is built in. What differs between deployments (addresses, secrets) it asks its deployment adapter for, and no
//! other part can. Choosing the parts and writing files is the caller's (`cli`).
//!
//! ```text
//!            wasi:http/incoming-handler
//!                      │
//!    ┌──────────────  edge  ──────────────┬──────────┐
//!    │      │          │         │        │          │
//!  data  provider   session    egress  dispatcher  secrets    data, dispatcher, secrets, nothing: generated
//!           │          │         │        │          │
//!     data, secrets    │  deployment    nodes    deployment   every part but deployment has `nothing`
//!               data, deployment   (or provider)              for its environment and file system
//! ```
//!
//! `secrets` lets one list of names through to the deployment: the provider's and the flows' are not each other's.

mod check;
mod error;
pub mod generated;
mod graph;
mod surface;

pub use error::ComposeError;

use check::{DEPLOYMENT, EGRESS, EXECUTE, FLOW, NODES, PROVIDER, ROUTE, Role, SECRETS, SESSION_STORE, SETTINGS};
use generated::node_import;
use graph::{Composition, Member, Supply, wasi_version};
use std::collections::BTreeMap;

/// Whose interfaces the composed component may import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Fermyon Spin: WASI 0.2, `fermyon:spin/redis` and `fermyon:spin/variables`.
    Spin,
    /// Any host of `wasi:http` that gives sockets and environment variables.
    WasiHttp,
}

impl Target {
    pub fn name(self) -> &'static str {
        match self {
            Target::Spin => "spin",
            Target::WasiHttp => "wasi-http",
        }
    }
}

/// A component, and the name that errors call it by.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    pub name: &'a str,
    pub wasm: &'a [u8],
}

/// `greentic:edge/route.route` but for the time: see there.
#[derive(Clone, Default, Debug)]
pub struct Route {
    pub env: String,
    pub tenant: String,
    pub team: Option<String>,
    pub channel: String,
    pub egress_subject: String,
    pub events_subject: String,
    pub session_ttl_seconds: u32,
    pub default_locale: String,
    pub error_message: String,
    /// Most nodes one message may run through.
    pub nodes: u32,
    /// Most messages one message may cause.
    pub outgoing: u32,
    /// Most bytes of a session record.
    pub session_bytes: u32,
}

/// One compiled flow, as its image holds it.
pub struct FlowRecords<'a> {
    pub name: &'a str,
    pub head: &'a [u8],
    pub nodes: Vec<&'a [u8]>,
}

/// What is answered in one language, merged with what it falls back to.
pub struct Language<'a> {
    /// In small letters with `-` between its parts. Empty: every language that is not listed.
    pub tag: String,
    /// By keys.
    pub texts: BTreeMap<&'a str, &'a str>,
}

/// What is built in. Never a secret.
pub struct Data<'a> {
    pub route: &'a Route,
    /// `config.*` of the flows, a CBOR map.
    pub flow_config: &'a [u8],
    /// The provider's settings, a JSON object.
    pub provider_settings: &'a str,
    pub pack_version: &'a str,
    /// The flow that runs when none is named; with None there is no such flow.
    pub default_flow: Option<&'a str>,
    /// A flow's place here is its number.
    pub flows: Vec<FlowRecords<'a>>,
    /// The app's texts.
    pub languages: Vec<Language<'a>>,
}

/// What [`compose`] joins.
pub struct Parts<'a> {
    pub edge: Part<'a>,
    pub provider: Part<'a>,
    pub session: Part<'a>,
    pub egress: Part<'a>,
    pub deployment: Part<'a>,
    /// Named as the flows name them.
    pub nodes: Vec<Part<'a>>,
    /// Names of the secrets that the provider may read, and of those that the flows may send. All are the deployment's.
    pub provider_secrets: Vec<&'a str>,
    pub flow_secrets: Vec<&'a str>,
    pub data: Data<'a>,
}

/// A component, valid and complete but for `imports`.
#[derive(Clone, Debug)]
pub struct Composed {
    pub wasm: Vec<u8>,
    /// What its host must supply, with versions. Imports that are only names for types are not among these.
    pub imports: Vec<String>,
    /// Components inside, the generated ones too: each is instantiated for every request.
    pub parts: usize,
}

/// The interface of its own that a node component answers by, with its version. None for one of the plain world, whose
/// `execute` stands alone, and for what can't be read: whoever loads it says why.
pub fn node_interface(wasm: &[u8]) -> Option<String> {
    let surface = surface::Surface::read("node", wasm).ok()?;
    surface.exports.into_iter().find(|export| check::BRIDGED.iter().any(|bridged| export.starts_with(bridged)))
}

/// The component that answers a route's webhooks.
pub fn compose(target: Target, parts: &Parts<'_>) -> Result<Composed, ComposeError> {
    let edge = Member::read(Role::Edge, parts.edge)?;
    let provider = Member::read(Role::Provider, parts.provider)?;
    let session = Member::read(Role::Session, parts.session)?;
    let egress = Member::read(Role::Egress, parts.egress)?;
    let deployment = Member::read(Role::Deployment, parts.deployment)?;
    let nodes: Vec<Member<'_>> =
        parts.nodes.iter().map(|part| Member::read(Role::Node, *part)).collect::<Result<_, _>>()?;

    let mut members = vec![&edge, &provider, &session, &egress, &deployment];
    members.extend(&nodes);
    let wasi = wasi_version(&members);
    let data = Member::generated("data", generated::data(&parts.data, &wasi)?)?;
    let names: Vec<&str> = parts.nodes.iter().map(|node| node.name).collect();
    let dispatcher = Member::generated("dispatcher", generated::dispatcher(&names)?)?;
    let for_provider = Member::generated("secrets", generated::secrets(&parts.provider_secrets)?)?;
    let for_flows = Member::generated("secrets", generated::secrets(&parts.flow_secrets)?)?;

    let mut composition = Composition::new(target, &members)?;
    let data = composition.place(&data, &[])?;
    let deployment = composition.place(&deployment, &[])?;
    let from_deployment = [Supply::of(SECRETS, deployment)];
    // Where the flows have no secret, there is none that the provider must not see.
    let secrets = match parts.flow_secrets.as_slice() {
        [] => deployment,
        _ => composition.place(&for_provider, &from_deployment)?,
    };
    let supplies = [Supply::of(SECRETS, secrets), Supply::of(SETTINGS, data)];
    let provider = composition.place(&provider, &supplies)?;
    let for_flows = composition.place(&for_flows, &from_deployment)?;
    let supplies = [Supply::of(ROUTE, data), Supply::of(DEPLOYMENT, deployment)];
    let session = composition.place(&session, &supplies)?;
    let supplies = [Supply::of(DEPLOYMENT, deployment), Supply::of(PROVIDER, provider)];
    let egress = composition.place(&egress, &supplies)?;
    let mut placed = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        placed.push((node_import(index), composition.place(node, &[])?));
    }
    let supplies: Vec<Supply<'_>> =
        placed.iter().map(|(import, from)| Supply { import, from: *from, export: EXECUTE }).collect();
    let dispatcher = composition.place(&dispatcher, &supplies)?;
    let supplies = [
        Supply::of(ROUTE, data),
        Supply::of(FLOW, data),
        Supply::of(PROVIDER, provider),
        Supply::of(SESSION_STORE, session),
        Supply::of(EGRESS, egress),
        Supply::of(NODES, dispatcher),
        Supply::of(SECRETS, for_flows),
    ];
    let front = composition.place(&edge, &supplies)?;
    composition.finish(front, &edge)
}

/// The component that sends one published message for each request, for hosts that have no worker.
pub fn compose_egress(
    target: Target,
    provider: Part<'_>,
    deployment: Part<'_>,
    trigger: Part<'_>,
    data: &Data<'_>,
) -> Result<Composed, ComposeError> {
    let trigger = Member::read(Role::EgressTrigger, trigger)?;
    let provider = Member::read(Role::Provider, provider)?;
    let deployment = Member::read(Role::Deployment, deployment)?;
    let members = [&trigger, &provider, &deployment];
    // Whose messages it sends is as fixed as whose it answers; flows it has no use for.
    let data = Data {
        route: data.route,
        flow_config: data.flow_config,
        provider_settings: data.provider_settings,
        pack_version: data.pack_version,
        default_flow: None,
        flows: Vec::new(),
        languages: Vec::new(),
    };
    let data = Member::generated("data", generated::data(&data, &wasi_version(&members))?)?;

    let mut composition = Composition::new(target, &members)?;
    let data = composition.place(&data, &[])?;
    let deployment = composition.place(&deployment, &[])?;
    let supplies = [Supply::of(SECRETS, deployment), Supply::of(SETTINGS, data)];
    let provider = composition.place(&provider, &supplies)?;
    let supplies = [Supply::of(ROUTE, data), Supply::of(PROVIDER, provider), Supply::of(DEPLOYMENT, deployment)];
    let front = composition.place(&trigger, &supplies)?;
    composition.finish(front, &trigger)
}
