//! Cuts a template into text and tags, and takes away the white space that tags ask to be gone: lines that held nothing
//! but a block's tag, and what stands beside a `~`.

use crate::expr::SyntaxError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'t> {
    pub kind: Kind<'t>,
    /// `{{~`: white space before it goes.
    left: bool,
    /// `~}}`: white space behind it goes.
    right: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'t> {
    Text(String),
    /// `{{…}}` or `{{{…}}}`.
    Value(Inner<'t>),
    /// `{{#name…}}`.
    Open(Inner<'t>),
    /// `{{^name}}`.
    Inverse(Inner<'t>),
    /// `{{/name}}`.
    Close(Inner<'t>),
    /// `{{else}}` or `{{else if …}}`, whole.
    Else(Inner<'t>),
    /// `{{> name}}`, with what its line begins with when it has the line to itself.
    Partial(Inner<'t>, String),
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

    /// What follows a sign that it begins with.
    fn after(self, sign: char) -> Option<Self> {
        let text = self.text.strip_prefix(sign)?;
        Some(Inner { text, offset: self.offset + sign.len_utf8() }.trim())
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
        let unescaped = match before.strip_suffix('\\') {
            // Of several backslashes one is the escape of the others; the tag is a tag.
            Some(shorter) if shorter.ends_with('\\') => shorter,
            Some(shorter) => {
                plain.push_str(shorter);
                plain.push_str("{{");
                at += 2;
                continue;
            }
            None => before,
        };
        plain.push_str(unescaped);
        if !plain.is_empty() {
            parts.push(Part { kind: Kind::Text(std::mem::take(&mut plain)), left: false, right: false });
        }
        let (part, length) = tag_at(tag, at)?;
        parts.push(part);
        at += length;
    }
    if !plain.is_empty() {
        parts.push(Part { kind: Kind::Text(plain), left: false, right: false });
    }
    without_block_lines(&mut parts);
    without_marked_space(&mut parts);
    Ok(parts)
}

/// The tag at the beginning of `text`, which begins at `at`, and its length.
fn tag_at(text: &str, at: usize) -> Result<(Part<'_>, usize), SyntaxError> {
    let marked = text.starts_with("{{~");
    let begins = |sign: &str| text.get(2 + usize::from(marked)..).is_some_and(|rest| rest.starts_with(sign));
    let (open, close) = match (begins("!--"), begins("{"), marked) {
        (true, _, false) => ("{{!--", "--"),
        (true, _, true) => ("{{~!--", "--"),
        (false, true, false) => ("{{{", "}"),
        (false, true, true) => ("{{~{", "}"),
        (false, false, false) => ("{{", ""),
        (false, false, true) => ("{{~", ""),
    };
    let rest = text.strip_prefix(open).unwrap_or_default();
    let Some((length, end, right)) = end_of_tag(rest, close) else {
        let error = SyntaxError::new(at, format!("`{open}` is not closed"));
        return Err(error.hint(format!("close it with `{close}}}}}`")));
    };
    let inner = Inner { text: rest.get(..length).unwrap_or_default(), offset: at + open.len() }.trim();
    let kind = if close == "--" { Kind::Comment } else { kind_of(inner, close.is_empty()) };
    Ok((Part { kind, left: marked, right }, open.len() + length + end))
}

/// Where a tag's text ends, the length of what closes it, and whether that has a `~`. Braces in quotes close nothing,
/// unless the quote itself never ends: then it was an apostrophe.
fn end_of_tag(rest: &str, close: &str) -> Option<(usize, usize, bool)> {
    let plain = [format!("{close}}}}}"), format!("{close}~}}}}")];
    let closing = |at: usize| {
        let here = rest.get(at..)?;
        plain.iter().position(|closing| here.starts_with(closing.as_str()))
    };
    let quoted = if close == "--" { None } else { first_outside_quotes(rest, &closing) };
    let (at, which) = match quoted {
        Some(found) => found,
        None => rest.char_indices().find_map(|(at, _)| Some((at, closing(at)?)))?,
    };
    Some((at, plain.get(which)?.len(), which == 1))
}

fn first_outside_quotes(rest: &str, closing: &impl Fn(usize) -> Option<usize>) -> Option<(usize, usize)> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {
                if let Some(which) = closing(at) {
                    return Some((at, which));
                }
            }
        }
    }
    None
}

/// `signs`: whether the first character may say what kind of tag it is.
fn kind_of(inner: Inner<'_>, signs: bool) -> Kind<'_> {
    if !signs {
        return Kind::Value(inner);
    }
    match inner.text.chars().next() {
        Some('!') => Kind::Comment,
        Some('#') => inner.after('#').map_or(Kind::Comment, Kind::Open),
        Some('/') => inner.after('/').map_or(Kind::Comment, Kind::Close),
        Some('&') => inner.after('&').map_or(Kind::Comment, Kind::Value),
        Some('>') => inner.after('>').map_or(Kind::Comment, |name| Kind::Partial(name, String::new())),
        Some('^') if inner.text == "^" => Kind::Else(inner),
        Some('^') => inner.after('^').map_or(Kind::Comment, Kind::Inverse),
        _ if inner.split().0.text == "else" => Kind::Else(inner),
        _ => Kind::Value(inner),
    }
}

/// A tag that makes no text, alone on its line, takes the line with it. Decided on the parts as they were, so that one
/// tag's line ending can't be taken for the next one's.
fn without_block_lines(parts: &mut [Part<'_>]) {
    let last = parts.len().saturating_sub(1);
    let alone: Vec<usize> = (0..parts.len())
        .filter(|index| {
            let begins = index.checked_sub(1).is_none_or(|before| begins_line(parts.get(before), before == 0));
            let ends = *index == last || ends_line(parts.get(index + 1), index + 1 == last);
            let silent = !matches!(parts.get(*index).map(|part| &part.kind), Some(Kind::Text(_) | Kind::Value(_)));
            silent && begins && ends
        })
        .collect();
    for index in alone {
        let mut indent = String::new();
        if let Some(Kind::Text(text)) = index.checked_sub(1).and_then(|before| parts.get_mut(before)).map(kind_mut) {
            indent = text.split_off(text.trim_end_matches([' ', '\t']).len());
        }
        if let Some(Kind::Text(text)) = parts.get_mut(index + 1).map(kind_mut) {
            let rest = text.trim_start_matches([' ', '\t', '\r']);
            *text = rest.strip_prefix('\n').unwrap_or(rest).to_owned();
        }
        if let Some(Kind::Partial(_, line)) = parts.get_mut(index).map(kind_mut) {
            *line = indent;
        }
    }
}

fn without_marked_space(parts: &mut [Part<'_>]) {
    for index in 0..parts.len() {
        let Some(&Part { left, right, .. }) = parts.get(index) else { continue };
        if let (true, Some(Kind::Text(text))) =
            (left, index.checked_sub(1).and_then(|before| parts.get_mut(before)).map(kind_mut))
        {
            text.truncate(text.trim_end().len());
        }
        if let (true, Some(Kind::Text(text))) = (right, parts.get_mut(index + 1).map(kind_mut)) {
            *text = text.trim_start().to_owned();
        }
    }
}

fn kind_mut<'p, 't>(part: &'p mut Part<'t>) -> &'p mut Kind<'t> {
    &mut part.kind
}

/// Whether what follows this part stands at the beginning of a line.
fn begins_line(part: Option<&Part<'_>>, first: bool) -> bool {
    let Some(Part { kind: Kind::Text(text), .. }) = part else { return false };
    let blank = text.trim_end_matches([' ', '\t']);
    blank.ends_with('\n') || (first && blank.is_empty())
}

/// Whether a line ends where this part begins.
fn ends_line(part: Option<&Part<'_>>, last: bool) -> bool {
    let Some(Part { kind: Kind::Text(text), .. }) = part else { return false };
    let rest = text.trim_start_matches([' ', '\t', '\r']);
    rest.starts_with('\n') || (last && rest.is_empty())
}
