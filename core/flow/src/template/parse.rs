//! Parses a template into its program, with the byte offset of whatever is wrong.
//!
//! Partials are put in place here, so that rendering knows nothing of them. What they may add is bounded: two partials
//! that hold a third twice, and so on, would double with every level.

use super::scan::{Inner, Kind, Part, parts};
use super::{BlockKind, Piece};
use crate::expr::{self, Op, Place, SyntaxError};
use crate::ir::{Program, Text, append};
use greentic_types::nearest;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// How deep blocks and partials may nest: parsing and rendering recurse.
const MAX_DEPTH: u32 = 16;

/// Bytes of text that partials may add to one template.
const MAX_INLINED: usize = 256 * 1024;

const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

const SUPPORTED: &str = "templates have {{path}}, {{helper argument}}, {{#if}}, {{#unless}}, {{#each}}, {{#with}}, \
                         {{else}}, {{> partial}}, {{! comments}}";

#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub program: Program<'static>,
    /// First segments of the paths it reads.
    pub roots: BTreeSet<String>,
    /// Keys of the translated texts it shows.
    pub texts: BTreeSet<String>,
}

/// A template that can have no partials.
pub fn template(text: &str) -> Result<Template, SyntaxError> {
    template_with(text, &|_| None)
}

/// A template that can have these partials. An error inside of one is placed at the tag that asks for it.
pub fn template_with(text: &str, partials: &dyn Fn(&str) -> Option<String>) -> Result<Template, SyntaxError> {
    let mut state = State {
        partials,
        open: Vec::new(),
        inlined: 0,
        depth: 0,
        blocks: 0,
        roots: BTreeSet::new(),
        texts: BTreeSet::new(),
    };
    let program = whole(text, &mut state)?;
    Ok(Template { program: program.into(), roots: state.roots, texts: state.texts })
}

/// What a template and its partials share.
struct State<'s> {
    partials: &'s dyn Fn(&str) -> Option<String>,
    /// Partials that this place stands in.
    open: Vec<String>,
    inlined: usize,
    depth: u32,
    /// `#each` and `#with` around this place.
    blocks: usize,
    roots: BTreeSet<String>,
    texts: BTreeSet<String>,
}

fn whole(text: &str, state: &mut State<'_>) -> Result<Vec<u8>, SyntaxError> {
    let mut parser = Parser { parts: parts(text)?.into_iter(), state };
    let (program, end) = parser.block()?;
    match end {
        End::Text => Ok(program),
        End::Close(tag) => Err(SyntaxError::new(tag.offset, format!("`{{{{/{}}}}}` closes no block", tag.text))),
        End::Else(tag) => Err(SyntaxError::new(tag.offset, "`{{else}}` stands in no block".to_owned())),
    }
}

/// What ended a run of pieces.
enum End<'t> {
    Text,
    Close(Inner<'t>),
    Else(Inner<'t>),
}

struct Parser<'t, 'p, 's> {
    parts: std::vec::IntoIter<Part<'t>>,
    state: &'p mut State<'s>,
}

impl<'t> Parser<'t, '_, '_> {
    fn block(&mut self) -> Result<(Vec<u8>, End<'t>), SyntaxError> {
        let mut program = Vec::new();
        while let Some(part) = self.parts.next() {
            match part.kind {
                Kind::Comment => {}
                Kind::Text(text) if text.is_empty() => {}
                Kind::Text(text) => append(&mut program, &Piece::Text(Text(Cow::Owned(text)))),
                Kind::Value(tag) => append(&mut program, &self.value(tag)?),
                Kind::Open(tag) => {
                    let piece = self.open(tag)?;
                    append(&mut program, &piece);
                }
                Kind::Inverse(tag) => {
                    let condition = self.operand(tag)?;
                    let (then, otherwise) = self.deeper(tag, |parser| parser.branches(tag, 0))?;
                    let (then, otherwise) = (otherwise.into(), then.into());
                    append(&mut program, &Piece::If { condition, then, otherwise });
                }
                Kind::Partial(tag, indent) => {
                    let pieces = self.partial(tag, &indent)?;
                    program.extend(pieces);
                }
                Kind::Close(tag) => return Ok((program, End::Close(tag))),
                Kind::Else(tag) => return Ok((program, End::Else(tag))),
            }
        }
        Ok((program, End::Text))
    }

    fn place(&self) -> Place {
        Place { in_template: true, blocks: self.state.blocks }
    }

