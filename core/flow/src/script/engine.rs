//! Rhai with everything left out that a script of a flow has no business with, and limits on the rest.

use super::state::State;
use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Engine, EvalAltResult};
use std::cell::Cell;
use std::rc::Rc;

/// Steps of the interpreter: some tens of milliseconds in a guest.
const MAX_OPERATIONS: u64 = 100_000;

/// Functions that call each other. The interpreter recurses, and a guest's stack is small.
const MAX_CALLS: usize = 12;

/// How deep expressions may nest: parsing and running recurse.
const MAX_DEPTH: usize = 24;
/// In a function, which may be called by eleven others at that depth: all of it must fit the edge's 64 KiB of stack
/// (tests/tests/corpus.rs tries).
const MAX_FUNCTION_DEPTH: usize = 12;

const MAX_STRING: usize = 64 * 1024;
const MAX_ITEMS: usize = 4_096;
const MAX_MEMBERS: usize = 1_024;
const MAX_VARIABLES: usize = 128;
const MAX_FUNCTIONS: usize = 64;

pub fn restricted() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    engine.set_max_operations(MAX_OPERATIONS);
    engine.set_max_call_levels(MAX_CALLS);
    engine.set_max_expr_depths(MAX_DEPTH, MAX_FUNCTION_DEPTH);
    engine.set_max_string_size(MAX_STRING);
    engine.set_max_array_size(MAX_ITEMS);
    engine.set_max_map_size(MAX_MEMBERS);
    engine.set_max_variables(MAX_VARIABLES);
    engine.set_max_functions(MAX_FUNCTIONS);
    engine.disable_symbol("eval");
    engine.on_print(|_| {});
    engine.on_debug(|_, _, _| {});
    State::register(&mut engine);
    engine
}

/// `random()` from 0 to below 1, and `random(from, to)` of whole numbers, both ends included.
pub fn add_random(engine: &mut Engine, seed: u64) {
    let source = Rc::new(Cell::new(seed));
    let next = move || {
        let state = source.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        source.set(state);
        mixed(state)
    };
    let range = next.clone();
    // 53 bits are what a float tells apart.
    engine.register_fn("random", move || (next() >> 11) as f64 / (1u64 << 53) as f64);
    engine.register_fn("random", move |from: i64, to: i64| {
        if to < from {
            return from;
        }
        let number = range();
        // The whole range of numbers wraps to a span of 0.
        let span = to.wrapping_sub(from).cast_unsigned().wrapping_add(1);
        from.wrapping_add(number.checked_rem(span).unwrap_or(number).cast_signed())
    });
}

/// The output function of SplitMix64.
fn mixed(state: u64) -> u64 {
    let once = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

/// What failed, without the place, which is told apart. What a script throws is its message.
pub fn message(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => message(inner),
        EvalAltResult::ErrorRuntime(thrown, _) => thrown.to_string(),
        EvalAltResult::ErrorTooManyOperations(_) => format!("it took more than {MAX_OPERATIONS} steps"),
        EvalAltResult::ErrorStackOverflow(_) => format!("functions call each other deeper than {MAX_CALLS}"),
        other => {
            let text = other.to_string();
            let place = text.rfind(" (line ").unwrap_or(text.len());
            text.get(..place).unwrap_or(&text).to_owned()
        }
    }
}
