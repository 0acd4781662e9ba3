//! `greentic:mcp@1.0.0`, world `mcp-tool`: a tool, whose parameters are what the flow hands over.
//!
//! Such a component is one tool. It is called by the entry's name, or by the tool's: the `name` in its schema, and without
//! one the component's own. A name that is neither is refused, because it would be read and ignored.

use super::{Answer, Call, outcome, trapped};
use crate::bindings::mcp::exports::greentic::mcp::tool::{GuestIndices, ToolInput, ToolOutput};
use crate::bindings::mcp::greentic::types::core::TenantCtx;
use crate::sandbox::Sandbox;
use wasmtime::component::InstancePre;

/// The operation that gives the schema, as text.
const GET_SCHEMA: &str = "get-schema";

/// What a call came to.
enum Told {
    Output(ToolOutput),
    Schema(String),
    NoSuchTool,
}

pub async fn invoke(pre: &InstancePre<Sandbox>, exports: &GuestIndices, call: &Call<'_>) -> Answer {
    let mut store = call.store(pre.component().engine());
    let tenant = &call.route.key.tenant;
    let tenant = TenantCtx {
        tenant_id: tenant.tenant_id.clone(),
        env_id: tenant.env_id.clone(),
        team_id: tenant.team_id.clone(),
    };
    let input = ToolInput { parameters: parameters(&call.payload.content) };
    let called = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let guest = exports.load(&mut store, &instance)?;
        if call.operation == GET_SCHEMA {
            return guest.call_get_schema(&mut store).await.map(Told::Schema);
        }
        if !call.is_execute() {
            let schema = guest.call_get_schema(&mut store).await?;
            if name(&schema).as_deref().unwrap_or(&call.component) != call.operation {
                return Ok(Told::NoSuchTool);
            }
        }
        guest.call_execute(&mut store, &tenant, &input).await.map(Told::Output)
    };
    match called.await {
        Ok(Told::Output(told)) => outcome(told.success, told.data, told.error),
        Ok(Told::Schema(schema)) => Ok(Some(schema)),
        Ok(Told::NoSuchTool) => Err(call.no_operation()),
        Err(error) => Err(trapped(&error, &store)),
    }
}

/// A tool without parameters is called with an empty object: nothing is no JSON.
fn parameters(content: &str) -> String {
    if content.trim().is_empty() { "{}".to_owned() } else { content.to_owned() }
}

fn name(schema: &str) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(schema).ok()?;
    Some(schema.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_is_its_schemas() {
        assert_eq!(name(r#"{"name":"lookup","inputSchema":{}}"#).as_deref(), Some("lookup"));
        for none in ["", "[]", "{}", r#"{"name":7}"#, "no JSON"] {
            assert_eq!(name(none), None, "{none}");
        }
    }

    #[test]
    fn nothing_is_an_empty_object() {
        assert_eq!(parameters(" "), "{}");
        assert_eq!(parameters(r#"{"a":1}"#), r#"{"a":1}"#);
    }
}
