//! A text as a case: a source, the data it finds and the message it meets, so that seeds can be written and read by people.
//!
//! Source, data as JSON, and message stand one after another with a line `---` between them. The last two may be absent.
//! Data of any other form is none: the case goes on with the source alone.

use crate::host::{self, Session};
use crate::rewriting;
use greentic_flow::{Context, compile};
use greentic_session::Record;
use greentic_types::Value;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const BETWEEN: &str = "\n---\n";

/// Less than any limit of data, which are not what is tried here.
const MOST_LEVELS: usize = 12;

/// What is around the flow: nothing.
const CONTEXT: Context<'static> =
    Context { components: Some(&[]), operations: None, flows: Some(&["f"]), assets: None, bindings: None };

pub struct Case<'t> {
    pub source: &'t str,
    /// What the flow knows as `config` and as `state`.
    pub data: BTreeMap<String, Value>,
    pub message: &'t str,
}

impl<'t> Case<'t> {
    pub fn of(text: &'t str) -> Case<'t> {
        let (source, rest) = text.split_once(BETWEEN).unwrap_or((text.trim_end_matches('\n'), ""));
        let (data, message) = rest.split_once(BETWEEN).unwrap_or((rest, "hello"));
        let data = match serde_json::from_str::<Json>(data).as_ref().map(Value::from_json) {
            Ok(Value::Map(map)) if map.values().all(|value| fits(value, MOST_LEVELS)) => map,
            _ => BTreeMap::new(),
        };
        Case { source, data, message: message.trim_end_matches('\n') }
    }

    /// Compiles a flow of these nodes, the first of which is `a`; where it is accepted, runs one turn and writes it anew.
    pub fn run(&self, nodes: Json) {
        let flow = flow(nodes);
        let Ok(compiled) = compile(&flow, &CONTEXT) else { return };
        let config = Value::Map(self.data.clone());
        let mut session = Session::new(std::slice::from_ref(&compiled), &config, &[]);
        session.record = Some(Record { state: self.data.clone(), ..Record::default() });
        session.turn(&host::said(self.message));
        rewriting::check(&flow, &compiled, &CONTEXT);
    }
}

/// The text of a flow, as JSON, which is YAML too.
fn flow(nodes: Json) -> String {
    let triggers = json!([{ "type": "default", "target": "a" }]);
    json!({ "name": "f", "version": "1", "triggers": triggers, "nodes": nodes }).to_string()
}

fn fits(value: &Value, left: usize) -> bool {
    match (value, left.checked_sub(1)) {
        (_, None) => false,
        (Value::List(list), Some(left)) => list.iter().all(|item| fits(item, left)),
        (Value::Map(map), Some(left)) => map.values().all(|item| fits(item, left)),
        (_, Some(_)) => true,
    }
}
