//! Real flows with damaged records: whatever is in them, a turn ends, and what it leaves can be stored.
#![no_main]

use greentic_flow::{Compiled, Context, compile};
use greentic_fuzz::flows::Draw;
use greentic_fuzz::host::{Session, pressed, said};
use greentic_types::Value;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FLOWS: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let texts = [
        include_str!("../../core/flow/tests/flows/greeting.ygtc"),
        include_str!("../../core/flow/tests/flows/order.ygtc"),
        include_str!("../../core/flow/tests/flows/waiting.ygtc"),
        include_str!("../../core/flow/tests/flows/components.ygtc"),
        include_str!("../../core/flow/tests/flows/kinds.ygtc"),
        include_str!("../../core/flow/tests/flows/questions.ygtc"),
    ];
    texts.map(|text| compile(text, &Context::default()).unwrap()).into()
});

fuzz_target!(|bytes: &[u8]| {
    let mut draw = Draw::new(bytes);
    let mut flow = FLOWS[usize::from(draw.byte()) % FLOWS.len()].clone();
    for _ in 0..draw.byte() % 5 {
        damage(&mut flow, &mut draw);
    }
    let messages: Vec<_> = (0..1 + draw.byte() % 4)
        .map(|_| match draw.byte() % 12 {
            0 => pressed(draw.word()),
            choice => said(
                ["hi", "start", "script", "emit", "set", "config", "raise", "find", "card", "1", "show"]
                    [usize::from(choice) - 1],
            ),
        })
        .collect();
    let mut session = Session::new(std::slice::from_ref(&flow), &Value::Map(Default::default()), draw.rest());
    session.sound = false;
    for message in messages {
        session.turn(&message);
    }
});

/// Changes, cuts, adds or replaces bytes of one record, the head among them.
fn damage(flow: &mut Compiled, draw: &mut Draw<'_>) {
    let which = usize::from(draw.byte()) % (flow.nodes.len() + 1);
    let record = flow.nodes.get_mut(which).unwrap_or(&mut flow.head);
    let at = (usize::from(draw.byte()) << 8 | usize::from(draw.byte())) % (record.len() + 1);
    let how = draw.byte();
    let put: Vec<u8> = (0..how >> 2).map(|_| draw.byte()).collect();
    match how % 4 {
        0 => record.iter_mut().skip(at).zip(put).for_each(|(byte, new)| *byte = new),
        1 => record.truncate(at),
        2 => drop(record.splice(at..at, put)),
        _ => *record = put,
    }
}
