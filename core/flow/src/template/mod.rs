//! Templates: Handlebars as it is documented for flows, parsed at build, rendered from bytes.
//!
//! Text, `{{path}}`, `{{{path}}}` and `{{&path}}` (the same: chat text is never HTML-escaped, each channel escapes for
//! its platform), `{{helper argument… name=argument}}` and `(helper argument…)` as an argument, `{{#if}}`, `{{#unless}}`,
//! `{{#each}}`, `{{#with}}`, each with `{{else}}` and `{{else if}}`; `{{#path}}` and `{{^path}}` as in Mustache;
//! `{{> partial}}`, put in place at build; `{{t "key"}}` and `{{i18n:key}}` for translated texts; comments; `~` to take
//! white space away; `\{{` for braces as they stand. A line that holds nothing but a block's tag vanishes.
//!
//! Where it differs from Handlebars: a name that an item lacks is looked for outwards, and then in the data, so
//! `{{name}}` works in a block; conditions are whole expressions; an unknown helper is a finding at build and no empty
//! text; there are no block parameters (`as |item|`), decorators and raw blocks.

mod dates;
#[cfg(test)]
mod differential;
mod helpers;
mod locale;
mod numbers;
#[cfg(feature = "compile")]
mod parse;
mod render;
#[cfg(feature = "compile")]
mod scan;

use crate::ir::{Program, Text};
use minicbor::{Decode, Encode};

#[cfg(feature = "compile")]
pub use parse::{Template, template, template_with};
pub use render::{render, render_typed, render_value};

/// One piece of a template. A program is a sequence of them; blocks hold theirs as programs. `Program`s without a
/// word about them are expressions, see `expr`.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Piece<'b> {
    #[n(0)]
    Text(#[b(0)] Text<'b>),
    #[n(1)]
    Path(#[b(0)] Text<'b>),
    /// What the expression comes to, as text.
    #[n(2)]
    Value(#[b(0)] Program<'b>),
    #[n(3)]
    If {
        #[b(0)]
        condition: Program<'b>,
        /// Pieces.
        #[b(1)]
        then: Program<'b>,
        /// Pieces.
        #[b(2)]
        otherwise: Program<'b>,
    },
    #[n(4)]
    Block {
        #[n(0)]
        kind: BlockKind,
        #[b(1)]
        subject: Program<'b>,
        /// Pieces.
        #[b(2)]
        body: Program<'b>,
        /// Pieces, for a subject that has nothing to show.
        #[b(3)]
        otherwise: Program<'b>,
    },
}

/// What the body's `this` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum BlockKind {
    /// One item after another.
    #[n(0)]
    Each,
    /// The subject.
    #[n(1)]
    With,
    /// Mustache's: the items of a list, and anything else itself.
    #[n(2)]
    Section,
}
