//! Parses expressions into postfix operations, with the byte offset of whatever is wrong.
//!
//! `or` binds loosest, then `and`, then `not`, then one comparison, then `!` and operands. Comparisons don't chain.

use super::Op;
use super::lex::{Token, tokens};
use crate::ir::{Program, Text, append};
use std::borrow::Cow;

/// How deep parentheses and negations may nest: parsing recurses.
const MAX_DEPTH: u32 = 64;

/// What is wrong, and where, in bytes from the beginning of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub offset: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl SyntaxError {
    pub fn new(offset: usize, message: String) -> Self {
        SyntaxError { offset, message, hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error seen from a longer text that holds this one from `start` on.
    pub fn shift(mut self, start: usize) -> Self {
        self.offset += start;
        self
    }
}

/// One whole expression.
pub fn expression(text: &str) -> Result<Vec<Op<'static>>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    parser.any()?;
    parser.end()?;
    Ok(parser.operations)
}

/// Operands side by side, as a template helper has them.
pub fn operand_list(text: &str) -> Result<Vec<Op<'static>>, SyntaxError> {
    let mut parser = Parser::new(text)?;
    while parser.peek() != &Token::End {
        parser.operand()?;
    }
    Ok(parser.operations)
}

/// One path and nothing else.
pub fn path(text: &str) -> Result<String, SyntaxError> {
    let operations = operand_list(text)?;
    match operations.into_iter().next() {
        Some(Op::Path(path)) if Parser::new(text)?.tokens.len() == 2 => Ok(path.0.into_owned()),
        _ => Err(SyntaxError::new(0, "a path is expected here, as in `state.items`".to_owned())),
    }
}

