//! An expression as text again, for people: as short as it can be said, with no parenthesis that is not needed.
//!
//! What it writes parses to the same operations, but for operations that only templates have.

use super::Op;
use minicbor::Decoder;

/// How tight an operator holds its operands. An operand that holds less tight than its place asks for gets parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tightness {
    Or,
    And,
    Not,
    Comparison,
    Operand,
}

/// None for bytes that are no program.
pub fn show(program: &[u8]) -> Option<String> {
    let mut decoder = Decoder::new(program);
    let mut stack: Vec<(String, Tightness)> = Vec::new();
    while decoder.position() < program.len() {
        let operation: Op<'_> = decoder.decode().ok()?;
        let shown = match operation {
            Op::Null => operand("null"),
            Op::Bool(b) => operand(b),
            Op::Int(i) => operand(i),
            Op::Float(f) => operand(format_args!("{f:?}")),
            Op::Text(text) => operand(quoted(&text)),
            Op::Path(path) => operand(path.as_str()),
            Op::Not => (format!("not {}", held(stack.pop()?, Tightness::Not)), Tightness::Not),
            Op::Default => {
                let (fallback, _) = stack.pop()?;
                let (given, _) = stack.pop()?;
                operand(format_args!("default({given}, {fallback})"))
            }
            Op::Call(helper, count) => {
                let first = stack.len().checked_sub(usize::from(count))?;
                let arguments: Vec<String> = stack.split_off(first).into_iter().map(|(text, _)| text).collect();
                operand(format_args!("{helper:?}({})", arguments.join(", ")))
            }
            operator => {
                let (right, left) = (stack.pop()?, stack.pop()?);
                joined(&operator, left, right)?
            }
        };
        stack.push(shown);
    }
    let (text, _) = stack.pop()?;
    stack.is_empty().then_some(text)
}

fn operand(text: impl std::fmt::Display) -> (String, Tightness) {
    (text.to_string(), Tightness::Operand)
}

fn joined(operator: &Op<'_>, left: (String, Tightness), right: (String, Tightness)) -> Option<(String, Tightness)> {
    let (sign, own) = match operator {
        Op::Or => ("or", Tightness::Or),
        Op::And => ("and", Tightness::And),
        Op::Equal => ("==", Tightness::Comparison),
        Op::NotEqual => ("!=", Tightness::Comparison),
        Op::Less => ("<", Tightness::Comparison),
        Op::LessOrEqual => ("<=", Tightness::Comparison),
        Op::Greater => (">", Tightness::Comparison),
        Op::GreaterOrEqual => (">=", Tightness::Comparison),
        Op::Contains => ("contains", Tightness::Comparison),
        _ => return None,
    };
    // Operators of one kind go on from the left; comparisons don't chain.
    let (on_the_left, on_the_right) = match own {
        Tightness::Or => (Tightness::Or, Tightness::And),
        Tightness::And => (Tightness::And, Tightness::Not),
        _ => (Tightness::Operand, Tightness::Operand),
    };
    // Appended to, so that a chain of a thousand operators is not copied a thousand times.
    let mut text = held(left, on_the_left);
    let right = held(right, on_the_right);
    for part in [" ", sign, " ", &right] {
        text.push_str(part);
    }
    Some((text, own))
}

fn held((text, tightness): (String, Tightness), wanted: Tightness) -> String {
    if tightness < wanted { format!("({text})") } else { text }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut written = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '\\' => written.push_str("\\\\"),
            c if c == quote => written.extend(['\\', c]),
            c => written.push(c),
        }
    }
    written.push(quote);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{assemble, expression};
    use proptest::prelude::*;

    fn again(text: &str) -> String {
        show(&assemble(&expression(text).unwrap())).unwrap()
    }

    #[test]
    fn expressions_come_back() {
        for (text, expected) in [
            ("a.b[0] == 'x'", "a.b.0 == 'x'"),
            ("(a or b) && !(c < 2.0)", "(a or b) and not c < 2.0"),
            ("a or (b and c)", "a or b and c"),
            ("a or (b or c)", "a or (b or c)"),
            ("!a == true", "(not a) == true"),
            ("message contains \"it's\"", "message contains \"it's\""),
            ("text != null and n >= -3", "text != null and n >= -3"),
        ] {
            assert_eq!(again(text), expected, "{text}");
        }
    }

    #[test]
    fn no_program_is_no_text() {
        assert_eq!(show(&[]), None);
        assert_eq!(show(&[0xff]), None);
        assert_eq!(show(&assemble(&[Op::And])), None);
        assert_eq!(show(&assemble(&[Op::Null, Op::Null])), None);
    }

    fn operations() -> impl Strategy<Value = Vec<Op<'static>>> {
        let leaf = prop_oneof![
            Just(Op::Null),
            any::<bool>().prop_map(Op::Bool),
            any::<i64>().prop_map(Op::Int),
            "[a-z'\"\\\\\n\t ]{0,8}".prop_map(|text| Op::Text(text.as_str().into())),
            "p[a-z]{0,3}(\\.q[a-z]{0,3}){0,2}".prop_map(|path| Op::Path(path.as_str().into())),
        ];
        let leaf = leaf.prop_map(|operation| vec![operation]);
        let operators = [Op::And, Op::Or, Op::Equal, Op::NotEqual, Op::Less, Op::GreaterOrEqual, Op::Contains];
        leaf.prop_recursive(4, 24, 2, move |inner| {
            let operator = prop::sample::select(operators.to_vec());
            prop_oneof![
                (inner.clone(), inner.clone(), operator).prop_map(|(left, right, operator)| {
                    left.into_iter().chain(right).chain([operator]).collect::<Vec<_>>()
                }),
                inner.prop_map(|operand| operand.into_iter().chain([Op::Not]).collect::<Vec<_>>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_shown_means_the_same(operations in operations()) {
            let text = show(&assemble(&operations)).unwrap();
            prop_assert_eq!(expression(&text).unwrap(), operations, "{}", text);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = show(&bytes);
        }
    }
}
