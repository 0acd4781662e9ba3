//! `greentic:edge/egress`: publishes towards the bus, on this route's own subjects only.

use super::session_store::from_wit;
use crate::bindings::greentic::edge::{egress, types};
use crate::bus::Published;
use crate::sandbox::{Rights, Sandbox};

impl egress::Host for Sandbox {
    async fn publish(&mut self, batch: Vec<types::Publication>) -> wasmtime::Result<Vec<egress::Published>> {
        let Rights::Edge { route, services, .. } = &self.rights else {
            return Err(Sandbox::not_granted("egress"));
        };
        if let Some(foreign) = batch.iter().find(|publication| !route.may_publish(&publication.subject)) {
            return Err(wasmtime::format_err!("publish: subject `{}` is not this route's", foreign.subject));
        }
        let published = services.outlet.publish(batch.into_iter().map(from_wit).collect()).await;
        Ok(published.into_iter().map(answer).collect())
    }
}

fn answer(published: Published) -> egress::Published {
    match published {
        Published::Accepted => egress::Published::Accepted,
        Published::Duplicate => egress::Published::Duplicate,
        Published::Retry => egress::Published::Retry,
        Published::Rejected => egress::Published::Reject,
    }
}
