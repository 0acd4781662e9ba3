//! `greentic:edge/nodes` over the pack's node components, each linked as an import of its own: chooses by name, and answers
//! as our host does (`host/src/imports/nodes.rs`), to the letter.
//!
//! One thing can't be the same: here a node shares the request's store, so one that traps or never ends takes the whole
//! request with it. `stopped` is never answered, and a node's own time limit can't be kept: the request's is all there is.

use super::abi::{Image, Text, Value};
use super::component;
use super::module::{Allocator, Import, Module, byte, constant, if_text_is, push_text, word};
use crate::ComposeError;
use wasm_encoder::{BlockType, InstructionSink, ValType};

/// Largest answer of a node, as in our host.
const MAX_ANSWER_BYTES: u32 = 256 * 1024;

/// Cases of `result` and of `node-error`.
const OK: u32 = 0;
const ERR: u32 = 1;
const FAILED: u32 = 0;
const UNKNOWN: u32 = 2;

/// `greentic:component/types.outcome`: `success`, then two `option<string>` of tag, address and length.
const SUCCESS: u64 = 0;
const DATA: u64 = 4;
const ERROR: u64 = 16;
const OPTION_ADDRESS: u64 = 4;
const OPTION_LENGTH: u64 = 8;

/// Parameters of `invoke`, flat: pairs of address and length, the message's time, then the two words of the time limit.
const COMPONENT: (u32, u32) = (0, 1);
const OPERATION: (u32, u32) = (2, 3);
const MESSAGE: std::ops::RangeInclusive<u32> = 4..=10;
const PARAMS: [ValType; 13] = {
    let mut params = [ValType::I32; 13];
    params[10] = ValType::I64;
    params
};
/// Locals after them.
const NODE: u32 = 13;
const START: u32 = 14;
const CURSOR: u32 = 15;

/// Import of the node component at this place of the list. A word that begins with a letter, which every version of the
/// component model takes.
pub fn node_import(index: usize) -> String {
    format!("node{index}")
}

/// The component, for nodes of these names.
pub fn dispatcher(names: &[&str]) -> Result<Vec<u8>, ComposeError> {
    let mut image = Image::default();
    let constants = Constants::place(&mut image, names);
    // Those of the message and no other.
    let mut params: Vec<ValType> = PARAMS.into_iter().skip(4).take(MESSAGE.count()).collect();
    params.push(ValType::I32);
    let imports: Vec<Import> = (0..names.len())
        .map(|index| Import { module: "$root".into(), name: node_import(index), params: params.clone() })
        .collect();

    let mut module = Module::new(&imports);
    let allocator = module.allocator(image.end());
    let comparison = module.comparison();
    let place = module.function(&[ValType::I32; 2], &[ValType::I32], &[], |code| constants.place_of(code, comparison));
    let answer = module.function(&[ValType::I32; 4], &[ValType::I32], &[], |code| constants.answer(code));
    let functions = Functions { comparison, place, answer, allocator };
    let invoke = module.function(&PARAMS, &[ValType::I32], &[ValType::I32; 3], |code| {
        constants.invoke(code, &functions);
    });
    module.export("greentic:edge/nodes@1.0.0#invoke", invoke);
    module.export("cabi_post_greentic:edge/nodes@1.0.0#invoke", functions.allocator.release);
    component("dispatcher", &[], &world(names.len()), module.finish(&image)?)
}

fn world(nodes: usize) -> String {
    let mut text = String::from("package greentic:composed;\nworld dispatcher {\n");
    if nodes > 0 {
        text.push_str("    use greentic:component/types@1.0.0.{message, outcome};\n");
    }
    for index in 0..nodes {
        text.push_str(&format!("    import {}: func(input: message) -> outcome;\n", node_import(index)));
    }
    text.push_str("    export greentic:edge/nodes@1.0.0;\n}\n");
    text
}

struct Functions {
    comparison: u32,
    /// Place of a name in the list, or -1.
    place: u32,
    /// Fills the result and gives its address.
    answer: u32,
    allocator: Allocator,
}

