//! Cuts a template into text and tags, and takes away the lines that held nothing but a block tag.

use crate::expr::SyntaxError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'t> {
    Text(String),
    /// `{{…}}` or `{{{…}}}`.
    Value(Inner<'t>),
    /// `{{#name…}}`.
    Open(Inner<'t>),
    /// `{{/name}}`.
    Close(Inner<'t>),
    Else(usize),
    Comment,
}

/// What stands between the braces, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inner<'t> {
    pub text: &'t str,
    pub offset: usize,
}

impl<'t> Inner<'t> {
    /// The same without white space around it.
    fn trim(self) -> Self {
        let text = self.text.trim_start();
        Inner { text: text.trim_end(), offset: self.offset + self.text.len() - text.len() }
    }

    /// The first word, and what follows it.
    pub fn split(self) -> (Inner<'t>, Inner<'t>) {
        let length = self.text.find(char::is_whitespace).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at_checked(length).unwrap_or((self.text, ""));
        (Inner { text: word, offset: self.offset }, Inner { text: rest, offset: self.offset + length }.trim())
    }
}

pub fn parts(text: &str) -> Result<Vec<Part<'_>>, SyntaxError> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((before, tag)) = rest.find("{{").and_then(|open| rest.split_at_checked(open)) else {
            plain.push_str(rest);
            break;
        };
        at += before.len();
        if let Some(before) = before.strip_suffix('\\') {
            plain.push_str(before);
            plain.push_str("{{");
            at += 2;
            continue;
        }
        plain.push_str(before);
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        let (part, length) = tag_at(tag, at)?;
        parts.push(part);
        at += length;
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(without_block_lines(parts))
}

/// The tag at the beginning of `text`, which begins at `at`, and its length.
fn tag_at(text: &str, at: usize) -> Result<(Part<'_>, usize), SyntaxError> {
    let (open, close) = if text.starts_with("{{!--") {
        ("{{!--", "--}}")
    } else if text.starts_with("{{{") {
        ("{{{", "}}}")
    } else {
        ("{{", "}}")
    };
    let inner = text.strip_prefix(open).and_then(|rest| Some((rest, rest.find(close)?)));
    let Some((inner, length)) = inner.and_then(|(rest, end)| Some((rest.get(..end)?, open.len() + end + close.len())))
    else {
        return Err(SyntaxError::new(at, format!("`{open}` is not closed")).hint(format!("close it with `{close}`")));
    };
    let inner = Inner { text: inner, offset: at + open.len() }.trim();
    let after = |sign: char| {
        let text = inner.text.strip_prefix(sign)?;
        Some(Inner { text, offset: inner.offset + sign.len_utf8() }.trim())
    };
    let part = if open == "{{!--" || (open == "{{" && inner.text.starts_with('!')) {
        Part::Comment
    } else if open == "{{{" {
        Part::Value(inner)
    } else if let Some(inner) = after('#') {
        Part::Open(inner)
    } else if let Some(inner) = after('/') {
        Part::Close(inner)
    } else if inner.text == "else" {
        Part::Else(inner.offset)
    } else {
        Part::Value(inner)
    };
    Ok((part, length))
}

/// A tag that makes no text, alone on its line, takes the line with it. Decided on the parts as they were, so that one
/// tag's line ending can't be taken for the next one's.
fn without_block_lines(mut parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let last = parts.len().saturating_sub(1);
    let alone: Vec<usize> = (0..parts.len())
        .filter(|index| {
            let begins = index.checked_sub(1).is_none_or(|before| begins_line(parts.get(before), before == 0));
            let ends = *index == last || ends_line(parts.get(index + 1), index + 1 == last);
            let silent = !matches!(parts.get(*index), Some(Part::Text(_) | Part::Value(_)));
            silent && begins && ends
        })
        .collect();
    for index in alone {
        if let Some(Part::Text(text)) = index.checked_sub(1).and_then(|before| parts.get_mut(before)) {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
        if let Some(Part::Text(text)) = parts.get_mut(index + 1) {
            let rest = text.trim_start_matches([' ', '\t', '\r']);
            *text = rest.strip_prefix('\n').unwrap_or(rest).to_owned();
        }
    }
    parts
}

/// Whether what follows this part stands at the beginning of a line.
fn begins_line(part: Option<&Part<'_>>, first: bool) -> bool {
    let Some(Part::Text(text)) = part else { return false };
    let blank = text.trim_end_matches([' ', '\t']);
    blank.ends_with('\n') || (first && blank.is_empty())
}

/// Whether a line ends where this part begins.
fn ends_line(part: Option<&Part<'_>>, last: bool) -> bool {
    let Some(Part::Text(text)) = part else { return false };
    let rest = text.trim_start_matches([' ', '\t', '\r']);
    rest.starts_with('\n') || (last && rest.is_empty())
}
