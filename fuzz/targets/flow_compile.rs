//! Any text: the flow compiler gives records or findings; what it accepts runs, and is the same flow when written anew.
#![no_main]

use greentic_flow::{Context, Dialect, Graph, compile, flow_name, format};
use greentic_fuzz::host::{Session, pressed, said};
use greentic_fuzz::rewriting;
use greentic_types::Value;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    if let Ok(unsure) = compile(text, &Context::default())
        && let Some(graph) = Graph::of(text, &unsure)
    {
        let _ = (graph.mermaid(), graph.dot());
    }
    for to in [None, Some(Dialect::List), Some(Dialect::Map)] {
        if let Ok(written) = format(text, to) {
            assert_eq!(format(&written, None).as_ref(), Ok(&written));
        }
    }
    let assets = BTreeMap::new();
    let name = flow_name(text).unwrap_or_default();
    let (components, flows) = (["shop"], [name.as_str()]);
    let context =
        Context { components: Some(&components), flows: Some(&flows), assets: Some(&assets), ..Context::default() };
    let compiled = match compile(text, &context) {
        Ok(compiled) => compiled,
        Err(findings) => {
            assert!(findings.iter().all(|finding| finding.line >= 1 && finding.column >= 1));
            return;
        }
    };
    rewriting::check(text, &compiled, &context);
    let config = Value::Map([("a".to_owned(), Value::Int(1))].into());
    let mut session = Session::new(std::slice::from_ref(&compiled), &config, text.as_bytes());
    for message in [said("hello"), pressed("go"), said("2")] {
        session.turn(&message);
    }
});