/// A part of a sentence.
enum Piece {
    Constant(Text),
    /// Locals of address and length.
    Argument((u32, u32)),
}

struct Constants {
    names: Vec<Text>,
    execute: Text,
    no_component: [Text; 2],
    no_operation: [Text; 3],
    no_reason: Text,
    too_large: Text,
    /// Where a node's answer is written, and ours.
    outcome: u32,
    result: u32,
}

impl Constants {
    fn place(image: &mut Image, names: &[&str]) -> Constants {
        let option = || Value::None(Box::new(Value::Text(Text { address: 0, length: 0 })));
        let outcome = Value::Record(vec![Value::U32(0), option(), option()]);
        let result = Value::Record(vec![Value::U32(0), option()]);
        Constants {
            names: names.iter().map(|name| image.text(name)).collect(),
            execute: image.text("execute"),
            no_component: ["no component `", "` in this pack"].map(|text| image.text(text)),
            no_operation: ["component `", "` has no `", "`"].map(|text| image.text(text)),
            no_reason: image.text("no reason given"),
            too_large: image.text(format!("its answer is larger than {MAX_ANSWER_BYTES} bytes")),
            outcome: image.value(&outcome),
            result: image.value(&result),
        }
    }

    fn place_of(&self, code: &mut InstructionSink<'_>, comparison: u32) {
        let name = (0, 1);
        for (known, place) in self.names.iter().zip(0..) {
            if_text_is(code, comparison, name, *known, |code| {
                code.i32_const(place).return_();
            });
        }
        code.i32_const(-1);
    }

    /// `(case of the result, case of what is inside, address, length)`.
    fn answer(&self, code: &mut InstructionSink<'_>) {
        for (local, offset) in (0..4_u32).zip([0, 4, 8, 12]) {
            constant(code, self.result);
            code.local_get(local).i32_store(word(offset));
        }
        constant(code, self.result);
    }

    fn invoke(&self, code: &mut InstructionSink<'_>, functions: &Functions) {
        code.local_get(COMPONENT.0).local_get(COMPONENT.1).call(functions.place).local_tee(NODE);
        code.i32_const(0).i32_lt_s().if_(BlockType::Empty);
        let [before, after] = self.no_component;
        let sentence = [Piece::Constant(before), Piece::Argument(COMPONENT), Piece::Constant(after)];
        unknown(code, functions, &sentence);
        code.end();

        // The documented world has one entry; a name beside it would be read and ignored.
        code.block(BlockType::Empty);
        code.local_get(OPERATION.1).i32_eqz().br_if(0);
        // Out of both of the comparison's blocks and of this one.
        if_text_is(code, functions.comparison, OPERATION, self.execute, |code| {
            code.br(2);
        });
        let [before, between, after] = self.no_operation.map(Piece::Constant);
        let sentence = [before, Piece::Argument(COMPONENT), between, Piece::Argument(OPERATION), after];
        unknown(code, functions, &sentence);
        code.end();

        self.call_node(code);
        self.translate(code, functions);
    }

    /// Calls the node that the local names. One block for each node: `br_table` leaves as many as the node's number asks.
    fn call_node(&self, code: &mut InstructionSink<'_>) {
        let (mut nodes, mut count) = (Vec::new(), 0_u32);
        for _ in &self.names {
            nodes.push(count);
            count += 1;
        }
        code.block(BlockType::Empty).block(BlockType::Empty);
        for _ in &nodes {
            code.block(BlockType::Empty);
        }
        code.local_get(NODE).br_table(nodes.iter().copied(), count);
        for node in &nodes {
            code.end();
            for param in MESSAGE {
                code.local_get(param);
            }
            constant(code, self.outcome);
            // Imports are numbered first and in this order. Then past the other nodes' blocks and the one for no node.
            code.call(*node).br(count - node);
        }
        code.end().unreachable().end();
    }

