//! `greentic:edge/nodes`: runs a custom component of the pack, in a fresh instance with no right at all.

use crate::bindings::component::Message;
use crate::bindings::greentic::edge::nodes;
use crate::sandbox::{GuestLimits, Rights, Sandbox};
use wasmtime::Trap;

/// Share of the request's wall time that one node may use. The rest is for telling the user that it failed: without it,
/// a node that hangs would take the whole request with it.
const NODE_SHARE: f64 = 0.5;

impl nodes::Host for Sandbox {
    async fn invoke(
        &mut self,
        component: String,
        operation: String,
        payload: nodes::Payload,
    ) -> wasmtime::Result<Result<Option<String>, nodes::NodeError>> {
        let Rights::Edge { route, services, .. } = &self.rights else {
            return Err(Sandbox::not_granted("nodes"));
        };
        let Some(pre) = route.app.nodes.get(&component) else {
            return Ok(Err(nodes::NodeError::Unknown(format!("no component `{component}` in this pack"))));
        };
        // The documented world has one entry, `execute`; a name beside it would be read and ignored.
        if !operation.is_empty() && operation != "execute" {
            return Ok(Err(nodes::NodeError::Unknown(format!("component `{component}` has no `{operation}`"))));
        }
        let nodes::Payload { message_id, content, sender, timestamp } = payload;
        let message = Message { id: message_id, content, sender, timestamp };
        let budget = services.guest.wall.mul_f64(NODE_SHARE);
        Ok(match tokio::time::timeout(budget, execute(pre, &services.guest, &message)).await {
            Ok(answer) => answer,
            Err(_) => Err(stopped(&component, &format!("ran longer than {} ms", budget.as_millis()))),
        })
    }
}

type Pre = crate::bindings::component::ComponentPre<Sandbox>;

async fn execute(pre: &Pre, limits: &GuestLimits, message: &Message) -> Result<Option<String>, nodes::NodeError> {
    let mut store = Sandbox::store(pre.engine(), limits, Rights::None);
    let called = async {
        let instance = pre.instantiate_async(&mut store).await?;
        instance.call_execute(&mut store, message).await
    };
    match called.await {
        Ok(outcome) if outcome.success => Ok(outcome.data),
        Ok(outcome) => Err(nodes::NodeError::Failed(outcome.error.unwrap_or_else(|| "no reason given".into()))),
        Err(error) => Err(nodes::NodeError::Stopped(cause(&error, store.data().memory.refused))),
    }
}

/// What stopped a guest, in a sentence that an author of flows can act on. The frames go to the log.
pub fn cause(error: &wasmtime::Error, memory_refused: bool) -> String {
    tracing::debug!(error = format!("{error:#}"), "guest stopped");
    if memory_refused {
        return "asked for more memory than its limit".into();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "recursed too deep".into(),
        Some(trap) => format!("trapped: {trap}"),
        None => "was stopped by the host".into(),
    }
}

fn stopped(component: &str, reason: &str) -> nodes::NodeError {
    tracing::warn!(component, reason, "component stopped");
    nodes::NodeError::Stopped(reason.to_owned())
}