    fn value(&mut self, tag: Inner<'t>) -> Result<Piece<'static>, SyntaxError> {
        let (name, rest) = tag.split();
        if let Some(key) = tag.text.strip_prefix("i18n:") {
            let call = [Op::Text(key.into()), Op::Call(expr::Helper::Translate, 1)];
            return Ok(Piece::Value(self.program(&call, tag)?));
        }
        let is_name = name.text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if expr::find_helper(name.text).is_some() || (is_name && !rest.text.is_empty()) {
            let operations = expr::call(tag.text, self.place()).map_err(|error| error.shift(tag.offset))?;
            return Ok(Piece::Value(self.program(&operations, tag)?));
        }
        if tag.text.starts_with('(') {
            return Ok(Piece::Value(self.operand(tag)?));
        }
        if let Some(sign) = tag.text.chars().next().filter(|c| !c.is_alphabetic() && !['_', '@', '.'].contains(c)) {
            let message = format!("`{sign}` has no meaning at the beginning of a tag");
            return Err(SyntaxError::new(tag.offset, message).hint(SUPPORTED));
        }
        let path = expr::path(tag.text, self.place()).map_err(|error| error.shift(tag.offset))?;
        let operations = [Op::Path(Text(Cow::Owned(path.clone())))];
        self.state.roots.extend(expr::roots(&operations));
        Ok(Piece::Path(Text(Cow::Owned(path))))
    }

    fn open(&mut self, tag: Inner<'t>) -> Result<Piece<'static>, SyntaxError> {
        let (name, rest) = tag.split();
        match name.text {
            "if" | "unless" => {
                let condition = self.condition(rest)?;
                let (then, otherwise) = self.deeper(name, |parser| parser.branches(name, 0))?;
                let (then, otherwise) = if name.text == "if" { (then, otherwise) } else { (otherwise, then) };
                Ok(Piece::If { condition, then: then.into(), otherwise: otherwise.into() })
            }
            "each" => self.items(BlockKind::Each, name, rest),
            "with" => self.items(BlockKind::With, name, rest),
            _ if rest.text.is_empty() => self.items(BlockKind::Section, tag, tag),
            unknown => {
                let error = SyntaxError::new(name.offset, format!("there is no block `#{unknown}`"));
                Err(match nearest(unknown, BLOCKS) {
                    Some(known) => error.hint(format!("did you mean `#{known}`?")),
                    None => error.hint(SUPPORTED),
                })
            }
        }
    }

    /// A block whose body has its own `this`.
    fn items(&mut self, kind: BlockKind, name: Inner<'t>, tag: Inner<'t>) -> Result<Piece<'static>, SyntaxError> {
        if let Some((_, names)) = tag.text.split_once(" as |") {
            let error =
                SyntaxError::new(tag.offset + tag.text.len() - names.len() - 1, "blocks name no items".to_owned());
            return Err(error.hint("use `this`, `@index` and `@key`"));
        }
        let subject = self.operand(tag)?;
        let (body, otherwise) = self.deeper(name, |parser| parser.branches(name, 1))?;
        Ok(Piece::Block { kind, subject, body: body.into(), otherwise: otherwise.into() })
    }

    /// What stands before and behind the `{{else}}` of a block that is open. `blocks`: what its body adds to them.
    fn branches(&mut self, name: Inner<'t>, blocks: usize) -> Result<(Vec<u8>, Vec<u8>), SyntaxError> {
        self.state.blocks += blocks;
        let first = self.block();
        self.state.blocks -= blocks;
        let (then, end) = first?;
        let End::Else(tag) = end else {
            self.closed(name, end)?;
            return Ok((then, Vec::new()));
        };
        let (_, chained) = tag.split();
        if chained.text.is_empty() {
            let (otherwise, end) = self.block()?;
            self.closed(name, end)?;
            return Ok((then, otherwise));
        }
        let (word, rest) = chained.split();
        if word.text != "if" {
            let message = format!("`{{{{else {}}}}}` is not known", chained.text);
            return Err(SyntaxError::new(tag.offset, message).hint("there are `{{else}}` and `{{else if …}}`"));
        }
        let condition = self.condition(rest)?;
        // It ends with the block that it continues.
        let (second, otherwise) = self.deeper(name, |parser| parser.branches(name, 0))?;
        let mut chain = Vec::new();
        append(&mut chain, &Piece::If { condition, then: second.into(), otherwise: otherwise.into() });
        Ok((then, chain))
    }

    fn deeper<T>(
        &mut self,
        at: Inner<'t>,
        parse: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.state.depth += 1;
        if self.state.depth > MAX_DEPTH {
            return Err(SyntaxError::new(at.offset, format!("blocks nest deeper than {MAX_DEPTH} levels")));
        }
        let parsed = parse(self)?;
        self.state.depth -= 1;
        Ok(parsed)
    }

    /// Checks that a block ended with its own closing tag.
    fn closed(&self, name: Inner<'t>, end: End<'t>) -> Result<(), SyntaxError> {
        let closing = format!("close it with `{{{{/{}}}}}`", name.text);
        match end {
            End::Close(tag) if tag.text == name.text => Ok(()),
            End::Close(tag) => {
                let message = format!("`{{{{/{}}}}}` stands where `#{}` is open", tag.text, name.text);
                Err(SyntaxError::new(tag.offset, message).hint(closing))
            }
            End::Else(tag) => {
                Err(SyntaxError::new(tag.offset, format!("`#{}` can't have a second `{{{{else}}}}`", name.text)))
            }
            End::Text => Err(SyntaxError::new(name.offset, format!("`#{}` is not closed", name.text)).hint(closing)),
        }
    }

    /// `{{> name}}` or `{{> name data}}`; with data, nothing is shown where that is null or empty.
    fn partial(&mut self, tag: Inner<'t>, indent: &str) -> Result<Vec<u8>, SyntaxError> {
        let (name, data) = tag.split();
        let name = Inner { text: name.text.trim_matches(['"', '\'']), ..name };
        let Some(text) = (self.state.partials)(name.text) else {
            let error = SyntaxError::new(tag.offset, format!("there is no partial `{}`", name.text));
            return Err(error.hint("a partial is a file of the pack's assets"));
        };
        if self.state.open.iter().any(|open| open == name.text) {
            return Err(SyntaxError::new(tag.offset, format!("the partial `{}` includes itself", name.text)));
        }
        self.state.inlined += text.len();
        if self.state.inlined > MAX_INLINED {
            let message = format!("partials make this template longer than {MAX_INLINED} bytes");
            return Err(SyntaxError::new(tag.offset, message));
        }
        let text = indented(&text, indent);
        let subject = if data.text.is_empty() { None } else { Some(self.operand(data)?) };
        let blocks = usize::from(subject.is_some());
        self.state.open.push(name.text.to_owned());
        self.state.blocks += blocks;
        let body = self.deeper(tag, |parser| {
            whole(&text, parser.state).map_err(|error| {
                let (line, column) = place_in(&text, error.offset);
                let message = format!("in the partial `{}`, {line}:{column}: {}", name.text, error.message);
                SyntaxError { offset: tag.offset, message, hint: error.hint }
            })
        })?;
        self.state.blocks -= blocks;
        self.state.open.pop();
        let Some(subject) = subject else { return Ok(body) };
        let mut program = Vec::new();
        let otherwise = Vec::new().into();
        append(&mut program, &Piece::Block { kind: BlockKind::With, subject, body: body.into(), otherwise });
        Ok(program)
    }

    fn condition(&mut self, tag: Inner<'t>) -> Result<Program<'static>, SyntaxError> {
        let operations = expr::template_expression(tag.text, self.place());
        self.program(&operations.map_err(|error| error.shift(tag.offset))?, tag)
    }

    fn operand(&mut self, tag: Inner<'t>) -> Result<Program<'static>, SyntaxError> {
        let operations = expr::operand(tag.text, self.place()).map_err(|error| error.shift(tag.offset))?;
        self.program(&operations, tag)
    }

    fn program(&mut self, operations: &[Op<'_>], tag: Inner<'t>) -> Result<Program<'static>, SyntaxError> {
        self.state.roots.extend(expr::roots(operations));
        let mut before: Option<&Op<'_>> = None;
        for operation in operations {
            if let Op::Call(expr::Helper::Translate, _) = operation {
                let Some(Op::Text(key)) = before else {
                    let message = "the key of a translated text stands in quotes".to_owned();
                    let error = SyntaxError::new(tag.offset, message);
                    return Err(error.hint("texts are fetched before the node runs, so no key can come from data"));
                };
                self.state.texts.insert(key.as_str().to_owned());
            }
            before = Some(operation);
        }
        Ok(expr::assemble(operations))
    }
}

/// A partial that has a line to itself is as far in as its tag.
fn indented(text: &str, indent: &str) -> String {
    if indent.is_empty() {
        return text.to_owned();
    }
    let indent_line = |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("{indent}{line}") };
    text.split_inclusive('\n').map(indent_line).collect()
}

/// Line and column, from 1.
fn place_in(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_point_at_the_place() {
        for (text, offset) in [
            ("a {{b", 2),
            ("{{uppercas message}}", 2),
            ("{{uppercase}}", 2),
            ("{{truncate a b c}}", 2),
            ("{{ a b }}", 3),
            ("{{#iff a}}x{{/iff}}", 3),
            ("{{#if a == }}x{{/if}}", 10),
            ("{{#if a}}x", 3),
            ("{{#if a}}x{{/each}}", 13),
            ("x{{/if}}", 4),
            ("x{{else}}", 3),
            ("{{#each a}}{{else}}{{else}}{{/each}}", 21),
            ("{{> part}}", 4),
            ("{{#if a}}{{else unless b}}{{/if}}", 11),
            ("{{#each a as |b|}}{{/each}}", 13),
            ("{{#a.b}}x", 3),
            ("{{^a}}x{{/b}}", 10),
            ("{{#if (eq a)}}{{/if}}", 7),
            ("{{t key}}", 2),
            ("{{{{raw}}}}", 3),
            ("{{truncate a lenght=3}}", 13),
            ("{{a..b}}", 4),
            ("{{#each a b}}{{/each}}", 8),
            ("{{currency}}", 2),
            ("é {{#if (a}}{{/if}}", 9),
        ] {
            assert_eq!(template(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn hints_name_the_remedy() {
        let hint = |text: &str| template(text).unwrap_err().hint.unwrap();
        assert_eq!(hint("{{uppercas message}}"), "did you mean `uppercase`?");
        assert_eq!(hint("{{#iff a}}x{{/iff}}"), "did you mean `#if`?");
        assert_eq!(hint("{{#if a}}x"), "close it with `{{/if}}`");
        assert_eq!(hint("{{*a}}"), SUPPORTED);
    }

    #[test]
    fn roots_of_every_path_are_known() {
        let roots = template("{{a.b}}{{#if c == d[0]}}{{uppercase e.f}}{{/if}}{{#each config.list}}{{this}}{{/each}}");
        let expected: BTreeSet<String> = ["a", "c", "d", "e", "config", "this"].map(str::to_owned).into();
        assert_eq!(roots.unwrap().roots, expected);
    }

    #[test]
    fn keys_of_texts_are_known() {
        let texts = template("{{t 'a.b'}}{{i18n:c}}{{#if (t \"d\")}}{{uppercase (t 'e')}}{{/if}}").unwrap().texts;
        assert_eq!(texts, ["a.b", "c", "d", "e"].map(str::to_owned).into());
    }

    #[test]
    fn partials_are_found_and_bounded() {
        let partials = |name: &str| match name {
            "self" => Some("{{> self}}".to_owned()),
            "broken" => Some("line\n{{uppercas a}}".to_owned()),
            "wide" => Some("x".repeat(MAX_INLINED / 2)),
            _ => None,
        };
        let error = |text: &str| template_with(text, &partials).unwrap_err();
        assert!(error("{{> self}}").message.contains("includes itself"));
        assert_eq!(error("ab {{> broken}}").offset, 7);
        assert!(error("{{> broken}}").message.contains("`broken`, 2:3: there is no helper"));
        assert_eq!(error("{{> broken}}").hint.unwrap(), "did you mean `uppercase`?");
        assert!(error("{{> wide}}{{> wide}}{{> wide}}").message.contains("longer than"));
        assert!(template_with("{{> wide}}", &partials).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "{{#if a}}".repeat(depth), "{{/if}}".repeat(depth));
        assert!(template(&nested(16)).is_ok());
        assert!(template(&nested(17)).is_err());
        assert!(template(&nested(50_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,64}") {
            let _ = template(&text);
        }

        #[test]
        fn no_text_of_our_words_panics(words in prop::collection::vec(
            prop::sample::select(vec!["{{", "}}", "{{{", "}}}", "{{#if", "{{else}}", "{{/if}}", "{{#each ", "{{/each}}", "{{!", "--", "a", " ", "\n", "é", "\\", "'", "{{~", "~}}", "{{> p", "{{^", "{{else if a}}", "(eq a ", ")", "../"]), 0..20,
        )) {
            let text = words.concat();
            let partials = |name: &str| (name == "p").then(|| "{{#each a}}{{this}}{{/each}}".to_owned());
            if let Err(error) = template_with(&text, &partials) {
                prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
            }
        }
    }
}
