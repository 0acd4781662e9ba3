//! Expressions: conditions of branches and of `{{#if}}`, and the arguments of template helpers.
//!
//! `parse` turns text into operations in postfix order, `eval` runs them over a stack. Postfix, because evaluating then
//! needs no recursion, so that a program, whoever made it, can't exhaust the stack; and nothing is lost by not
//! short-circuiting, as looking at data has no effects and can't fail.

mod eval;
#[cfg(feature = "compile")]
mod lex;
#[cfg(feature = "compile")]
mod parse;

use crate::ir::Text;
use minicbor::{Decode, Encode};

pub use eval::{condition, operands};
#[cfg(feature = "compile")]
pub use parse::{SyntaxError, assemble, expression, operand_list, path, roots};

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
}
