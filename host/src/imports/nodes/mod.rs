//! `greentic:edge/nodes`: runs a custom component of the pack, in a fresh instance with no right at all.
//!
//! Which documented world a component is of was found out at load (`components.rs`); each world has a file here that puts
//! a call into its words. Time, memory and the size of answers are the same for all of them.

mod component;
mod flow_component;
mod tool;

use crate::bindings::greentic::edge::nodes;
use crate::components::Node;
use crate::route::Route;
use crate::sandbox::{GuestLimits, Rights, Sandbox};
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::{Engine, Store, Trap};

/// Share of the time that the request still has that one node may use. The rest is for telling the user that it failed:
/// a flow of nodes that all hang halves what is left each time and still ends with an answer.
const NODE_SHARE: f64 = 0.5;

/// Largest answer of a node: what a flow keeps of one (core/flow). A larger one would only burden the edge, which must
/// not stop for what a node did.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The one operation that every world has.
const EXECUTE: &str = "execute";

/// What a node answers: data, or why there is none.
type Answer = Result<Option<String>, nodes::NodeError>;

impl nodes::Host for Sandbox {
    async fn invoke(
        &mut self,
        component: String,
        operation: String,
        payload: nodes::Payload,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Answer> {
        let Rights::Edge { route, services, deadline, .. } = &self.rights else {
            return Err(Sandbox::not_granted("nodes"));
        };
        let Some(node) = route.app.nodes.get(&component) else {
            return Ok(Err(nodes::NodeError::Unknown(format!("no component `{component}` in this pack"))));
        };
        let share = deadline.saturating_duration_since(Instant::now()).mul_f64(NODE_SHARE);
        let budget = timeout_ms.map_or(share, |wanted| share.min(Duration::from_millis(u64::from(wanted))));
        let call = Call { route, limits: &services.guest, component, operation, payload };
        let running = async {
            match node {
                Node::Component(pre) => component::invoke(pre, &call).await,
                Node::Tool(pre, exports) => tool::invoke(pre, exports, &call).await,
                Node::FlowComponent(pre, exports) => flow_component::invoke(pre, exports, &call).await,
            }
        };
        Ok(match tokio::time::timeout(budget, running).await {
            Ok(answer) => answer.and_then(within_limit),
            Err(_) => {
                let reason = format!("ran longer than {} ms", budget.as_millis());
                tracing::warn!(component = call.component, reason, "component stopped");
                Err(nodes::NodeError::Stopped(reason))
            }
        })
    }
}

/// One call of a node, for every world.
struct Call<'a> {
    route: &'a Route,
    limits: &'a GuestLimits,
    component: String,
    operation: String,
    payload: nodes::Payload,
}

impl Call<'_> {
    fn store(&self, engine: &Engine) -> Store<Sandbox> {
        Sandbox::store(engine, self.limits, Rights::None)
    }

    /// Whether the operation is the entry that every world has. An empty name is that one.
    fn is_execute(&self) -> bool {
        self.operation.is_empty() || self.operation == EXECUTE
    }

    fn no_operation(&self) -> nodes::NodeError {
        nodes::NodeError::Unknown(format!("component `{}` has no `{}`", self.component, self.operation))
    }
}

/// What two of the worlds answer alike.
fn outcome(success: bool, data: Option<String>, error: Option<String>) -> Answer {
    // Either may be past the limit, whichever is used.
    if [&data, &error].into_iter().flatten().any(|text| text.len() > MAX_ANSWER_BYTES) {
        return Err(too_large());
    }
    if success { Ok(data) } else { Err(nodes::NodeError::Failed(error.unwrap_or_else(|| "no reason given".into()))) }
}

fn within_limit(data: Option<String>) -> Answer {
    match data {
        Some(text) if text.len() > MAX_ANSWER_BYTES => Err(too_large()),
        data => Ok(data),
    }
}

fn too_large() -> nodes::NodeError {
    nodes::NodeError::Failed(format!("its answer is larger than {MAX_ANSWER_BYTES} bytes"))
}

fn trapped(error: &wasmtime::Error, store: &Store<Sandbox>) -> nodes::NodeError {
    nodes::NodeError::Stopped(cause(error, store.data().memory.refused))
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
