//! Builds the tree from the parser's events, within limits: a few lines of aliases can stand for a billion nodes.

use super::{Content, Entry, Node, Scalar};
use crate::finding::{Finding, Findings, Position};
use granit_parser::{Event, Parser, Placement, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of one flow. The largest public flows have some tens of kilobytes.
const MAX_TEXT: usize = 1024 * 1024;

/// How deep a flow may nest. Everything that walks the tree recurses.
const MAX_DEPTH: usize = 32;

/// Weight of the whole tree, aliases counted as often as they are used: each node weighs its text and a constant.
const MAX_WEIGHT: usize = 8 * 1024 * 1024;
const NODE_WEIGHT: usize = 64;

/// Comments in a row that the parser may have to hold back.
const MAX_BUFFERED_COMMENTS: usize = 10_000;

/// A comment, for whoever writes the document again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub at: Position,
    /// Behind the `#`.
    pub text: String,
    /// Whether nothing stands before it in its line.
    pub own_line: bool,
}

/// The document, or findings why there is none. Some findings leave a tree that can still be looked through.
pub fn load(text: &str, findings: &mut Findings) -> Option<Node> {
    parse(text, findings, false).map(|(root, _)| root)
}

/// The document with its comments, in the order of the text.
pub fn load_with_comments(text: &str, findings: &mut Findings) -> Option<(Node, Vec<Comment>)> {
    parse(text, findings, true)
}

fn parse(text: &str, findings: &mut Findings, comments: bool) -> Option<(Node, Vec<Comment>)> {
    if text.len() > MAX_TEXT {
        let message = format!("the flow is larger than {MAX_TEXT} bytes");
        findings.push(Finding::error("yaml", Position::START, message));
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: comments,
        max_buffered_comment_events: MAX_BUFFERED_COMMENTS,
    };
    let mut builder = Builder {
        text,
        findings: &mut *findings,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        weight: 0,
        root: None,
        comments: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                let marker = error.marker();
                let at = position(marker.line(), marker.col());
                Err(Finding::error("yaml", at, format!("this is not YAML: {}", error.info())))
            }
        };
        if let Err(finding) = step {
            builder.findings.push(finding);
            return None;
        }
    }
    let Builder { root, comments, .. } = builder;
    if root.is_none() {
        findings.push(Finding::error("yaml", Position::START, "the flow is empty".to_owned()));
    }
    Some((root?, comments))
}

fn position(line: usize, column: usize) -> Position {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: small(line).max(1), column: small(column).saturating_add(1) }
}

/// A list or map that is still open.
struct Open {
    at: Position,
    anchor: usize,
    /// What the tree weighed when it began.
    weight: usize,
    content: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: BTreeSet<String>, key: Option<(String, Position)> },
}

struct Builder<'t, 'f> {
    text: &'t str,
    findings: &'f mut Findings,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    weight: usize,
    root: Option<Node>,
    comments: Vec<Comment>,
}

