//! Random flows of both dialects that call each other, and random messages: every turn ends, and ends the same way again.
#![no_main]

use greentic_flow::{Context, compile};
use greentic_fuzz::flows::Draw;
use greentic_fuzz::host::{Session, pressed, said};
use greentic_fuzz::rewriting;
use greentic_types::Value;
use libfuzzer_sys::{Corpus, fuzz_target};
use std::collections::BTreeMap;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let mut draw = Draw::new(bytes);
    let messages: Vec<_> = (0..1 + draw.byte() % 4)
        .map(|_| match draw.byte() % 4 {
            0 => (pressed(draw.word()), 1),
            1 => (said(draw.word()), 61_000),
            _ => (said(draw.word()), 1),
        })
        .collect();
    let texts = [draw.list(), draw.map_dialect()];
    let assets = BTreeMap::new();
    let context =
        Context { components: Some(&["shop"]), flows: Some(&["f", "g"]), assets: Some(&assets), ..Context::default() };
    let mut flows = Vec::new();
    for text in &texts {
        let Ok(compiled) = compile(text, &context) else { return Corpus::Reject };
        rewriting::check(text, &compiled, &context);
        flows.push(compiled);
    }
    let config = Value::Map([("a".to_owned(), Value::List(vec![Value::Int(1), Value::Null]))].into());
    let mut session = Session::new(&flows, &config, draw.rest());
    for (message, pause_ms) in messages {
        session.now_ms += pause_ms;
        session.turn(&message);
    }
    Corpus::Keep
});
