//! Reads the whole linear memory for a mark, then leaves the mark in stack, data and heap.

#![expect(unsafe_code, reason = "looking at memory that no safe code owns is the point of the canary")]

/// A mark no compiler puts anywhere by itself: made at run time from the word, byte by byte changed, so that the
/// message's own copy of the word in memory does not count.
fn mark(word: &str) -> Vec<u8> {
    word.bytes().map(|byte| byte ^ 0x5A).collect()
}

/// Where the canary is left in the data segment.
static mut NEST: [u8; 4096] = [0; 4096];

pub fn look_and_leave(word: &str) -> String {
    // Pages beyond the start of the heap may be another instance's too: look there as well.
    core::arch::wasm32::memory_grow(0, 32);
    let pages = core::arch::wasm32::memory_size(0);
    let bytes = pages * 65_536;
    let wanted: Vec<u8> = word.bytes().collect();
    let mut found = 0_u32;
    // SAFETY: the range is the module's own linear memory, all of it mapped; reads of bytes that others write at the
    // same time can't happen in one thread. Volatile, because the compiler believes it knows what is there.
    let at = |address: usize| unsafe { std::ptr::read_volatile(address as *const u8) } ^ 0x5A;
    if !wanted.is_empty() {
        for start in 16..bytes.saturating_sub(wanted.len()) {
            if wanted.iter().enumerate().all(|(offset, byte)| at(start + offset) == *byte) {
                found += 1;
            }
        }
    }
    leave(&mark(word));
    format!("found {found}")
}

fn leave(mark: &[u8]) {
    let mut heap = Vec::with_capacity(1 << 20);
    let mut stack = [0_u8; 8192];
    while heap.len() + mark.len() < (1 << 20) && !mark.is_empty() {
        heap.extend_from_slice(mark);
    }
    for (place, byte) in stack.iter_mut().zip(mark.iter().cycle()) {
        *place = *byte;
    }
    // SAFETY: one thread, and nothing else names NEST.
    unsafe {
        let nest = &raw mut NEST;
        for (offset, byte) in mark.iter().cycle().take(4096).enumerate() {
            (nest as *mut u8).add(offset).write_volatile(*byte);
        }
    }
    std::hint::black_box((&heap, &stack));
}
