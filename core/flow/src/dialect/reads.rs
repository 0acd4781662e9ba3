//! Which names templates, expressions and scripts read: what is never set, and which outputs nobody reads, is told from
//! it. An approximation on purpose, made from the text: it may miss a read that is wrong, and must not make a warning of
//! one that is right.

use crate::finding::Position;
use crate::yaml::{Node, Scalar};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Reads {
    /// Every word that could be a name.
    words: BTreeSet<String>,
    /// The first place of each path of which is certain that it begins in the flow's data, as its first two segments.
    paths: BTreeMap<(String, Option<String>), Position>,
}

/// Words of the expression language, and of templates where no name can stand.
const WORDS: [&str; 14] =
    ["and", "or", "not", "contains", "true", "false", "null", "this", "else", "if", "unless", "as", "now", "undefined"];

/// A path as it is written: its first two segments, and where it begins.
struct Mention<'t> {
    root: &'t str,
    second: Option<&'t str>,
    offset: usize,
}

impl Reads {
    /// `own`: its bare names are the flow's, and not first those of data that is handed to it.
    pub fn template(&mut self, node: &Node, scalar: &Scalar, own: bool) {
        let mut mentions = Vec::new();
        // Inside a block that moves to other data, a bare name may be a member of that.
        let certain = tags(&scalar.text, &mut mentions);
        self.keep(node, scalar, &mentions, certain && own);
    }

    pub fn expression(&mut self, node: &Node, scalar: &Scalar, own: bool) {
        let mut mentions = Vec::new();
        words(&scalar.text, 0, false, &mut mentions);
        self.keep(node, scalar, &mentions, own);
    }

    /// Text in which any word may be a name: a script, an asset.
    pub fn text(&mut self, text: &str) {
        let separate = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
        self.words.extend(text.split(separate).filter(|word| !word.is_empty()).map(str::to_owned));
    }

    pub fn mentions(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// First segment, second segment and place of every path that is certain.
    pub fn paths(&self) -> impl Iterator<Item = (&str, Option<&str>, Position)> {
        self.paths.iter().map(|((root, second), at)| (root.as_str(), second.as_deref(), *at))
    }

    fn keep(&mut self, node: &Node, scalar: &Scalar, mentions: &[Mention<'_>], certain: bool) {
        for mention in mentions {
            self.words.insert(mention.root.to_owned());
            self.words.extend(mention.second.map(str::to_owned));
            let path = (mention.root.to_owned(), mention.second.map(str::to_owned));
            if certain && !self.paths.contains_key(&path) {
                self.paths.insert(path, scalar.position(node.at, mention.offset));
            }
        }
    }
}

/// Collects what the tags of a template mention. False when a block of it moves to other data.
fn tags<'t>(text: &'t str, mentions: &mut Vec<Mention<'t>>) -> bool {
    let mut certain = true;
    let mut rest = text;
    let mut start = 0;
    while let Some((before, behind)) = rest.split_once("{{") {
        start += before.len() + 2;
        let Some((tag, after)) = behind.split_once("}}") else { return certain };
        let inner = tag.trim_start_matches(['{', '~', '&']);
        let skipped = tag.len() - inner.len();
        if let Some(block) = inner.strip_prefix(['#', '^']) {
            let name = block.split_whitespace().next().unwrap_or_default();
            certain &= matches!(name, "if" | "unless");
            words(inner.trim_start_matches(['#', '^']), start + skipped + 1, true, mentions);
        } else if !inner.starts_with(['!', '/', '>']) && !inner.trim_start().starts_with("i18n:") {
            words(inner, start + skipped, true, mentions);
        }
        start += tag.len() + 2;
        rest = after;
    }
    certain
}

/// Paths in an expression or a tag. In a tag, a word that arguments follow is a helper, and so is one behind `(` or `|`.
fn words<'t>(text: &'t str, start: usize, tag: bool, mentions: &mut Vec<Mention<'t>>) {
    let is_argument = |word: &str| word.starts_with(|c: char| c.is_alphanumeric() || "\"'(@._".contains(c));
    let mut helper = tag && text.split_whitespace().nth(1).is_some_and(is_argument);
    // Behind `a[0].` stands a member and no root.
    let mut member = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let offset = start + (text.len() - rest.len());
        if first == '"' || first == '\'' {
            let behind = rest.get(1..).unwrap_or_default();
            rest = behind.split_once(first).map_or("", |(_, after)| after);
            continue;
        }
        if !(first.is_ascii_alphanumeric() || first == '_' || first == '@') {
            helper |= tag && matches!(first, '(' | '|');
            member = first == '.';
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let in_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/');
        let (path, after) = rest.split_at_checked(rest.find(|c| !in_path(c)).unwrap_or(rest.len())).unwrap_or_default();
        rest = after;
        let names_argument = after.starts_with('=') && !after.starts_with("==");
        let is_called = after.starts_with('(');
        let mut segments = path.split(['.', '/']);
        let root = segments.next().unwrap_or_default();
        let is_name = first.is_ascii_alphabetic() || first == '_';
        if is_name && !helper && !member && !names_argument && !is_called && !WORDS.contains(&root) {
            mentions.push(Mention { root, second: segments.next().filter(|second| !second.is_empty()), offset });
        }
        helper = false;
        member = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_template(text: &str) -> (bool, Vec<String>) {
        let mut mentions = Vec::new();
        let certain = tags(text, &mut mentions);
        (certain, mentions.iter().map(|m| format!("{}:{}", m.offset, m.root)).collect())
    }

    #[test]
    fn names_in_templates() {
        assert_eq!(
            of_template("Hi {{name}} {{uppercase a.b c}}!"),
            (true, vec!["5:name".into(), "24:a".into(), "28:c".into()])
        );
        assert_eq!(of_template("{{#if x == 'y'}}{{else}}{{/if}}"), (true, vec!["6:x".into()]));
        assert_eq!(
            of_template("{{#each list}}{{this.a}}{{b}}{{/each}}"),
            (false, vec!["8:list".into(), "26:b".into()])
        );
        assert_eq!(of_template("{{f (g a) k=b}}{{! no }}{{> part}}"), (true, vec!["7:a".into(), "12:b".into()]));
        assert_eq!(of_template("{{{ raw }}}{{~x~}}{{open"), (true, vec!["4:raw".into(), "14:x".into()]));
    }

    #[test]
    fn names_in_expressions() {
        let mut mentions = Vec::new();
        words("state.n >= 3 and not (a[0].b contains 'in text')", 0, false, &mut mentions);
        let found: Vec<_> = mentions.iter().map(|m| (m.root, m.second, m.offset)).collect();
        assert_eq!(found, [("state", Some("n"), 0), ("a", None, 22)]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}#/!>~(=.a-c'\" é]{0,40}") {
            let mut mentions = Vec::new();
            tags(&text, &mut mentions);
            words(&text, 0, false, &mut mentions);
        }
    }
}
