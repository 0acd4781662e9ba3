//! Scalars: their type by YAML 1.2's core schema, and the place of each of their characters in the file.

use crate::finding::Position;
use granit_parser::ScalarStyle;
use greentic_types::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    pub text: String,
    pub style: ScalarStyle,
    /// As it stands in the file, quotes included.
    pub raw: String,
}

impl Scalar {
    /// Text that no file holds.
    pub fn quoted(text: String) -> Scalar {
        Scalar { raw: String::new(), style: ScalarStyle::DoubleQuoted, text }
    }

    /// A plain scalar that no file holds.
    pub fn plain(text: &str) -> Scalar {
        Scalar { raw: String::new(), style: ScalarStyle::Plain, text: text.to_owned() }
    }

    pub fn is_null(&self) -> bool {
        self.style == ScalarStyle::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Its value. Quoted and block scalars are text. Two things that the core schema would read as numbers stay text,
    /// because authors mean text by them: digits with a leading zero (`0123` is a phone number) and `.inf`, `.nan`,
    /// which JSON lacks.
    pub fn value(&self) -> Value {
        if self.is_null() {
            return Value::Null;
        }
        if self.style != ScalarStyle::Plain {
            return Value::Text(self.text.clone());
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            text => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
        }
    }

    /// Where the byte at `offset` of `text` stands, given where the scalar begins. For a scalar whose characters can't
    /// be told apart (folded over lines) it is the beginning.
    pub fn position(&self, at: Position, offset: usize) -> Position {
        let place = match self.style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                self.quoted_column(offset).map(|column| (0, column))
            }
            ScalarStyle::Literal => self.literal_place(offset),
            ScalarStyle::Plain | ScalarStyle::Folded => self.plain_column(offset).map(|column| (0, column)),
        };
        let (line, column) = place.unwrap_or_default();
        let small = |number: usize| u32::try_from(number).unwrap_or_default();
        Position { line: at.line + small(line), column: at.column + small(column) }
    }

    fn plain_column(&self, offset: usize) -> Option<usize> {
        let before = self.text.get(..offset)?;
        (self.raw.get(..offset)? == before && !before.contains('\n')).then(|| before.chars().count())
    }

    /// The parser lets a block begin at its first line's first character, so each line begins in the same column.
    fn literal_place(&self, offset: usize) -> Option<(usize, usize)> {
        let before = self.text.get(..offset).filter(|_| !self.text.starts_with(['\n', ' ']))?;
        let line = before.rsplit('\n').next()?;
        Some((before.matches('\n').count(), line.chars().count()))
    }

    /// Walks the escapes. None where the scalar runs over its line, or escapes by surrogates.
    fn quoted_column(&self, offset: usize) -> Option<usize> {
        let double = self.style == ScalarStyle::DoubleQuoted;
        let mut chars = self.raw.chars();
        chars.next()?;
        let mut column = 1;
        let mut made = 0;
        while made < offset {
            let c = chars.next()?;
            column += 1;
            made += match c {
                '\n' | '\r' => return None,
                '\'' if !double => {
                    chars.next()?;
                    column += 1;
                    1
                }
                '\\' if double => {
                    let (length, bytes) = escape(&mut chars)?;
                    column += length;
                    bytes
                }
                _ => c.len_utf8(),
            };
        }
        Some(column)
    }
}

/// Characters that follow the backslash, and bytes that the escape makes.
fn escape(chars: &mut std::str::Chars<'_>) -> Option<(usize, usize)> {
    let digits = match chars.next()? {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'N' | '_' => return Some((1, 2)),
        'L' | 'P' => return Some((1, 3)),
        '\n' | '\r' => return None,
        _ => return Some((1, 1)),
    };
    let mut code: u32 = 0;
    for _ in 0..digits {
        code = (code << 4) | chars.next()?.to_digit(16)?;
    }
    Some((1 + digits, char::from_u32(code)?.len_utf8()))
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Value::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Value::Int);
    }
    let mut bytes = unsigned.bytes();
    let first = bytes.next()?;
    let leading_zero = first == b'0' && bytes.next().is_some_and(|second| second.is_ascii_digit());
    let numeric = unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
    if leading_zero || !numeric || !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(Value::Int(whole)),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (written, expected) in [
            ("~", Value::Null),
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("yes", text("yes")),
            ("12", Value::Int(12)),
            ("-12", Value::Int(-12)),
            ("+3", Value::Int(3)),
            ("0", Value::Int(0)),
            ("0x1F", Value::Int(31)),
            ("0o17", Value::Int(15)),
            ("0123", text("0123")),
            ("1.5", Value::Float(1.5)),
            ("-0.5e3", Value::Float(-500.0)),
            (".inf", text(".inf")),
            ("1.2.3", text("1.2.3")),
            ("2026-01-31", text("2026-01-31")),
            ("e3", text("e3")),
            ("-", text("-")),
            ("99999999999999999999", Value::Float(1e20)),
        ] {
            assert_eq!(Scalar::plain(written).value(), expected, "{written}");
        }
    }

    #[test]
    fn characters_are_found_in_the_file() {
        let at = Position { line: 3, column: 10 };
        let column = |style, text: &str, raw: &str, offset| {
            let scalar = Scalar { text: text.to_owned(), style, raw: raw.to_owned() };
            let position = scalar.position(at, offset);
            (position.line, position.column)
        };
        assert_eq!(column(ScalarStyle::Plain, "é == 1", "é == 1", 3), (3, 12));
        assert_eq!(column(ScalarStyle::Plain, "a b", "a\n  b", 2), (3, 10));
        assert_eq!(column(ScalarStyle::DoubleQuoted, "a\"b", "\"a\\\"b\"", 2), (3, 14));
        assert_eq!(column(ScalarStyle::DoubleQuoted, "☺b", "\"\\u263Ab\"", 3), (3, 17));
        assert_eq!(column(ScalarStyle::SingleQuoted, "it's x", "'it''s x'", 5), (3, 17));
        assert_eq!(column(ScalarStyle::Literal, "one\ntwo\n", "one\n    two\n", 6), (4, 12));
    }
}
