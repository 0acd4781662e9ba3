//! What one node may make of templates and data, so that a flow that doubles a text or walks a list of lists ends with
//! an error instead of with the instance's memory.

use greentic_types::Value;

/// Bytes of text and data one node may make. As much as a whole session record may hold (spec/runtime.md, "Limits"),
/// and far beyond what any platform takes as a message.
pub const MAX_OUTPUT: usize = 256 * 1024;

/// Times the bodies of a node's `#each` may run, all together: empty bodies make no bytes, yet take time.
pub const MAX_ITERATIONS: u32 = 10_000;

/// How deep data a flow makes may nest. Under `greentic_types`'s limit for stored values (32) by the levels a record
/// adds above it: a value that could be stored but not loaded again would lock its user out.
pub const MAX_DATA_DEPTH: usize = 24;

/// Segments of a `state` key: with the data it holds, still less deep than a record may nest.
pub const MAX_KEY_SEGMENTS: usize = 8;

/// How deep blocks of a template may nest. The parser allows 16; bytes that were not made by it get no more than this.
pub const MAX_BLOCK_DEPTH: usize = 24;

/// Flows that may be under way at once, each called by the one before.
pub const MAX_CALLS: usize = 16;

/// Further tries of one node, whatever its `retry` says.
pub const MAX_RETRIES: u32 = 10;

/// One pause before another try, and all pauses of a turn together. A turn holds its conversation, and a platform
/// that waits for its webhook's answer sends it again after some seconds.
pub const MAX_PAUSE_MS: u32 = 5_000;
pub const MAX_PAUSES_MS: u32 = 10_000;

/// Lines that one turn may log.
pub const MAX_LOGS: usize = 100;

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RenderError {
    #[error("the text or data of one node grew beyond {MAX_OUTPUT} bytes")]
    TooLong,
    #[error("the `#each` blocks of one node ran more than {MAX_ITERATIONS} times")]
    TooManyIterations,
    #[error("data nests deeper than {MAX_DATA_DEPTH} levels")]
    TooDeep,
    #[error("the compiled flow is damaged: {0}")]
    Malformed(String),
}

impl From<minicbor::decode::Error> for RenderError {
    fn from(error: minicbor::decode::Error) -> Self {
        RenderError::Malformed(error.to_string())
    }
}

#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    iterations: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { bytes: MAX_OUTPUT, iterations: MAX_ITERATIONS }
    }
}

impl Budget {
    pub fn take(&mut self, bytes: usize) -> Result<(), RenderError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(RenderError::TooLong)?;
        Ok(())
    }

    pub fn iterate(&mut self) -> Result<(), RenderError> {
        self.iterations = self.iterations.checked_sub(1).ok_or(RenderError::TooManyIterations)?;
        Ok(())
    }

    /// Pays for a copy of `value`, before it is made.
    pub fn take_value(&mut self, value: &Value) -> Result<(), RenderError> {
        self.take(weight(value))
    }
}

/// About what a value takes in memory; an empty one is not free, or a list of nulls would be.
fn weight(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.iter().map(weight).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
    };
    inner + 8
}

/// Refuses data that nests deeper than a session record could hold.
pub fn check_depth(value: &Value) -> Result<(), RenderError> {
    fn fits(value: &Value, left: usize) -> bool {
        match (value, left.checked_sub(1)) {
            (_, None) => false,
            (Value::List(list), Some(left)) => list.iter().all(|item| fits(item, left)),
            (Value::Map(map), Some(left)) => map.values().all(|item| fits(item, left)),
            (_, Some(_)) => true,
        }
    }
    if fits(value, MAX_DATA_DEPTH) { Ok(()) } else { Err(RenderError::TooDeep) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Value {
        (1..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]))
    }

    #[test]
    fn depth_is_checked_at_the_limit() {
        assert_eq!(check_depth(&nested(MAX_DATA_DEPTH)), Ok(()));
        assert_eq!(check_depth(&nested(MAX_DATA_DEPTH + 1)), Err(RenderError::TooDeep));
    }

    #[test]
    fn a_spent_budget_says_so() {
        let mut budget = Budget::default();
        assert_eq!(budget.take(MAX_OUTPUT), Ok(()));
        assert_eq!(budget.take(1), Err(RenderError::TooLong));
        let list = Value::List(vec![Value::Null; MAX_OUTPUT / 8]);
        assert_eq!(Budget::default().take_value(&list), Err(RenderError::TooLong));
    }
}