    /// The node's outcome as `invoke`'s result.
    fn translate(&self, code: &mut InstructionSink<'_>, functions: &Functions) {
        for option in [DATA, ERROR] {
            constant(code, self.outcome);
            code.i32_load8_u(byte(option));
            constant(code, self.outcome);
            code.i32_load(word(option + OPTION_LENGTH));
            constant(code, MAX_ANSWER_BYTES);
            code.i32_gt_u().i32_and().if_(BlockType::Empty);
            self.failed(code, functions, self.too_large);
            code.end();
        }
        constant(code, self.outcome);
        code.i32_load8_u(byte(SUCCESS)).if_(BlockType::Empty);
        constant(code, OK);
        constant(code, self.outcome);
        code.i32_load8_u(byte(DATA));
        self.push_option_text(code, DATA);
        code.call(functions.answer).return_().end();

        constant(code, self.outcome);
        code.i32_load8_u(byte(ERROR)).if_(BlockType::Empty);
        constant(code, ERR);
        constant(code, FAILED);
        self.push_option_text(code, ERROR);
        code.call(functions.answer).return_().end();
        self.failed(code, functions, self.no_reason);
        code.unreachable();
    }

    fn push_option_text(&self, code: &mut InstructionSink<'_>, option: u64) {
        for part in [OPTION_ADDRESS, OPTION_LENGTH] {
            constant(code, self.outcome);
            code.i32_load(word(option + part));
        }
    }

    fn failed(&self, code: &mut InstructionSink<'_>, functions: &Functions, text: Text) {
        constant(code, ERR);
        constant(code, FAILED);
        push_text(code, text);
        code.call(functions.answer).return_();
    }
}

/// Answers `unknown` with a sentence put together of these pieces.
fn unknown(code: &mut InstructionSink<'_>, functions: &Functions, pieces: &[Piece]) {
    code.i32_const(0).i32_const(0).i32_const(1).i32_const(0);
    for piece in pieces {
        push_length(code, piece);
        code.i32_add();
    }
    code.call(functions.allocator.realloc).local_tee(START).local_set(CURSOR);
    for piece in pieces {
        code.local_get(CURSOR);
        match piece {
            Piece::Constant(text) => constant(code, text.address),
            Piece::Argument((address, _)) => {
                code.local_get(*address);
            }
        }
        push_length(code, piece);
        code.memory_copy(0, 0).local_get(CURSOR);
        push_length(code, piece);
        code.i32_add().local_set(CURSOR);
    }
    constant(code, ERR);
    constant(code, UNKNOWN);
    code.local_get(START).local_get(CURSOR).local_get(START).i32_sub().call(functions.answer).return_();
}

fn push_length(code: &mut InstructionSink<'_>, piece: &Piece) {
    match piece {
        Piece::Constant(text) => constant(code, text.length),
        Piece::Argument((_, length)) => {
            code.local_get(*length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::contract;
    use wit_parser::{SizeAlign, TypeDefKind};

    #[test]
    fn an_outcome_is_read_where_the_contract_puts_it() {
        let resolve = contract(&[]).unwrap();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let (_, outcome) = resolve.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("outcome")).unwrap();
        let TypeDefKind::Record(record) = &outcome.kind else { panic!("no record") };
        let names: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["success", "data", "error"]);
        let offsets = sizes.field_offsets(record.fields.iter().map(|field| &field.ty));
        let offsets = offsets.iter().map(|(offset, _)| u64::try_from(offset.size_wasm32()).unwrap());
        assert_eq!(offsets.collect::<Vec<u64>>(), [SUCCESS, DATA, ERROR]);
    }

    #[test]
    fn cases_are_numbered_as_the_contract_orders_them() {
        let resolve = contract(&[]).unwrap();
        let (_, error) = resolve.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("node-error")).unwrap();
        let TypeDefKind::Variant(variant) = &error.kind else { panic!("no variant") };
        let names: Vec<&str> = variant.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["failed", "stopped", "unknown"]);
        assert_eq!((FAILED, UNKNOWN), (0, 2));
    }
}
