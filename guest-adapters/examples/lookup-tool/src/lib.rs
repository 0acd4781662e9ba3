//! A tool in the sense of MCP: looks up when a shop is open. Built against `wit/mcp` and `wit/types` and nothing else, as
//! any third party would; copy this folder to begin a tool of your own.

#![cfg(target_family = "wasm")]

#[expect(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/types", "../../../wit/mcp"],
        world: "greentic:mcp/mcp-tool@1.0.0",
        generate_all,
    });
    use super::Lookup;
    export!(Lookup);
}

use bindings::exports::greentic::mcp::tool::{Guest, TenantCtx, ToolInput, ToolOutput};
use serde_json::{Value, json};

const PLACES: [(&str, &str, &str); 2] = [("Bern", "09:00", "18:30"), ("Oslo", "10:00", "17:00")];

struct Lookup;

impl Guest for Lookup {
    fn execute(ctx: TenantCtx, input: ToolInput) -> ToolOutput {
        match look_up(&ctx, &input.parameters) {
            Ok(found) => ToolOutput { success: true, data: Some(found.to_string()), error: None },
            Err(why) => ToolOutput { success: false, data: None, error: Some(why) },
        }
    }

    fn get_schema() -> String {
        json!({
            "name": "lookup",
            "description": "Opening hours of a shop",
            "inputSchema": {
                "type": "object",
                "properties": { "place": { "type": "string" } },
                "required": ["place"],
            },
        })
        .to_string()
    }
}

fn look_up(ctx: &TenantCtx, parameters: &str) -> Result<Value, String> {
    let parameters: Value = serde_json::from_str(parameters).map_err(|_| "the parameters are no JSON".to_owned())?;
    let place = parameters.get("place").and_then(Value::as_str).ok_or("`place` is missing")?;
    let (_, opens, closes) =
        PLACES.iter().find(|(name, ..)| *name == place).ok_or_else(|| format!("there is no shop in {place}"))?;
    Ok(json!({ "place": place, "opens": opens, "closes": closes, "tenant": ctx.tenant_id }))
}
