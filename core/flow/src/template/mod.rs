//! Templates: a subset of Handlebars, parsed at build, rendered from bytes.
//!
//! Text, `{{path}}`, `{{{path}}}` (the same: chat text is never HTML-escaped, each channel escapes for its platform),
//! `{{helper argument…}}`, `{{#if}}`, `{{#unless}}`, `{{#each}}`, `{{else}}`, comments. Anything else is a finding that
//! says what there is. A line that holds nothing but a block tag vanishes, as in Handlebars.

#[cfg(feature = "compile")]
mod parse;
mod render;
#[cfg(feature = "compile")]
mod scan;

use crate::ir::{Program, Text};
use minicbor::{Decode, Encode};

#[cfg(feature = "compile")]
pub use parse::{Template, template};
pub use render::{render, render_value};

/// One piece of a template. A program is a sequence of them; blocks hold theirs as programs.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Piece<'b> {
    #[n(0)]
    Text(#[b(0)] Text<'b>),
    #[n(1)]
    Path(#[b(0)] Text<'b>),
    #[n(2)]
    Call {
        #[n(0)]
        helper: Helper,
        /// Operands, see `expr`.
        #[b(1)]
        arguments: Program<'b>,
    },
    #[n(3)]
    If {
        #[b(0)]
        condition: Program<'b>,
        #[b(1)]
        then: Program<'b>,
        #[b(2)]
        otherwise: Program<'b>,
    },
    #[n(4)]
    Each {
        #[b(0)]
        list: Text<'b>,
        #[b(1)]
        body: Program<'b>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Helper {
    #[n(0)]
    Uppercase,
    #[n(1)]
    Lowercase,
    /// The first letter in upper case.
    #[n(2)]
    Capitalize,
    /// At most so many characters; the last is `…` where something was cut.
    #[n(3)]
    Truncate,
}
