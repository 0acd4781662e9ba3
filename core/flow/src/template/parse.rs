//! Parses a template into its program, with the byte offset of whatever is wrong.

use super::scan::{Inner, Part, parts};
use super::{Helper, Piece};
use crate::expr::{self, Op, SyntaxError};
use crate::ir::{Program, Text, append};
use greentic_types::nearest;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// How deep blocks may nest: parsing and rendering recurse.
const MAX_DEPTH: u32 = 16;

const HELPERS: [(&str, Helper, usize); 4] = [
    ("uppercase", Helper::Uppercase, 1),
    ("lowercase", Helper::Lowercase, 1),
    ("capitalize", Helper::Capitalize, 1),
    ("truncate", Helper::Truncate, 2),
];

/// Helpers of the language (spec/flow.md) that this version does not have yet.
const LATER: [&str; 6] = ["formatNumber", "currency", "percent", "formatDate", "relativeTime", "now"];

const BLOCKS: [&str; 3] = ["if", "unless", "each"];

const SUPPORTED: &str = "templates have {{path}}, {{helper argument}}, {{#if}}, {{#unless}}, {{#each}}, {{else}}, \
                         {{! comments}}";

#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub program: Program<'static>,
    /// First segments of the paths it reads.
    pub roots: BTreeSet<String>,
}

pub fn template(text: &str) -> Result<Template, SyntaxError> {
    let mut parser = Parser { parts: parts(text)?.into_iter(), roots: BTreeSet::new(), depth: 0 };
    let (program, end) = parser.block()?;
    match end {
        End::Text => Ok(Template { program: program.into(), roots: parser.roots }),
        End::Close(tag) => Err(SyntaxError::new(tag.offset, format!("`{{{{/{}}}}}` closes no block", tag.text))),
        End::Else(offset) => Err(SyntaxError::new(offset, "`{{else}}` stands in no block".to_owned())),
    }
}

/// What ended a run of pieces.
enum End<'t> {
    Text,
    Close(Inner<'t>),
    Else(usize),
}

struct Parser<'t> {
    parts: std::vec::IntoIter<Part<'t>>,
    roots: BTreeSet<String>,
    depth: u32,
}

impl<'t> Parser<'t> {
    fn block(&mut self) -> Result<(Vec<u8>, End<'t>), SyntaxError> {
        let mut program = Vec::new();
        while let Some(part) = self.parts.next() {
            match part {
                Part::Comment => {}
                Part::Text(text) if text.is_empty() => {}
                Part::Text(text) => append(&mut program, &Piece::Text(Text(Cow::Owned(text)))),
                Part::Value(tag) => append(&mut program, &self.value(tag)?),
                Part::Open(tag) => {
                    let piece = self.open(tag)?;
                    append(&mut program, &piece);
                }
                Part::Close(tag) => return Ok((program, End::Close(tag))),
                Part::Else(offset) => return Ok((program, End::Else(offset))),
            }
        }
        Ok((program, End::Text))
    }

    fn value(&mut self, tag: Inner<'t>) -> Result<Piece<'static>, SyntaxError> {
        let (name, rest) = tag.split();
        if let Some((_, helper, wanted)) = HELPERS.iter().find(|(known, ..)| *known == name.text) {
            let operations = expr::operand_list(rest.text).map_err(|error| error.shift(rest.offset))?;
            if operations.len() != *wanted {
                let message = format!("`{}` takes {wanted} argument(s), not {}", name.text, operations.len());
                return Err(SyntaxError::new(name.offset, message));
            }
            return Ok(Piece::Call { helper: *helper, arguments: self.program(&operations) });
        }
        if LATER.contains(&name.text) {
            let message = format!("the helper `{}` is not supported by this version yet", name.text);
            return Err(SyntaxError::new(name.offset, message));
        }
        if !rest.text.is_empty() && name.text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            let error = SyntaxError::new(name.offset, format!("there is no helper `{}`", name.text));
            let known = HELPERS.iter().map(|(known, ..)| *known);
            return Err(match nearest(name.text, known) {
                Some(known) => error.hint(format!("did you mean `{known}`?")),
                None => error.hint(SUPPORTED),
            });
        }
        if let Some(sign) = tag.text.chars().next().filter(|c| !c.is_alphabetic() && !['_', '@'].contains(c)) {
            let message = format!("`{sign}` has no meaning at the beginning of a tag");
            return Err(SyntaxError::new(tag.offset, message).hint(SUPPORTED));
        }
        let path = expr::path(tag.text).map_err(|error| error.shift(tag.offset))?;
        Ok(Piece::Path(self.path(path)))
    }

