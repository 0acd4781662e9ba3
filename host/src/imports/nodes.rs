//! `greentic:edge/nodes`: runs a custom component of the pack, in a fresh instance with no right at all.

use crate::bindings::component::Message;
use crate::bindings::greentic::edge::nodes;
use crate::sandbox::{GuestLimits, Rights, Sandbox};
use tokio::time::Instant;
use wasmtime::Trap;

/// Share of the time that the request still has that one node may use. The rest is for telling the user that it failed:
/// a flow of nodes that all hang halves what is left each time and still ends with an answer.
const NODE_SHARE: f64 = 0.5;

/// Largest answer of a node: what a flow keeps of one (core/flow). A larger one would only burden the edge, which must
/// not stop for what a node did.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

impl nodes::Host for Sandbox {
    async fn invoke(
        &mut self,
        component: String,
        operation: String,
        payload: nodes::Payload,
    ) -> wasmtime::Result<Result<Option<String>, nodes::NodeError>> {
        let Rights::Edge { route, services, deadline, .. } = &self.rights else {
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
        let budget = deadline.saturating_duration_since(Instant::now()).mul_f64(NODE_SHARE);
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
        Ok(outcome) if [&outcome.data, &outcome.error].iter().any(|text| is_too_large(text)) => {
            Err(nodes::NodeError::Failed(format!("its answer is larger than {MAX_ANSWER_BYTES} bytes")))
        }
        Ok(outcome) if outcome.success => Ok(outcome.data),
        Ok(outcome) => Err(nodes::NodeError::Failed(outcome.error.unwrap_or_else(|| "no reason given".into()))),
        Err(error) => Err(nodes::NodeError::Stopped(cause(&error, store.data().memory.refused))),
    }
}

fn is_too_large(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| text.len() > MAX_ANSWER_BYTES)
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
