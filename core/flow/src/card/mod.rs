//! Adaptive Cards: checked and compiled at build, filled in at run, carried to the channel as JSON.
//!
//! A card's texts may hold `{{…}}` as every template, and `${path}` as Adaptive Card templating has it, with `$root`,
//! `$data` and `$index`. An object with `$data` is repeated for each item of that list, one with `$when` is left out
//! where that does not hold. Of Adaptive Expressions there are the paths and comparisons of our expressions, no more.
//!
//! What a card compiles to is CBOR: data as it is; byte strings are templates; the tag [`BOUND`] is an object that is
//! repeated or left out, as a list of its `$data`, its `$when` and itself.

#[cfg(feature = "compile")]
mod check;
#[cfg(feature = "compile")]
mod compile;
mod render;

#[cfg(feature = "compile")]
pub use check::check;
#[cfg(feature = "compile")]
pub use compile::compile;
pub use render::render;

use minicbor::data::Tag;

/// Ours alone: the number means nothing to anyone else.
const BOUND: Tag = Tag::new(0x6361_7264);

/// How deep a card may nest: reading it recurses, and a guest's stack is small.
const MAX_DEPTH: usize = 40;

#[cfg(test)]
mod tests;
