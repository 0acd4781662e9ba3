//! `<flow>.ygtc.resolve.json`: which component each node of a flow means whose operation names none.

use crate::finding::{Finding, Position};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Bytes of one sidecar, as of a flow.
const MAX_TEXT: usize = 1024 * 1024;

const VERSION: u64 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Node to where its component is: a path (`file://../components/qa.wasm`) or a reference (`oci://…`).
    pub nodes: BTreeMap<String, String>,
}

impl Sidecar {
    pub fn parse(text: &str) -> Result<Sidecar, Finding> {
        if text.len() > MAX_TEXT {
            return Err(wrong(Position::START, format!("it is larger than {MAX_TEXT} bytes")));
        }
        let json: Json = serde_json::from_str(text).map_err(|error| {
            let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
            let at = Position { line: small(error.line()), column: small(error.column()) };
            wrong(at, format!("this is no JSON: {error}"))
        })?;
        let version = json.get("schema_version").and_then(Json::as_u64);
        if version != Some(VERSION) {
            return Err(wrong(Position::START, format!("its `schema_version` is not {VERSION}")));
        }
        let Some(Json::Object(nodes)) = json.get("nodes") else {
            return Err(wrong(Position::START, "it needs the key `nodes`, a map".to_owned()));
        };
        let mut sidecar = Sidecar::default();
        for (id, node) in nodes {
            let source = node.get("source");
            let location = source.and_then(|source| source.get("path").or_else(|| source.get("ref")));
            let Some(location) = location.and_then(Json::as_str) else {
                let message = format!("the node `{id}` needs a `source` with `path` or `ref`");
                return Err(wrong(Position::START, message));
            };
            sidecar.nodes.insert(id.clone(), location.to_owned());
        }
        Ok(sidecar)
    }

    /// Node to component, as [`crate::Context::bindings`] has it. A node whose component `find` does not know is left out,
    /// and is an error where the flow is compiled.
    pub fn bindings(&self, find: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
        self.nodes.iter().filter_map(|(id, location)| Some((id.clone(), find(location)?))).collect()
    }
}

fn wrong(at: Position, message: String) -> Finding {
    Finding::error("bad-sidecar", at, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"{"schema_version": 1, "flow": "a.ygtc", "nodes": {
        "ask": {"source": {"kind": "local", "path": "file://../components/qa.wasm"}},
        "say": {"source": {"kind": "remote", "ref": "oci://x.example/templates:1", "digest": "sha256:00"}}}}"#;

    #[test]
    fn nodes_are_bound_to_the_components_that_are_found() {
        let sidecar = Sidecar::parse(GOOD).unwrap();
        let bindings = sidecar.bindings(|location| location.ends_with("qa.wasm").then(|| "qa".to_owned()));
        assert_eq!(bindings, [("ask".to_owned(), "qa".to_owned())].into());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |text: &str| Sidecar::parse(text).unwrap_err();
        assert_eq!(refused("{\n  \"nodes\": }").line, 2);
        assert!(refused("{}").message.contains("schema_version"));
        assert!(refused(r#"{"schema_version": 1}"#).message.contains("nodes"));
        assert!(refused(r#"{"schema_version": 1, "nodes": {"a": {}}}"#).message.contains("`a`"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}\\[\\]\":,a-z0-9 ]{0,40}") {
            let _ = Sidecar::parse(&text);
        }
    }
}
