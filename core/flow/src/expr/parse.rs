//! Parses expressions into postfix operations, with the byte offset of whatever is wrong.
//!
//! `or` binds loosest, then `and`, then `not`, then one comparison, then `!` and operands. Comparisons don't chain.

use super::Op;
use super::helper::{Meaning, Signature, find, names};
use super::lex::{Token, tokens};
use crate::ir::{Program, Text, append};
use greentic_types::nearest;
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

/// Where a text stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// Helpers can be called, and paths be written in Handlebars' ways.
    pub in_template: bool,
    /// `#each` and `#with` around it. Outside of them `this` is the data itself.
    pub blocks: usize,
}

/// One whole expression.
pub fn expression(text: &str) -> Result<Vec<Op<'static>>, SyntaxError> {
    template_expression(text, Place::default())
}

/// One whole expression in a template, as `{{#if}}` has it.
pub fn template_expression(text: &str, place: Place) -> Result<Vec<Op<'static>>, SyntaxError> {
    let mut parser = Parser::new(text, place)?;
    parser.any()?;
    parser.end()?;
    Ok(parser.operations)
}

/// The name of a helper and its arguments, as they stand between the braces.
pub fn call(text: &str, place: Place) -> Result<Vec<Op<'static>>, SyntaxError> {
    let mut parser = Parser::new(text, place)?;
    parser.call()?;
    parser.end()?;
    Ok(parser.operations)
}

/// One argument: a path, a value, or something in parentheses.
pub fn operand(text: &str, place: Place) -> Result<Vec<Op<'static>>, SyntaxError> {
    let mut parser = Parser::new(text, place)?;
    parser.argument()?;
    match parser.peek() {
        Token::End => Ok(parser.operations),
        _ => Err(SyntaxError::new(0, "just one value is expected here".to_owned())),
    }
}

