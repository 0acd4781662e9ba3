//! `greentic:component@2.0.0`, world `flow-component`: a node that is told whose call it works on.

use super::{Answer, Call, trapped};
use crate::bindings::flow_component::exports::greentic::component::component::{GuestIndices, Input};
use crate::bindings::flow_component::greentic::types::core::{Message, Outcome, TenantCtx};
use crate::bindings::greentic::edge::nodes::NodeError;
use crate::sandbox::Sandbox;
use greentic_types::Value;
use wasmtime::component::InstancePre;

pub async fn invoke(pre: &InstancePre<Sandbox>, exports: &GuestIndices, call: &Call<'_>) -> Answer {
    if !call.is_execute() {
        return Err(call.no_operation());
    }
    let tenant = &call.route.key.tenant;
    let tenant = TenantCtx {
        tenant_id: tenant.tenant_id.clone(),
        env_id: tenant.env_id.clone(),
        team_id: tenant.team_id.clone(),
    };
    let input = Input { message: message(call), context: None, config: config(&call.route.app.config) };
    let mut store = call.store(pre.component().engine());
    let called = async {
        let instance = pre.instantiate_async(&mut store).await?;
        exports.load(&mut store, &instance)?.call_execute(&mut store, &tenant, &input).await
    };
    match called.await {
        Ok(Outcome::Success(data)) => Ok(Some(data)),
        Ok(Outcome::Error(reason)) => Err(NodeError::Failed(shown(&reason))),
        // Nothing would ever tell the flow that it is done.
        Ok(Outcome::Pending(reason)) => Err(NodeError::Failed(format!("it is not done yet: {}", shown(&reason)))),
        Err(error) => Err(trapped(&error, &store)),
    }
}

/// Longest reason that a flow is told.
const MAX_REASON: usize = 4 * 1024;

fn shown(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

fn message(call: &Call<'_>) -> Message {
    let payload = &call.payload;
    Message {
        id: payload.message_id.clone(),
        channel_id: call.route.key.channel.clone(),
        sender_id: payload.sender.clone(),
        sender_name: None,
        content: payload.content.clone(),
        timestamp: payload.timestamp,
        reply_to: None,
        attachments: Vec::new(),
        metadata: None,
    }
}

/// The app's configuration as JSON. It was encoded at load, so there is always one.
fn config(encoded: &[u8]) -> Option<String> {
    let config: Value = minicbor::decode(encoded).ok()?;
    Some(config.to_json().to_string())
}
