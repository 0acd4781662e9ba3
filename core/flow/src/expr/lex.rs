//! Words of the expression language. Paths are one word: `state.items[0].name` becomes `state.items.0.name`.
//!
//! Of Handlebars' ways to write a path, `a/b`, `./a`, `../a`, `a.[some key]` and `@root.a` are known too, and so is a JSON
//! pointer such as `/items/0/name`. A key that has a dot in it can't be reached by a path.

use super::parse::{Place, SyntaxError};

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Int(i64),
    Float(f64),
    Text(String),
    /// A path, dotted, or a keyword when it has one segment.
    Word(String),
    /// `name=`, before an argument. Only where helpers are called.
    Name(String),
    Sign(&'static str),
    End,
}

/// A path may have this many segments; data nests less deep.
const MAX_SEGMENTS: usize = 32;

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 11] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")"];

/// What people write out of habit from elsewhere, and what they mean here. Before [`SIGNS`], for the same reason.
const HABITS: [(&str, &str); 6] = [
    ("===", "use `==`"),
    ("!==", "use `!=`"),
    ("=>", "did you mean `>=`?"),
    ("=<", "did you mean `<=`?"),
    ("{{", "write the path without braces here"),
    ("<>", "use `!=`"),
];

/// Single signs that are half of one. After [`SIGNS`].
const HALVES: [(&str, &str); 3] = [("=", "use `==`"), ("&", "use `&&` or `and`"), ("|", "use `||` or `or`")];

