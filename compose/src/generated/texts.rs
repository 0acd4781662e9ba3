//! `route.texts` over constants: finds the language and then each key, as our host does (`host/src/texts.rs`). What a
//! language falls back to was merged into it before, so that here is one table to look in.

use super::abi::{Image, Text, Value};
use super::module::{Allocator, Module, byte, constant, if_text_is, word};
use crate::Language;
use std::collections::BTreeMap;
use wasm_encoder::{BlockType, InstructionSink, ValType};

/// Longest tag that is looked at, as in our host.
const MAX_TAG: i32 = 64;

/// Most keys of one call: a node names far fewer.
const MAX_KEYS: u32 = 1 << 16;

/// Sizes of a key in the list that is asked for, of a row (key and text) of a table, and of an `option<string>`.
const KEY_BYTES: i32 = 8;
const ROW_BYTES: i32 = 16;
const ANSWER_BYTES: i32 = 12;

/// Parameters: address and length of the tag, address and length of the list of keys.
const TAG: (u32, u32) = (0, 1);
const KEY: u32 = 2;
const KEYS: u32 = 3;
/// Locals after them.
const AT: u32 = 4;
const LETTER: u32 = 5;
const TABLE: u32 = 6;
const ANSWERS: u32 = 7;
const ANSWER: u32 = 8;
const LEFT: u32 = 9;
const ROW: u32 = 10;
const ROWS: u32 = 11;
const LOCALS: [ValType; 8] = [ValType::I32; 8];

/// Addresses of the tables, each the number of its rows and the address of the first.
pub struct Languages {
    tables: Vec<(Text, u32)>,
    /// Of every language that has none.
    others: u32,
    result: u32,
}

