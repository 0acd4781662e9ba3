//! Evaluates a postfix program. Total: a missing path is null, a comparison across types is false. Only bytes that the
//! parser did not write make an error.

use super::Op;
use crate::budget::RenderError;
use crate::data::{Datum, View};
use minicbor::Decoder;

/// Operands under way at once. The parser's depth of 64 never needs more than this.
const MAX_STACK: usize = 256;

/// Whether the program's one result counts as true.
pub fn condition(program: &[u8], view: View<'_>) -> Result<bool, RenderError> {
    match run(program, view)?.as_slice() {
        [result] => Ok(result.truthy()),
        _ => Err(malformed("an expression has one result")),
    }
}

/// The values of a list of operands.
pub fn operands<'a>(program: &'a [u8], view: View<'a>) -> Result<Vec<Datum<'a>>, RenderError> {
    run(program, view)
}

fn run<'a>(program: &'a [u8], view: View<'a>) -> Result<Vec<Datum<'a>>, RenderError> {
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
            Op::Path(path) => view.lookup(&path),
            Op::Not => Datum::Bool(!pop(&mut stack)?.truthy()),
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
        Op::Null | Op::Bool(_) | Op::Int(_) | Op::Float(_) | Op::Text(_) | Op::Path(_) | Op::Not => false,
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
        let mut program = Vec::new();
        append(&mut program, &Op::And);
        assert!(matches!(condition(&program, View::of(&data())), Err(RenderError::Malformed(_))));
    }
}