pub fn tokens(text: &str, place: Place) -> Result<Vec<(Token, usize)>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0, place };
    let mut tokens = Vec::new();
    loop {
        lexer.skip(char::is_whitespace);
        let start = lexer.at;
        let token = lexer.token()?;
        let last = token == Token::End;
        tokens.push((token, start));
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    place: Place,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c: char| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let negative = first == '-' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        match first {
            '"' | '\'' => self.quoted(first),
            _ if first.is_ascii_digit() || negative => self.number(),
            _ if begins_name(first) => self.path(),
            // `./a`, `../a`; a number begins with a digit.
            '.' => self.path(),
            // A JSON pointer is a path that begins with what separates it.
            '/' if rest.chars().nth(1).is_some_and(continues_name) => {
                self.at += 1;
                self.path()
            }
            _ => self.sign(first),
        }
    }

    fn sign(&mut self, first: char) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let hint = |table: &[(&str, &'static str)]| {
            table.iter().find(|(wrong, _)| rest.starts_with(wrong)).map(|(wrong, hint)| (wrong.len(), *hint))
        };
        if let Some((length, hint)) = hint(&HABITS) {
            let wrong = rest.get(..length).unwrap_or_default();
            return Err(SyntaxError::new(self.at, format!("`{wrong}` is not an operator")).hint(hint));
        }
        if let Some(&sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.at += sign.len();
            return Ok(Token::Sign(sign));
        }
        let error = SyntaxError::new(self.at, format!("`{first}` has no meaning here"));
        Err(match hint(&HALVES) {
            Some((_, hint)) => error.hint(hint),
            None => error,
        })
    }

    fn quoted(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.at += offset + 1;
                    return Ok(Token::Text(text));
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, escaped @ ('\\' | '\'' | '"'))) => text.push(escaped),
                    _ => {
                        let error = SyntaxError::new(start + offset, "unknown escape in a string".to_owned());
                        return Err(error.hint("known are \\n \\t \\\\ \\' \\\""));
                    }
                },
                _ => text.push(c),
            }
        }
        Err(SyntaxError::new(start, format!("the string is not closed by {quote}")))
    }

    /// A number too large for 64 bits becomes a float, as it would in JSON.
    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        self.skip(|c| c.is_ascii_digit());
        if self.rest().starts_with('.') {
            self.at += 1;
            self.skip(|c| c.is_ascii_digit());
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let stray = self.peek().is_some_and(continues_name);
        if let (Ok(whole), false) = (digits.parse::<i64>(), stray) {
            return Ok(Token::Int(whole));
        }
        match digits.parse::<f64>() {
            Ok(number) if !stray && !digits.ends_with('.') => Ok(Token::Float(number)),
            _ => Err(SyntaxError::new(start, "this is not a number".to_owned()).hint("put text in quotes")),
        }
    }

    fn path(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let mut path = self.beginning()?;
        loop {
            let segment = match self.peek() {
                Some('.') if self.rest().starts_with(".[") => {
                    self.at += 1;
                    self.bracket(true)?
                }
                Some('.') => {
                    self.at += 1;
                    self.skip(continues_name).to_owned()
                }
                Some('/') if self.rest().chars().nth(1).is_some_and(continues_name) => {
                    self.at += 1;
                    self.skip(continues_name).to_owned()
                }
                Some('[') => self.bracket(false)?,
                _ => break,
            };
            if segment.is_empty() {
                return Err(SyntaxError::new(self.at, "a name is missing after the dot".to_owned()));
            }
            path.push('.');
            path.push_str(&segment);
        }
        let root = path.split('.').next().unwrap_or_default();
        if path.starts_with('@') && !(LOCALS.contains(&path.as_str()) || (root == "@root" && path.len() > root.len())) {
            let error = SyntaxError::new(start, format!("`{path}` is not known"));
            return Err(error.hint("known are `@root.name` and, inside `#each`, `@index`, `@key`, `@first`, `@last`"));
        }
        if path.split('.').count() > MAX_SEGMENTS {
            return Err(SyntaxError::new(start, format!("a path has at most {MAX_SEGMENTS} segments")));
        }
        let follows = |sign: &str| self.rest().starts_with(sign);
        if self.place.in_template && follows("=") && !follows("==") && path.chars().all(continues_name) {
            self.at += 1;
            return Ok(Token::Name(path));
        }
        Ok(Token::Word(path))
    }

    /// The steps out of blocks, and the first name.
    fn beginning(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut path = String::new();
        if self.peek() == Some('.') && !self.place.in_template {
            return Err(SyntaxError::new(start, "`.` has no meaning here".to_owned()));
        }
        while self.rest().starts_with("../") {
            self.at += 3;
            path.push_str("../");
        }
        if path.len() / 3 > MAX_SEGMENTS {
            return Err(SyntaxError::new(start, format!("a path has at most {MAX_SEGMENTS} segments")));
        }
        let rest = self.rest();
        if let Some(after) = rest.strip_prefix("..") {
            if after.starts_with(|c: char| continues_name(c) || c == '.') {
                return Err(SyntaxError::new(self.at, "a name is missing between the dots".to_owned()));
            }
            self.at += 2;
            path.push_str("../this");
        } else if let Some(after) = rest.strip_prefix("./") {
            self.at += 2;
            if after.starts_with(continues_name) {
                path.push_str("this.");
                path.push_str(self.skip(continues_name));
            } else {
                path.push_str("this");
            }
        } else if let Some(after) = rest.strip_prefix('.') {
            if after.starts_with(|c: char| continues_name(c) || c == '[') {
                return Err(SyntaxError::new(self.at, "a path does not begin with a dot".to_owned()));
            }
            self.at += 1;
            path.push_str("this");
        } else {
            if rest.starts_with('@') {
                self.at += 1;
                path.push('@');
            }
            let name = self.skip(continues_name);
            if name.is_empty() && path.ends_with('/') {
                path.push_str("this");
            }
            path.push_str(name);
        }
        Ok(path)
    }

    /// `[0]`, `['key']` or, behind a dot as Handlebars has it, `[any key]`.
    fn bracket(&mut self, bare: bool) -> Result<String, SyntaxError> {
        self.at += 1;
        let start = self.at;
        let key = match self.peek() {
            Some(quote @ ('"' | '\'')) => match self.quoted(quote)? {
                Token::Text(key) => key,
                _ => String::new(),
            },
            _ if bare => self.skip(|c| c != ']').to_owned(),
            _ => self.skip(|c| c.is_ascii_digit()).to_owned(),
        };
        if self.peek() != Some(']') || key.is_empty() {
            let message = "an index is a whole number as in `[0]`, or a key as in `['name']`".to_owned();
            return Err(SyntaxError::new(self.at, message));
        }
        if key.contains(['.', '/']) {
            return Err(SyntaxError::new(start, "a key with a dot or `/` in it can't be reached by a path".to_owned()));
        }
        self.at += 1;
        Ok(key)
    }
}

/// What `#each` knows of its item.
const LOCALS: [&str; 4] = ["@index", "@key", "@first", "@last"];

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '@'
}

/// `-` belongs to names (`node.ask-name`): there is no subtraction it could be taken for.
fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
