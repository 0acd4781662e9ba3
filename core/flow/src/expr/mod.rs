//! Expressions: conditions of branches and of `{{#if}}`, and the calls of helpers in templates.
//!
//! `parse` turns text into operations in postfix order, `eval` runs them over a stack. Postfix, because evaluating then
//! needs no recursion, so that a program, whoever made it, can't exhaust the stack; and nothing is lost by not
//! short-circuiting, as looking at data has no effects and can't fail.

mod eval;
mod helper;
#[cfg(feature = "compile")]
mod lex;
#[cfg(feature = "compile")]
mod parse;
#[cfg(feature = "compile")]
mod show;

use crate::ir::Text;
use minicbor::{Decode, Encode};

pub use eval::{Source, condition, truth, value};
pub use helper::Helper;
#[cfg(feature = "compile")]
pub use helper::{find as find_helper, names as helpers};
#[cfg(feature = "compile")]
pub use parse::{Place, SyntaxError, assemble, call, expression, operand, path, roots, template_expression};
#[cfg(feature = "compile")]
pub use show::show;

/// Arguments of one call.
#[cfg(feature = "compile")]
const MAX_ARGUMENTS: usize = 16;

/// One operation. Operands push; operators pop what they need and push their result.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Op<'b> {
    #[n(0)]
    Null,
    #[n(1)]
    Bool(#[n(0)] bool),
    #[n(2)]
    Int(#[n(0)] i64),
    #[n(3)]
    Float(#[n(0)] f64),
    #[n(4)]
    Text(#[b(0)] Text<'b>),
    #[n(5)]
    Path(#[b(0)] Text<'b>),
    #[n(6)]
    Not,
    #[n(7)]
    And,
    #[n(8)]
    Or,
    #[n(9)]
    Equal,
    #[n(10)]
    NotEqual,
    #[n(11)]
    Less,
    #[n(12)]
    LessOrEqual,
    #[n(13)]
    Greater,
    #[n(14)]
    GreaterOrEqual,
    #[n(15)]
    Contains,
    /// The left operand, or the right one where the left is null or an empty text.
    #[n(16)]
    Default,
    /// Only in templates: takes so many operands.
    #[n(17)]
    Call(#[n(0)] Helper, #[n(1)] u8),
}
