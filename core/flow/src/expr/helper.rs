//! What templates can call: the names, what each takes, and what it compiles to.
//!
//! One row is one helper; parser, error hints and rendering follow from it. A helper that only compares is an operator
//! under another name and costs nothing of its own. What the others do is in `template::helpers`.

use minicbor::{Decode, Encode};

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
    #[n(4)]
    FormatNumber,
    #[n(5)]
    Currency,
    /// Of a fraction: 0.85 is 85 %.
    #[n(6)]
    Percent,
    #[n(7)]
    FormatDate,
    #[n(8)]
    RelativeTime,
    #[n(9)]
    Now,
    #[n(10)]
    Json,
    /// A translated text, by its key.
    #[n(11)]
    Translate,
}

#[cfg(feature = "compile")]
pub use table::{Meaning, Signature, find, names};

#[cfg(feature = "compile")]
mod table {
    use super::Helper;
    use crate::expr::Op;

    pub struct Signature {
        pub name: &'static str,
        pub meaning: Meaning,
        /// Names of the arguments, so that `length=20` can be written too.
        pub parameters: &'static [&'static str],
        pub required: usize,
    }

    pub enum Meaning {
        Helper(Helper),
        /// Takes its two operands.
        Operator(Op<'static>),
        /// Takes two operands or more, from left to right.
        Chain(Op<'static>),
        Not,
    }

    const PAIR: &[&str] = &["left", "right"];

    static SIGNATURES: [Signature; 24] = [
        call("uppercase", Helper::Uppercase, &["text"], 1),
        call("lowercase", Helper::Lowercase, &["text"], 1),
        call("capitalize", Helper::Capitalize, &["text"], 1),
        call("truncate", Helper::Truncate, &["text", "length"], 2),
        call("formatNumber", Helper::FormatNumber, &["number", "decimals"], 1),
        call("currency", Helper::Currency, &["amount", "code"], 1),
        call("percent", Helper::Percent, &["fraction", "decimals"], 1),
        call("formatDate", Helper::FormatDate, &["date", "format"], 1),
        call("relativeTime", Helper::RelativeTime, &["date"], 1),
        call("now", Helper::Now, &["format"], 0),
        call("json", Helper::Json, &["value"], 1),
        call("t", Helper::Translate, &["key"], 1),
        operator("default", Op::Default, &["value", "fallback"]),
        operator("eq", Op::Equal, PAIR),
        operator("ne", Op::NotEqual, PAIR),
        operator("lt", Op::Less, PAIR),
        operator("lte", Op::LessOrEqual, PAIR),
        operator("gt", Op::Greater, PAIR),
        operator("gte", Op::GreaterOrEqual, PAIR),
        operator("contains", Op::Contains, PAIR),
        operator("ifEq", Op::Equal, PAIR),
        Signature { name: "and", meaning: Meaning::Chain(Op::And), parameters: PAIR, required: 2 },
        Signature { name: "or", meaning: Meaning::Chain(Op::Or), parameters: PAIR, required: 2 },
        Signature { name: "not", meaning: Meaning::Not, parameters: &["value"], required: 1 },
    ];

    const fn call(
        name: &'static str,
        helper: Helper,
        parameters: &'static [&'static str],
        required: usize,
    ) -> Signature {
        Signature { name, meaning: Meaning::Helper(helper), parameters, required }
    }

    const fn operator(name: &'static str, op: Op<'static>, parameters: &'static [&'static str]) -> Signature {
        Signature { name, meaning: Meaning::Operator(op), parameters, required: 2 }
    }

    pub fn find(name: &str) -> Option<&'static Signature> {
        SIGNATURES.iter().find(|signature| signature.name == name)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        SIGNATURES.iter().map(|signature| signature.name)
    }

    impl Signature {
        /// Arguments it takes at most.
        pub fn most(&self) -> usize {
            match self.meaning {
                Meaning::Chain(_) => super::super::MAX_ARGUMENTS,
                _ => self.parameters.len(),
            }
        }
    }
}
