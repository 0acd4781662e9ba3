//! Words of the expression language. Paths are one word: `state.items[0].name` becomes `state.items.0.name`.

use super::parse::SyntaxError;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Int(i64),
    Float(f64),
    Text(String),
    /// A path, dotted, or a keyword when it has one segment.
    Word(String),
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

pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
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
        let mut path = String::new();
        if self.peek() == Some('@') {
            self.at += 1;
            path.push('@');
        }
        path.push_str(self.skip(continues_name));
        loop {
            let segment = match self.peek() {
                Some('.') => {
                    self.at += 1;
                    self.skip(continues_name)
                }
                Some('[') => {
                    self.at += 1;
                    let digits = self.skip(|c| c.is_ascii_digit());
                    if self.peek() != Some(']') || digits.is_empty() {
                        return Err(SyntaxError::new(self.at, "an index is a whole number, as in `[0]`".to_owned()));
                    }
                    self.at += 1;
                    digits
                }
                _ => break,
            };
            if segment.is_empty() {
                return Err(SyntaxError::new(self.at, "a name is missing after the dot".to_owned()));
            }
            path.push('.');
            path.push_str(segment);
        }
        if path.starts_with('@') && path != "@index" {
            return Err(SyntaxError::new(start, format!("`{path}` is not known")).hint("`@index` is, inside `#each`"));
        }
        if path.split('.').count() > MAX_SEGMENTS {
            return Err(SyntaxError::new(start, format!("a path has at most {MAX_SEGMENTS} segments")));
        }
        Ok(Token::Word(path))
    }
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '@'
}

/// `-` belongs to names (`node.ask-name`): there is no subtraction it could be taken for.
fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