/// One path and nothing else.
pub fn path(text: &str, place: Place) -> Result<String, SyntaxError> {
    let mut parser = Parser::new(text, place)?;
    let wrong = || SyntaxError::new(0, "a path is expected here, as in `state.items`".to_owned());
    parser.operand().map_err(|_| wrong())?;
    match (parser.operations.pop(), parser.peek()) {
        (Some(Op::Path(path)), Token::End) => Ok(path.0.into_owned()),
        _ => Err(wrong()),
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

/// The paths that operations read, without the steps that lead out of blocks.
fn paths<'o>(operations: &'o [Op<'_>]) -> impl Iterator<Item = &'o str> {
    operations.iter().filter_map(|operation| match operation {
        Op::Path(path) => {
            let path = path.rsplit("../").next().unwrap_or_default();
            Some(path.strip_prefix("@root.").unwrap_or(path))
        }
        _ => None,
    })
}

/// The first segments of the paths that operations read.
pub fn roots<'o>(operations: &'o [Op<'_>]) -> impl Iterator<Item = String> + 'o {
    paths(operations).filter_map(|path| path.split('.').next().map(str::to_owned))
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: u32,
    place: Place,
    operations: Vec<Op<'static>>,
}

impl Parser {
    fn new(text: &str, place: Place) -> Result<Self, SyntaxError> {
        Ok(Parser { tokens: tokens(text, place)?, at: 0, depth: 0, place, operations: Vec::new() })
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
            self.deeper(if self.at_call() { Parser::call } else { Parser::any })?;
            if !self.take(")") {
                return Err(SyntaxError::new(open, "this parenthesis is not closed".to_owned()));
            }
            return Ok(());
        }
        self.operand()
    }

    /// Whether a helper's name and then an argument follow. A path of the same name is followed by an operator.
    fn at_call(&self) -> bool {
        let (Token::Word(name), true) = (self.peek(), self.place.in_template) else { return false };
        let Some(signature) = find(name).filter(|signature| signature.name != "not") else { return false };
        match self.tokens.get(self.at + 1).map(|(token, _)| token) {
            Some(Token::Word(word)) => !["and", "or", "contains"].contains(&word.as_str()),
            Some(Token::Int(_) | Token::Float(_) | Token::Text(_) | Token::Name(_)) => true,
            Some(Token::Sign(sign)) => *sign == "(" || (*sign == ")" && signature.required == 0),
            Some(Token::End) | None => false,
        }
    }

    /// A helper and its arguments, up to a closing parenthesis or the end.
    fn call(&mut self) -> Result<(), SyntaxError> {
        let start = self.offset();
        let signature = match self.peek() {
            Token::Word(name) => find(name).ok_or_else(|| no_helper(name, start))?,
            _ => return Err(self.missing()),
        };
        self.at += 1;
        let mut given: Vec<Option<Vec<Op<'static>>>> = Vec::new();
        while !matches!(self.peek(), Token::End | Token::Sign(")")) {
            let place = match self.peek() {
                Token::Name(name) => {
                    let place = signature.parameters.iter().position(|known| known == name);
                    let place = place.ok_or_else(|| no_parameter(signature, name, self.offset()))?;
                    self.at += 1;
                    place
                }
                _ => given.len(),
            };
            if place >= signature.most() {
                return Err(wrong_count(signature, start));
            }
            let from = self.operations.len();
            self.argument()?;
            given.resize(given.len().max(place + 1), None);
            if let Some(slot) = given.get_mut(place) {
                *slot = Some(self.operations.split_off(from));
            }
        }
        if given.len() < signature.required || given.iter().take(signature.required).any(Option::is_none) {
            return Err(wrong_count(signature, start));
        }
        self.assemble(signature, given);
        Ok(())
    }

    fn assemble(&mut self, signature: &Signature, given: Vec<Option<Vec<Op<'static>>>>) {
        let count = given.len();
        for (index, argument) in given.into_iter().enumerate() {
            self.operations.extend(argument.unwrap_or_else(|| vec![Op::Null]));
            if let (Meaning::Chain(operator), true) = (&signature.meaning, index > 0) {
                self.operations.push(operator.clone());
            }
        }
        match &signature.meaning {
            Meaning::Helper(helper) => self.operations.push(Op::Call(*helper, u8::try_from(count).unwrap_or(u8::MAX))),
            Meaning::Operator(operator) => self.operations.push(operator.clone()),
            Meaning::Chain(_) => {}
            Meaning::Not => self.operations.push(Op::Not),
        }
    }

    fn argument(&mut self) -> Result<(), SyntaxError> {
        if self.peek() == &Token::Sign("(") { self.unary() } else { self.operand() }
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
                path => {
                    let path = if self.place.blocks == 0 { path.strip_prefix("this.").unwrap_or(path) } else { path };
                    Op::Path(Text(Cow::Owned(path.to_owned())))
                }
            },
            Token::Name(name) => {
                let error = SyntaxError::new(self.offset(), format!("`{name}=` stands where a value is expected"));
                return Err(error.hint("use `==` to compare"));
            }
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

fn no_helper(name: &str, offset: usize) -> SyntaxError {
    let error = SyntaxError::new(offset, format!("there is no helper `{name}`"));
    match nearest(name, names()) {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => error.hint(format!("helpers are {}", names().collect::<Vec<_>>().join(", "))),
    }
}

fn no_parameter(signature: &Signature, name: &str, offset: usize) -> SyntaxError {
    let known = signature.parameters.join("`, `");
    SyntaxError::new(offset, format!("`{}` has no argument `{name}`", signature.name))
        .hint(format!("its arguments are `{known}`"))
}

fn wrong_count(signature: &Signature, offset: usize) -> SyntaxError {
    let (required, most) = (signature.required, signature.most());
    let count = if required == most { required.to_string() } else { format!("{required} to {most}") };
    SyntaxError::new(offset, format!("`{}` takes {count} argument(s)", signature.name))
        .hint(format!("`@root.{}` is the data of that name", signature.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Helper;
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
        let path = |text: &str| path(text, Place { in_template: true, blocks: 1 });
        for (text, expected) in [
            ("state.items[0].name", "state.items.0.name"),
            (" @index ", "@index"),
            ("a['b c'].d", "a.b c.d"),
            ("a.[b c]", "a.b c"),
            ("a/b", "a.b"),
            ("./a", "this.a"),
            (".", "this"),
            ("..", "../this"),
            ("../../a.b", "../../a.b"),
            ("@root.a", "@root.a"),
        ] {
            assert_eq!(path(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "1", "a b", "a == b", "'x'", "true", "@root", "@other", "a.['x.y']", ".a", "..a", "a="] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_is_the_data_outside_of_blocks() {
        let outside = Place { in_template: true, blocks: 0 };
        assert_eq!(path("this.a", outside).unwrap(), "a");
        assert_eq!(path("./a", outside).unwrap(), "a");
        assert_eq!(path("this", outside).unwrap(), "this");
    }

    #[test]
    fn pointers_are_paths() {
        let path = |name: &str| Op::Path(Text(Cow::Owned(name.to_owned())));
        assert_eq!(expression("/items/0/name == 1").unwrap(), [path("items.0.name"), Op::Int(1), Op::Equal]);
        for (text, offset) in [("/", 0), ("//a", 0), ("a == / b", 5)] {
            assert_eq!(expression(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn calls_become_operations() {
        let call = |text: &str| call(text, Place { in_template: true, blocks: 0 });
        let path = |name: &str| Op::Path(Text(Cow::Owned(name.to_owned())));
        assert_eq!(call("eq a 1").unwrap(), [path("a"), Op::Int(1), Op::Equal]);
        assert_eq!(call("and a b c").unwrap(), [path("a"), path("b"), Op::And, path("c"), Op::And]);
        assert_eq!(call("not (eq a b)").unwrap(), [path("a"), path("b"), Op::Equal, Op::Not]);
        let truncate = [path("a"), Op::Int(3), Op::Call(Helper::Truncate, 2)];
        assert_eq!(call("truncate a length=3").unwrap(), truncate);
        assert_eq!(call("truncate length=3 text=a").unwrap(), truncate);
        assert_eq!(call("currency a code=\"EUR\"").unwrap().len(), 3);
        for (text, offset) in [("truncate a", 0), ("eq a b c", 0), ("uppercas a", 0), ("json b=a", 5), ("eq a (", 6)] {
            assert_eq!(call(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn a_condition_may_call_and_a_path_may_have_a_helpers_name() {
        let condition = |text: &str| template_expression(text, Place { in_template: true, blocks: 0 });
        assert_eq!(condition("(eq a b) and not (gt c 1)").unwrap().len(), 8);
        assert_eq!(condition("(default == 1)").unwrap().len(), 3);
        assert_eq!(condition("(not a)").unwrap().len(), 2);
        assert_eq!(condition("(and a b)").unwrap().len(), 3);
        assert!(expression("(eq a b)").is_err());
        assert!(expression("a = b").is_err());
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
            let _ = call(&text, Place { in_template: true, blocks: 1 });
        }

        #[test]
        fn no_text_of_our_words_panics(words in prop::collection::vec(
            prop::sample::select(vec!["a.b", "a[0]", "(", ")", "!", "not", "and", "or", "==", "<", "'x'", "1", "-2.5", " ", "é", "contains", "\"", "\\", "eq ", "(eq ", "length=", "../", "./", ".", "[", "]", "/", "@root."]), 0..16,
        )) {
            let text = words.concat();
            let place = Place { in_template: true, blocks: 0 };
            for result in [expression(&text), template_expression(&text, place), call(&text, place)] {
                if let Err(error) = result {
                    prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
                }
            }
        }
    }
}
