//! `greentic:edge/provider`: a fresh instance of the route's channel component for each call, in a store of its own.
//!
//! The edge imports it for webhooks; the egress worker calls `send` from here too. Instances share nothing with the
//! caller: a provider that traps takes only its own store with it.

use crate::bindings::exports::greentic::edge::provider as exported;
use crate::bindings::greentic::edge::{provider, types};
use crate::components::Provider;
use crate::route::Route;
use crate::sandbox::{GuestLimits, Rights, Sandbox};
use std::sync::Arc;
use wasmtime::Store;

/// What a channel component says of itself.
pub use crate::bindings::exports::greentic::edge::provider::Description;

/// The outcome of `send`, in the provider's words.
pub use crate::bindings::exports::greentic::edge::provider::{Receipt, SendError};

impl provider::Host for Sandbox {
    async fn webhook(&mut self, request: types::Request) -> wasmtime::Result<provider::Received> {
        let Rights::Edge { route, services, .. } = &self.rights else {
            return Err(Sandbox::not_granted("provider"));
        };
        let (mut store, guest) = instance(&route.provider, &services.guest, rights(route, false)).await?;
        let exported::Received { response, messages } = guest.call_webhook(&mut store, &request).await?;
        Ok(provider::Received { response, messages })
    }

    /// Sending is the egress worker's: a webhook that sent by itself could send twice.
    async fn send(&mut self, _: types::Outbound) -> wasmtime::Result<Result<provider::Receipt, provider::SendError>> {
        Err(Sandbox::not_granted("provider.send within a webhook"))
    }

    async fn describe(&mut self) -> wasmtime::Result<provider::Description> {
        let Rights::Edge { route, services, .. } = &self.rights else {
            return Err(Sandbox::not_granted("provider"));
        };
        let description = describe(&route.provider, &services.guest).await?;
        Ok(provider::Description {
            name: description.name,
            secrets: description.secrets,
            hosts: description.hosts,
            text_limit: description.text_limit,
        })
    }
}

/// Sends one message by a fresh instance of the route's provider. The caller sets the deadline.
pub async fn send(
    route: &Arc<Route>,
    limits: &GuestLimits,
    message: &types::Outbound,
) -> wasmtime::Result<Result<Receipt, SendError>> {
    let (mut store, guest) = instance(&route.provider, limits, rights(route, true)).await?;
    guest.call_send(&mut store, message).await
}

/// Asks a provider what it is, with no right at all: at load there is no route yet.
pub async fn describe(provider: &Provider, limits: &GuestLimits) -> wasmtime::Result<Description> {
    let (mut store, guest) = instance(provider, limits, Rights::None).await?;
    guest.call_describe(&mut store).await
}

fn rights(route: &Arc<Route>, sending: bool) -> Rights {
    Rights::Provider { route: Arc::clone(route), sending }
}

async fn instance(
    provider: &Provider,
    limits: &GuestLimits,
    rights: Rights,
) -> wasmtime::Result<(Store<Sandbox>, exported::Guest)> {
    let mut store = Sandbox::store(provider.pre.component().engine(), limits, rights);
    let instance = provider.pre.instantiate_async(&mut store).await?;
    let guest = provider.exports.load(&mut store, &instance)?;
    Ok((store, guest))
}