impl Languages {
    pub fn place(image: &mut Image, languages: &[Language<'_>]) -> Languages {
        // A text that is answered in many languages stands there once.
        let mut known: BTreeMap<String, Text> = BTreeMap::new();
        let (mut tables, mut others) = (Vec::new(), None);
        for language in languages {
            let mut rows = Vec::new();
            let mut count = 0_u32;
            for (key, said) in &language.texts {
                let [key, said] = [key, said]
                    .map(|text| Value::Text(*known.entry((*text).to_owned()).or_insert_with(|| image.text(text))));
                rows.extend(Value::Record(vec![key, said]).encode());
                count += 1;
            }
            let table = Value::Record(vec![Value::U32(count), Value::U32(image.put(&rows, 4))]);
            let table = image.value(&table);
            if language.tag.is_empty() {
                others = Some(table);
            } else {
                tables.push((image.text(&language.tag), table));
            }
        }
        let empty = Value::Record(vec![Value::U32(0), Value::U32(0)]);
        let others = others.unwrap_or_else(|| image.value(&empty));
        Languages { tables, others, result: image.value(&empty) }
    }

    /// The function, and its index.
    pub fn function(&self, module: &mut Module, allocator: &Allocator, comparison: u32) -> u32 {
        module.function(&[ValType::I32; 4], &[ValType::I32], &LOCALS, |code| {
            spell(code);
            self.find_table(code, comparison);
            code.local_get(KEYS);
            constant(code, MAX_KEYS);
            code.i32_gt_u().if_(BlockType::Empty).unreachable().end();
            code.i32_const(0).i32_const(0).i32_const(4);
            code.local_get(KEYS).i32_const(ANSWER_BYTES).i32_mul();
            code.call(allocator.realloc).local_tee(ANSWERS).local_set(ANSWER);
            code.local_get(KEYS).local_set(LEFT);
            answer_each(code, comparison);
            constant(code, self.result);
            code.local_get(ANSWERS).i32_store(word(0));
            constant(code, self.result);
            code.local_get(KEYS).i32_store(word(4));
            constant(code, self.result);
        })
    }

    /// Takes the last part off the tag until there is a table.
    fn find_table(&self, code: &mut InstructionSink<'_>, comparison: u32) {
        code.block(BlockType::Empty).loop_(BlockType::Empty);
        for (tag, table) in &self.tables {
            if_text_is(code, comparison, TAG, *tag, |code| {
                constant(code, *table);
                // Out of both of the comparison's blocks, the loop and the block.
                code.local_set(TABLE).br(3);
            });
        }
        code.loop_(BlockType::Empty);
        code.local_get(TAG.1).i32_eqz().if_(BlockType::Empty);
        constant(code, self.others);
        code.local_set(TABLE).br(3).end();
        code.local_get(TAG.1).i32_const(1).i32_sub().local_tee(TAG.1).local_get(TAG.0).i32_add();
        code.i32_load8_u(byte(0)).i32_const(i32::from(b'-')).i32_ne().br_if(0).end();
        code.br(0).end().end();
    }
}

/// The tag in its one spelling, in place: the memory is this component's own.
fn spell(code: &mut InstructionSink<'_>) {
    code.local_get(TAG.1).i32_const(MAX_TAG).i32_gt_u().if_(BlockType::Empty);
    code.i32_const(0).local_set(TAG.1).end();
    code.local_get(TAG.0).local_set(AT);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(AT).local_get(TAG.0).local_get(TAG.1).i32_add().i32_eq().br_if(1);
    code.local_get(AT).i32_load8_u(byte(0)).local_set(LETTER);
    code.local_get(LETTER).i32_const(i32::from(b'A')).i32_sub().i32_const(26).i32_lt_u().if_(BlockType::Empty);
    code.local_get(AT).local_get(LETTER).i32_const(32).i32_add().i32_store8(byte(0)).end();
    code.local_get(LETTER).i32_const(i32::from(b'_')).i32_eq().if_(BlockType::Empty);
    code.local_get(AT).i32_const(i32::from(b'-')).i32_store8(byte(0)).end();
    add(code, AT, 1);
    code.br(0).end().end();
}

/// One answer for each key: the text of the row that has it, or `none`.
fn answer_each(code: &mut InstructionSink<'_>, comparison: u32) {
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(LEFT).i32_eqz().br_if(1);
    for offset in [0, 4, 8] {
        code.local_get(ANSWER).i32_const(0).i32_store(word(offset));
    }
    code.local_get(TABLE).i32_load(word(0)).local_set(ROWS);
    code.local_get(TABLE).i32_load(word(4)).local_set(ROW);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(ROWS).i32_eqz().br_if(1);
    code.local_get(ROW).i32_load(word(4)).local_get(KEY).i32_load(word(4)).i32_eq().if_(BlockType::Empty);
    code.local_get(ROW).i32_load(word(0)).local_get(KEY).i32_load(word(0)).local_get(ROW).i32_load(word(4));
    code.call(comparison).if_(BlockType::Empty);
    code.local_get(ANSWER).i32_const(1).i32_store8(byte(0));
    for (from, to) in [(8, 4), (12, 8)] {
        code.local_get(ANSWER).local_get(ROW).i32_load(word(from)).i32_store(word(to));
    }
    // Out of both conditions, the loop and the block over the rows.
    code.br(3).end().end();
    add(code, ROW, ROW_BYTES);
    add(code, ROWS, -1);
    code.br(0).end().end();
    add(code, ANSWER, ANSWER_BYTES);
    add(code, KEY, KEY_BYTES);
    add(code, LEFT, -1);
    code.br(0).end().end();
}

fn add(code: &mut InstructionSink<'_>, local: u32, number: i32) {
    code.local_get(local).i32_const(number).i32_add().local_set(local);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_values() {
        let text = || Value::Text(Text { address: 0, length: 0 });
        let size = |value: Value| i32::try_from(value.encode().len()).unwrap();
        assert_eq!(size(text()), KEY_BYTES);
        assert_eq!(size(Value::Record(vec![text(), text()])), ROW_BYTES);
        assert_eq!(size(Value::some(text())), ANSWER_BYTES);
    }
}