    fn open(&mut self, tag: Inner<'t>) -> Result<Piece<'static>, SyntaxError> {
        let (name, rest) = tag.split();
        if !BLOCKS.contains(&name.text) {
            let error = SyntaxError::new(name.offset, format!("there is no block `#{}`", name.text));
            return Err(match nearest(name.text, BLOCKS) {
                Some(known) => error.hint(format!("did you mean `#{known}`?")),
                None => error.hint(SUPPORTED),
            });
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::new(name.offset, format!("blocks nest deeper than {MAX_DEPTH} levels")));
        }
        let piece = if name.text == "each" {
            let list = expr::path(rest.text).map_err(|error| error.shift(rest.offset))?;
            let list = self.path(list);
            let (body, end) = self.block()?;
            self.closed(name, end)?;
            Piece::Each { list, body: body.into() }
        } else {
            let operations = expr::expression(rest.text).map_err(|error| error.shift(rest.offset))?;
            let condition = self.program(&operations);
            let (then, otherwise) = self.branches(name)?;
            let (then, otherwise) = if name.text == "if" { (then, otherwise) } else { (otherwise, then) };
            Piece::If { condition, then: then.into(), otherwise: otherwise.into() }
        };
        self.depth -= 1;
        Ok(piece)
    }

    fn branches(&mut self, name: Inner<'t>) -> Result<(Vec<u8>, Vec<u8>), SyntaxError> {
        let (then, end) = self.block()?;
        if !matches!(end, End::Else(_)) {
            self.closed(name, end)?;
            return Ok((then, Vec::new()));
        }
        let (otherwise, end) = self.block()?;
        self.closed(name, end)?;
        Ok((then, otherwise))
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
            End::Else(offset) => {
                Err(SyntaxError::new(offset, format!("`#{}` can't have this `{{{{else}}}}`", name.text)))
            }
            End::Text => Err(SyntaxError::new(name.offset, format!("`#{}` is not closed", name.text)).hint(closing)),
        }
    }

    fn program(&mut self, operations: &[Op<'_>]) -> Program<'static> {
        self.roots.extend(expr::roots(operations));
        expr::assemble(operations)
    }

    fn path(&mut self, path: String) -> Text<'static> {
        self.roots.extend(path.split('.').next().map(str::to_owned));
        Text(Cow::Owned(path))
    }
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
            ("{{#each a}}{{else}}{{/each}}", 13),
            ("{{> part}}", 2),
            ("{{a..b}}", 4),
            ("{{#each a b}}{{/each}}", 8),
            ("{{currency a}}", 2),
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
        assert_eq!(hint("{{> part}}"), SUPPORTED);
    }

    #[test]
    fn roots_of_every_path_are_known() {
        let roots = template("{{a.b}}{{#if c == d[0]}}{{uppercase e.f}}{{/if}}{{#each config.list}}{{this}}{{/each}}");
        let expected: BTreeSet<String> = ["a", "c", "d", "e", "config", "this"].map(str::to_owned).into();
        assert_eq!(roots.unwrap().roots, expected);
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
            prop::sample::select(vec!["{{", "}}", "{{{", "}}}", "{{#if", "{{else}}", "{{/if}}", "{{#each ", "{{/each}}", "{{!", "--", "a", " ", "\n", "é", "\\", "'"]), 0..20,
        )) {
            let text = words.concat();
            if let Err(error) = template(&text) {
                prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
            }
        }
    }
}