impl<'t> Builder<'t, '_> {
    fn event(&mut self, event: Event<'t>, span: Span) -> Result<(), Finding> {
        let at = position(span.start.line(), span.start.col());
        if event.tag().is_some() {
            let finding = Finding::error("yaml", at, "tags have no meaning in a flow".to_owned());
            self.findings.push(finding.hint("leave the `!…` out"));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let raw = span.slice(self.text).unwrap_or_default().to_owned();
                let before = self.weight;
                self.grow(NODE_WEIGHT + text.len() + raw.len(), at)?;
                let scalar = Scalar { text: text.into_owned(), style, raw };
                self.add(Node { at, content: Content::Scalar(scalar) }, anchor, before, at)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, Collection::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let map = Collection::Map { entries: Vec::new(), keys: BTreeSet::new(), key: None };
                self.begin(at, anchor, map)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, weight)) = self.anchors.get(&anchor) else {
                    return Err(Finding::error("yaml", at, "this alias stands inside what it refers to".to_owned()));
                };
                // Weighed before it is copied, or the copy would be made that the limit is to prevent.
                let (weight, before) = (*weight, self.weight);
                let fits = self.weight.saturating_add(weight) <= MAX_WEIGHT;
                let copy = fits.then(|| node.clone());
                self.grow(weight, at)?;
                copy.map_or(Ok(()), |copy| self.add(copy, 0, before, at))
            }
            Event::Comment(text, placement) => {
                let own_line = placement != Placement::Right;
                self.grow(NODE_WEIGHT + text.len(), at)?;
                self.comments.push(Comment { at, text: text.into_owned(), own_line });
                Ok(())
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                let finding = Finding::error("yaml", at, "a flow is one YAML document".to_owned());
                Err(finding.hint("put each flow into a file of its own"))
            }
            _ => Ok(()),
        }
    }

    fn grow(&mut self, weight: usize, at: Position) -> Result<(), Finding> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let finding = Finding::error("yaml", at, "the flow grows too large".to_owned());
        Err(finding.hint("aliases count as often as they are used"))
    }

    fn begin(&mut self, at: Position, anchor: usize, content: Collection) -> Result<(), Finding> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Finding::error("yaml", at, format!("this nests deeper than {MAX_DEPTH} levels")));
        }
        let weight = self.weight;
        self.grow(NODE_WEIGHT, at)?;
        self.open.push(Open { at, anchor, weight, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Finding> {
        let Some(Open { at, anchor, weight, content }) = self.open.pop() else { return Ok(()) };
        let content = match content {
            Collection::List(items) => Content::List(items),
            Collection::Map { entries, .. } => Content::Map(entries),
        };
        self.add(Node { at, content }, anchor, weight, at)
    }

    /// Puts a finished node where it belongs: a key, a value, an item, or the root. `before` is the weight at its
    /// beginning.
    fn add(&mut self, node: Node, anchor: usize, before: usize, at: Position) -> Result<(), Finding> {
        if anchor != 0 {
            let weight = self.weight.saturating_sub(before);
            self.grow(weight, at)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Collection::List(items) => items.push(node),
            Collection::Map { entries, keys, key } => match key.take() {
                Some((name, key_at)) => {
                    if keys.insert(name.clone()) {
                        entries.push(Entry { key: name, at: key_at, value: node });
                    } else {
                        let message = format!("the key `{name}` stands here for the second time");
                        self.findings.push(Finding::error("duplicate-key", key_at, message));
                    }
                }
                None => match node.content {
                    Content::Scalar(scalar) => *key = Some((scalar.text, at)),
                    _ => return Err(Finding::error("yaml", at, "a key must be a scalar".to_owned())),
                },
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codes(text: &str) -> Vec<(&'static str, u32, u32)> {
        let mut findings = Findings::default();
        load(text, &mut findings);
        findings.into_sorted().iter().map(|finding| (finding.code, finding.line, finding.column)).collect()
    }

    #[test]
    fn places_are_those_of_the_file() {
        let mut findings = Findings::default();
        let root = load("a: 1\nbé:\n  - x\n  - {k: 'v'}\n", &mut findings).unwrap();
        assert!(!findings.failed(), "{findings:?}");
        let Content::Map(entries) = &root.content else { panic!() };
        assert_eq!((entries[1].key.as_str(), entries[1].at), ("bé", Position { line: 2, column: 1 }));
        let Content::List(items) = &entries[1].value.content else { panic!() };
        assert_eq!(items[0].at, Position { line: 3, column: 5 });
        let Content::Map(inner) = &items[1].content else { panic!() };
        assert_eq!(inner[0].value.at, Position { line: 4, column: 9 });
        let Content::Scalar(scalar) = &inner[0].value.content else { panic!() };
        assert_eq!((scalar.text.as_str(), scalar.raw.as_str()), ("v", "'v'"));
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(codes("a: 1\na: 2\n"), [("duplicate-key", 2, 1)]);
        assert_eq!(codes(""), [("yaml", 1, 1)]);
        assert_eq!(codes("---\na: 1\n---\nb: 2\n")[0].1, 3);
        assert_eq!(codes("a: !x 1\n").len(), 1);
        assert_eq!(codes("? [a]\n: 1\n").len(), 1);
        assert_eq!(codes("a: &x [*x]\n").len(), 1);
        assert_eq!(codes("a: [1\n").len(), 1);
        assert_eq!(codes(&"[".repeat(100)).len(), 1);
    }

    #[test]
    fn aliases_are_copies() {
        let mut findings = Findings::default();
        let root = load("a: &x {k: 1}\nb: *x\n", &mut findings).unwrap();
        let Content::Map(entries) = &root.content else { panic!() };
        assert_eq!(entries[0].value, entries[1].value);
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
        }
        let found = codes(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "yaml");
    }

    #[test]
    fn comments_have_their_places() {
        let text = "# first\na: 1 # one\nb:\n  # inner\n  - x\n";
        let (_, comments) = load_with_comments(text, &mut Findings::default()).unwrap();
        let found: Vec<_> = comments.iter().map(|c| (c.text.as_str(), c.at.line, c.own_line)).collect();
        assert_eq!(found, [(" first", 1, true), (" one", 2, false), (" inner", 4, true)]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,128}") {
            codes(&text);
        }

        #[test]
        fn no_text_of_yaml_signs_panics(words in prop::collection::vec(
            prop::sample::select(vec!["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "&x ", "*x", "'", "\"", "|", ">", "\\", "!t ", "#", "---\n", "? "]), 0..24,
        )) {
            codes(&words.concat());
        }
    }
}
