//! Evaluates a postfix program. Total: a missing path is null, a comparison across types is false. Only bytes that the
//! parser did not write make an error.

use super::{Helper, Op};
use crate::budget::RenderError;
use crate::data::{Datum, View};
use minicbor::Decoder;

/// Operands under way at once. The parser's depth of 64 never needs more than this.
const MAX_STACK: usize = 256;

/// What a program asks while it runs.
pub trait Source<'a> {
    fn lookup(&self, path: &str) -> Datum<'a>;

    fn call(&mut self, helper: Helper, arguments: &[Datum<'a>]) -> Result<Datum<'a>, RenderError>;
}

impl<'a, 'v: 'a> Source<'a> for View<'v> {
    fn lookup(&self, path: &str) -> Datum<'a> {
        View::lookup(self, path)
    }

    fn call(&mut self, _: Helper, _: &[Datum<'a>]) -> Result<Datum<'a>, RenderError> {
        Err(malformed("a helper is called outside a template"))
    }
}

/// Whether the program's one result counts as true.
pub fn condition(program: &[u8], mut view: View<'_>) -> Result<bool, RenderError> {
    truth(program, &mut view)
}

/// As [`condition`], where helpers may be called.
pub fn truth<'a>(program: &'a [u8], source: &mut impl Source<'a>) -> Result<bool, RenderError> {
    value(program, source).map(|result| result.truthy())
}

/// The program's one result.
pub fn value<'a>(program: &'a [u8], source: &mut impl Source<'a>) -> Result<Datum<'a>, RenderError> {
    let mut results = run(program, source)?;
    match (results.pop(), results.is_empty()) {
        (Some(result), true) => Ok(result),
        _ => Err(malformed("an expression has one result")),
    }
}

fn run<'a>(program: &'a [u8], source: &mut impl Source<'a>) -> Result<Vec<Datum<'a>>, RenderError> {
    let mut decoder = Decoder::new(program);
    let mut stack: Vec<Datum<'a>> = Vec::with_capacity(4);
    while decoder.position() < program.len() {
        let operation: Op<'a> = decoder.decode()?;
        let result = match operation {
            Op::Null => Datum::Null,
            Op::Bool(b) => Datum::Bool(b),
            Op::Int(i) => Datum::Int(i),
            Op::Float(f) => Datum::Float(f),
            Op::Text(text) => Datum::Text(text.0),
            Op::Path(path) => source.lookup(&path),
            Op::Not => Datum::Bool(!pop(&mut stack)?.truthy()),
            Op::Default => {
                let fallback = pop(&mut stack)?;
                let given = pop(&mut stack)?;
                if missing(&given) { fallback } else { given }
            }
            Op::Call(helper, count) => {
                let first = stack.len().checked_sub(usize::from(count));
                let first = first.ok_or_else(|| malformed("a helper lacks an argument"))?;
                source.call(helper, &stack.split_off(first))?
            }
            operator => {
                let right = pop(&mut stack)?;
                let left = pop(&mut stack)?;
                Datum::Bool(apply(&operator, &left, &right))
            }
        };
        if stack.len() == MAX_STACK {
            return Err(malformed("an expression needs too many operands"));
        }
        stack.push(result);
    }
    Ok(stack)
}

/// Zero and `false` are values of their own right.
fn missing(value: &Datum<'_>) -> bool {
    match value {
        Datum::Null => true,
        Datum::Text(text) => text.is_empty(),
        _ => false,
    }
}

