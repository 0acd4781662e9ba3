//! A core module in the making: functions, exports, one memory with the constants in it, and an allocator when callers
//! hand over strings. What the functions do is each part's own.

use super::abi::{Image, Text};
use crate::ComposeError;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemorySection, MemoryType, TypeSection, ValType,
};

/// Most bytes of constants. Every instance maps them, so a pack of more is better split; our host's records of one flow
/// are three orders smaller.
const MAX_CONSTANT_BYTES: usize = 64 << 20;

/// An imported function. The generated parts lower only functions whose result is written to memory, so it has none.
pub struct Import {
    pub module: String,
    pub name: String,
    pub params: Vec<ValType>,
}

/// The allocator's functions.
pub struct Allocator {
    /// `cabi_realloc`: takes from the end of memory and never gives back.
    pub realloc: u32,
    /// To be exported as `cabi_post_…` of every function that takes strings: gives all back at once, so that memory does
    /// not grow with the number of calls.
    pub release: u32,
}

#[derive(Default)]
pub struct Module {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    globals: GlobalSection,
    exports: ExportSection,
    code: CodeSection,
    function_count: u32,
}

impl Module {
    /// Imports come first because they are numbered before the module's own functions.
    pub fn new(imports: &[Import]) -> Module {
        let mut module = Module::default();
        for import in imports {
            let ty = module.ty(&import.params, &[]);
            module.imports.import(&import.module, &import.name, EntityType::Function(ty));
            module.function_count += 1;
        }
        module
    }

    fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let index = self.types.len();
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        index
    }

    /// Adds a function and gives its index. `locals` follow the parameters.
    pub fn function(
        &mut self,
        params: &[ValType],
        results: &[ValType],
        locals: &[ValType],
        body: impl FnOnce(&mut InstructionSink<'_>),
    ) -> u32 {
        let ty = self.ty(params, results);
        self.functions.function(ty);
        let mut function = Function::new_with_locals_types(locals.iter().copied());
        let mut code = function.instructions();
        body(&mut code);
        code.end();
        self.code.function(&function);
        let index = self.function_count;
        self.function_count += 1;
        index
    }

    pub fn export(&mut self, name: &str, function: u32) {
        self.exports.export(name, ExportKind::Func, function);
    }

    /// Exports a function that always gives this address.
    pub fn export_constant(&mut self, name: &str, address: u32) {
        let function = self.function(&[], &[ValType::I32], &[], |code| constant(code, address));
        self.export(name, function);
    }

    /// The allocator, with `heap` as the first address it may give. At most one to a module.
    pub fn allocator(&mut self, heap: u32) -> Allocator {
        let heap_type = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        self.globals.global(heap_type, &ConstExpr::i32_const(heap.cast_signed()));
        let realloc = self.function(&[ValType::I32; 4], &[ValType::I32], &[ValType::I32; 3], allocate);
        self.export("cabi_realloc", realloc);
        let release = self.function(&[ValType::I32], &[], &[], |code| {
            constant(code, heap);
            code.global_set(HEAP);
        });
        Allocator { realloc, release }
    }

    /// A function `(a, b, length)` that says whether two ranges of memory hold the same bytes.
    pub fn comparison(&mut self) -> u32 {
        let (a, b, length) = (0, 1, 2);
        self.function(&[ValType::I32; 3], &[ValType::I32], &[], |code| {
            code.loop_(BlockType::Empty);
            code.local_get(length).i32_eqz().if_(BlockType::Empty).i32_const(1).return_().end();
            code.local_get(a).i32_load8_u(byte(0)).local_get(b).i32_load8_u(byte(0));
            code.i32_ne().if_(BlockType::Empty).i32_const(0).return_().end();
            for pointer in [a, b] {
                code.local_get(pointer).i32_const(1).i32_add().local_set(pointer);
            }
            code.local_get(length).i32_const(1).i32_sub().local_set(length);
            code.br(0).end().unreachable();
        })
    }

    pub fn finish(mut self, image: &Image) -> Result<Vec<u8>, ComposeError> {
        if image.size() > MAX_CONSTANT_BYTES {
            return Err(ComposeError::TooLarge { bytes: image.size(), limit: MAX_CONSTANT_BYTES });
        }
        let mut memory = MemorySection::new();
        memory.memory(MemoryType {
            minimum: u64::from((image.end() >> PAGE_BITS) + 1),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(image.start().cast_signed()), image.bytes().iter().copied());

        let mut module = wasm_encoder::Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&memory);
        if !self.globals.is_empty() {
            module.section(&self.globals);
        }
        module.section(&self.exports).section(&self.code);
        if image.size() > 0 {
            module.section(&data);
        }
        Ok(module.finish())
    }
}

/// Index of the allocator's global: the next free address.
const HEAP: u32 = 0;

/// log2 of WebAssembly's page size.
const PAGE_BITS: u32 = 16;

/// `cabi_realloc(old address, old size, alignment, new size)`. Traps when there is no memory left, as the ABI wants.
fn allocate(code: &mut InstructionSink<'_>) {
    let (old, old_size, align, size) = (0, 1, 2, 3);
    let (start, end, missing_pages) = (4, 5, 6);
    code.global_get(HEAP).local_get(align).i32_add().i32_const(1).i32_sub();
    code.i32_const(0).local_get(align).i32_sub().i32_and().local_tee(start);
    code.local_get(size).i32_add().local_tee(end);
    // Past 4 GiB the sum wraps round.
    code.local_get(start).i32_lt_u().if_(BlockType::Empty).unreachable().end();
    code.local_get(end).i32_const(PAGE_BITS.cast_signed()).i32_shr_u().i32_const(1).i32_add();
    code.memory_size(0).i32_sub().local_tee(missing_pages).i32_const(0).i32_gt_s().if_(BlockType::Empty);
    code.local_get(missing_pages).memory_grow(0).i32_const(-1).i32_eq().if_(BlockType::Empty).unreachable().end();
    code.end();
    // Callers whose strings are not UTF-8 guess a size and correct it.
    code.local_get(start).local_get(old);
    code.local_get(old_size).local_get(size).local_get(old_size).local_get(size).i32_lt_u().select();
    code.memory_copy(0, 0);
    code.local_get(end).global_set(HEAP).local_get(start);
}

/// Pushes an unsigned constant.
pub fn constant(code: &mut InstructionSink<'_>, number: u32) {
    code.i32_const(number.cast_signed());
}

/// Pushes address and length of a constant text.
pub fn push_text(code: &mut InstructionSink<'_>, text: Text) {
    constant(code, text.address);
    constant(code, text.length);
}

/// Runs `then` when the text that two locals describe is this one.
pub fn if_text_is(
    code: &mut InstructionSink<'_>,
    comparison: u32,
    (address, length): (u32, u32),
    wanted: Text,
    then: impl FnOnce(&mut InstructionSink<'_>),
) {
    code.local_get(length);
    constant(code, wanted.length);
    code.i32_eq().if_(BlockType::Empty).local_get(address);
    push_text(code, wanted);
    code.call(comparison).if_(BlockType::Empty);
    then(code);
    code.end().end();
}

pub fn byte(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}

pub fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

pub fn double_word(offset: u64) -> MemArg {
    MemArg { offset, align: 3, memory_index: 0 }
}