/// Operations as the program that `eval` runs.
pub fn assemble(operations: &[Op<'_>]) -> Program<'static> {
    let mut program = Vec::new();
    for operation in operations {
        append(&mut program, operation);
    }
    program.into()
}

/// The first segments of the paths that operations read.
pub fn roots(operations: &[Op<'_>]) -> impl Iterator<Item = String> {
    operations.iter().filter_map(|operation| match operation {
        Op::Path(path) => path.split('.').next().map(str::to_owned),
        _ => None,
    })
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: u32,
    operations: Vec<Op<'static>>,
}

impl Parser {
    fn new(text: &str) -> Result<Self, SyntaxError> {
        Ok(Parser { tokens: tokens(text)?, at: 0, depth: 0, operations: Vec::new() })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |(_, offset)| *offset)
    }

    /// Takes the next token when it is this sign or this keyword.
    fn take(&mut self, wanted: &str) -> bool {
        let found = match self.peek() {
            Token::Sign(sign) => *sign == wanted,
            Token::Word(word) => word == wanted,
            _ => false,
        };
        if found {
            self.at += 1;
        }
        found
    }

    fn any(&mut self) -> Result<(), SyntaxError> {
        self.every()?;
        while self.take("or") || self.take("||") {
            self.every()?;
            self.operations.push(Op::Or);
        }
        Ok(())
    }

    fn every(&mut self) -> Result<(), SyntaxError> {
        self.negation()?;
        while self.take("and") || self.take("&&") {
            self.negation()?;
            self.operations.push(Op::And);
        }
        Ok(())
    }

    fn negation(&mut self) -> Result<(), SyntaxError> {
        if !self.take("not") {
            return self.comparison();
        }
        self.deeper(Parser::negation)?;
        self.operations.push(Op::Not);
        Ok(())
    }

    fn comparison(&mut self) -> Result<(), SyntaxError> {
        self.unary()?;
        let Some(operator) = self.comparator() else { return Ok(()) };
        self.unary()?;
        self.operations.push(operator);
        let second = self.offset();
        if self.comparator().is_some() {
            let error = SyntaxError::new(second, "comparisons can't be chained".to_owned());
            return Err(error.hint("join them with `and`"));
        }
        Ok(())
    }

    fn comparator(&mut self) -> Option<Op<'static>> {
        let operator = match self.peek() {
            Token::Sign("==") => Op::Equal,
            Token::Sign("!=") => Op::NotEqual,
            Token::Sign("<") => Op::Less,
            Token::Sign("<=") => Op::LessOrEqual,
            Token::Sign(">") => Op::Greater,
            Token::Sign(">=") => Op::GreaterOrEqual,
            Token::Word(word) if word == "contains" => Op::Contains,
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    fn unary(&mut self) -> Result<(), SyntaxError> {
        if self.take("!") {
            self.deeper(Parser::unary)?;
            self.operations.push(Op::Not);
            return Ok(());
        }
        let open = self.offset();
        if self.take("(") {
            self.deeper(Parser::any)?;
            if !self.take(")") {
                return Err(SyntaxError::new(open, "this parenthesis is not closed".to_owned()));
            }
            return Ok(());
        }
        self.operand()
    }

    fn deeper(&mut self, parse: fn(&mut Parser) -> Result<(), SyntaxError>) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::new(self.offset(), format!("this nests deeper than {MAX_DEPTH} levels")));
        }
        parse(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn operand(&mut self) -> Result<(), SyntaxError> {
        let operation = match self.peek() {
            Token::Int(i) => Op::Int(*i),
            Token::Float(f) => Op::Float(*f),
            Token::Text(text) => Op::Text(text.as_str().into()),
            Token::Word(word) => match word.as_str() {
                "true" => Op::Bool(true),
                "false" => Op::Bool(false),
                "null" => Op::Null,
                "and" | "or" | "not" | "contains" => return Err(self.missing()),
                path => Op::Path(Text(Cow::Owned(path.to_owned()))),
            },
            Token::Sign(_) | Token::End => return Err(self.missing()),
        };
        self.at += 1;
        self.operations.push(operation);
        Ok(())
    }

    fn missing(&self) -> SyntaxError {
        SyntaxError::new(self.offset(), "a value is missing here".to_owned())
            .hint("values are paths like `state.name`, numbers, 'strings', true, false, null")
    }

    fn end(&self) -> Result<(), SyntaxError> {
        let error = |message: &str| SyntaxError::new(self.offset(), message.to_owned());
        match self.peek() {
            Token::End => Ok(()),
            Token::Sign(")") => Err(error("there is no parenthesis that this one closes")),
            _ => Err(error("an operator is missing before this").hint("join conditions with `and` or `or`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> (usize, Option<String>) {
        let error = expression(text).unwrap_err();
        (error.offset, error.hint)
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, offset) in [
            ("", 0),
            ("state.a ==", 10),
            ("state.a = 1", 8),
            ("a => 1", 2),
            ("(a", 0),
            ("a)", 1),
            ("a b", 2),
            ("a == 'x", 5),
            ("1 < 2 < 3", 6),
            ("a..b", 2),
            ("a[x]", 2),
            ("a & b", 2),
            ("é == #", 6),
            ("not", 3),
            ("a == 'x\\q'", 7),
            ("12ab", 0),
            ("{{a}} == 1", 0),
        ] {
            assert_eq!(error(text).0, offset, "{text}");
        }
    }

    #[test]
    fn hints_name_the_remedy() {
        assert_eq!(error("a = 1").1.unwrap(), "use `==`");
        assert_eq!(error("a => 1").1.unwrap(), "did you mean `>=`?");
        assert_eq!(error("a & b").1.unwrap(), "use `&&` or `and`");
    }

    #[test]
    fn indexes_are_written_with_dots() {
        assert_eq!(path("state.items[0].name").unwrap(), "state.items.0.name");
        assert_eq!(path(" @index ").unwrap(), "@index");
        for bad in ["", "1", "a b", "a == b", "'x'", "true"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(expression(&nested(64)).is_ok());
        assert!(expression(&nested(65)).is_err());
        assert!(expression(&"!".repeat(100_000)).is_err());
        assert!(expression(&"not ".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,64}") {
            let _ = expression(&text);
            let _ = operand_list(&text);
        }

        #[test]
        fn no_text_of_our_words_panics(words in prop::collection::vec(
            prop::sample::select(vec!["a.b", "a[0]", "(", ")", "!", "not", "and", "or", "==", "<", "'x'", "1", "-2.5", " ", "é", "contains", "\"", "\\"]), 0..16,
        )) {
            let text = words.concat();
            if let Err(error) = expression(&text) {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}