/// `!=` is the opposite of `==`, so `state.name != null` holds for a text, though the types differ.
fn apply(operator: &Op<'_>, left: &Datum<'_>, right: &Datum<'_>) -> bool {
    match operator {
        Op::And => left.truthy() && right.truthy(),
        Op::Or => left.truthy() || right.truthy(),
        Op::Equal => left.equals(right),
        Op::NotEqual => !left.equals(right),
        Op::Less => left.order(right).is_some_and(|order| order.is_lt()),
        Op::LessOrEqual => left.order(right).is_some_and(|order| order.is_le()),
        Op::Greater => left.order(right).is_some_and(|order| order.is_gt()),
        Op::GreaterOrEqual => left.order(right).is_some_and(|order| order.is_ge()),
        Op::Contains => left.contains(right),
        // Not operators of two operands: `run` has taken them.
        Op::Null | Op::Bool(_) | Op::Int(_) | Op::Float(_) | Op::Text(_) | Op::Path(_) => false,
        Op::Not | Op::Default | Op::Call(..) => false,
    }
}

fn pop<'a>(stack: &mut Vec<Datum<'a>>) -> Result<Datum<'a>, RenderError> {
    stack.pop().ok_or_else(|| malformed("an operator lacks its operand"))
}

fn malformed(why: &str) -> RenderError {
    RenderError::Malformed(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr;
    use crate::ir::append;
    use greentic_types::Value;
    use proptest::prelude::*;

    fn data() -> Value {
        let json = r#"{"n":3,"f":2.5,"s":"Héllo","none":null,"yes":true,"list":[1,"b"],"map":{"k":1},"empty":""}"#;
        Value::from_json(&serde_json::from_str(json).unwrap())
    }

    fn holds(text: &str) -> bool {
        let program = expr::assemble(&expr::expression(text).unwrap());
        condition(&program, View::of(&data())).unwrap()
    }

    #[test]
    fn what_holds() {
        for text in [
            "n == 3",
            "n == 3.0",
            "n != 4",
            "n >= 3 && n <= 3",
            "n > f",
            "-1 < n",
            "s == 'Héllo'",
            "s == \"Héllo\"",
            "s contains 'll'",
            "list contains 1",
            "list contains \"b\"",
            "map contains 'k'",
            "s.length == 5",
            "list.length == 2",
            "list[0] == 1",
            "list[1] == 'b'",
            "map.k == 1",
            "none == null",
            "missing == null",
            "missing.deeper[3].x == null",
            "s != null",
            "yes",
            "not empty",
            "!none",
            "not n == 4",
            "n == 4 or n == 3",
            "n == 4 || yes and s == 'Héllo'",
            "(n == 4 or yes) and !(f == 1)",
            "true",
            "'a' < 'b'",
            "'it\\'s' == \"it's\"",
            "map['k'] == 1",
            "map[\"k\"] == 1",
            "this.n == 3",
            "s.length >= 5 and list.length < 3",
            "!missing == true",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_hold() {
        for text in [
            "n == '3'",
            "n < 'z'",
            "s > 1",
            "none < 1",
            "missing >= 0",
            "list == map",
            "empty",
            "false",
            "null",
            "0",
            "not yes",
            "list contains '1'",
            "n contains 3",
            "list[2]",
            "n == 3 and none",
            "yes == 1",
            "none != null",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_program_panics(program in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = condition(&program, View::of(&data()));
        }

        #[test]
        fn comparing_numbers_agrees_with_rust(a in -1000i64..1000, b in -1000i64..1000) {
            prop_assert_eq!(holds(&format!("{a} < {b}")), a < b);
            prop_assert_eq!(holds(&format!("{a} == {b}")), a == b);
            prop_assert_eq!(holds(&format!("{a} >= {b}.5")), (a as f64) >= format!("{b}.5").parse::<f64>().unwrap());
        }
    }

    #[test]
    fn an_operator_without_operands_is_damage() {
        for damaged in [Op::And, Op::Default, Op::Call(Helper::Truncate, 2), Op::Call(Helper::Now, 0)] {
            let mut program = Vec::new();
            append(&mut program, &damaged);
            let result = condition(&program, View::of(&data()));
            assert!(matches!(result, Err(RenderError::Malformed(_))), "{damaged:?}");
        }
    }
}
