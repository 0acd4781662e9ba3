//! `greentic:edge/route`: tells the edge whose request this is.

use crate::bindings::greentic::edge::{route, types};
use crate::route::Route;
use crate::sandbox::{Rights, Sandbox};

impl types::Host for Sandbox {}

impl route::Host for Sandbox {
    fn current(&mut self) -> wasmtime::Result<route::Route> {
        let Rights::Edge { route, services, received_at, .. } = &self.rights else {
            return Err(Sandbox::not_granted("route"));
        };
        let Route { key, egress_subject, events_subject, error_message, default_locale, session_ttl_seconds, .. } =
            route.as_ref();
        Ok(route::Route {
            tenant: types::TenantCtx {
                env_id: key.tenant.env_id.clone(),
                tenant_id: key.tenant.tenant_id.clone(),
                team_id: key.tenant.team_id.clone(),
            },
            channel: key.channel.clone(),
            egress_subject: egress_subject.clone(),
            events_subject: events_subject.clone(),
            session_ttl_seconds: *session_ttl_seconds,
            received_at: *received_at,
            default_locale: default_locale.clone(),
            error_message: error_message.clone(),
            limits: route::Limits {
                nodes: services.turn.nodes,
                outgoing: services.turn.outgoing,
                session_bytes: services.turn.session_bytes,
            },
        })
    }

    fn config(&mut self) -> wasmtime::Result<Vec<u8>> {
        match &self.rights {
            Rights::Edge { route, .. } => Ok(route.app.config.clone()),
            _ => Err(Sandbox::not_granted("route")),
        }
    }

    fn texts(&mut self, locale: String, keys: Vec<String>) -> wasmtime::Result<Vec<Option<String>>> {
        match &self.rights {
            Rights::Edge { route, .. } => Ok(route.app.texts.look_up(&locale, &keys)),
            _ => Err(Sandbox::not_granted("route")),
        }
    }
}
