//! Writes a tree as YAML in one canonical way: blocks, two spaces, text in quotes only where it needs them, comments
//! before or beside what they stood at. What is read back is the same tree.

use super::{Comment, Content, Entry, Node};
use crate::finding::Position;
use greentic_types::Value;
use std::collections::BTreeMap;

/// The document. `comments` are those of the file that the tree came from; none is left out.
pub fn write(root: &Node, comments: &[Comment]) -> String {
    let mut writer = Writer { out: String::new(), notes: Notes::of(root, comments) };
    match &root.content {
        Content::Map(entries) if !entries.is_empty() => writer.map(entries, 0, false),
        Content::List(items) if !items.is_empty() => writer.list(items, 0),
        _ => {
            writer.inline(root);
            writer.out.push('\n');
        }
    }
    let rest = std::mem::take(&mut writer.notes.last);
    writer.lines(&rest, 0);
    writer.out
}

/// Comments, by what they stand at.
#[derive(Default)]
struct Notes {
    above: BTreeMap<Position, Vec<String>>,
    beside: BTreeMap<Position, String>,
    /// Behind everything.
    last: Vec<String>,
}

impl Notes {
    fn of(root: &Node, comments: &[Comment]) -> Notes {
        let mut notes = Notes::default();
        if comments.is_empty() {
            return notes;
        }
        let mut places = Vec::new();
        collect(root, &mut places);
        places.retain(|place| *place != Position::NOWHERE);
        places.sort();
        for comment in comments {
            let next = places.partition_point(|place| *place < comment.at);
            let before = next.checked_sub(1).and_then(|before| places.get(before));
            let beside = before.filter(|place| {
                !comment.own_line && place.line == comment.at.line && !notes.beside.contains_key(*place)
            });
            match (beside, places.get(next)) {
                (Some(place), _) => {
                    notes.beside.insert(*place, comment.text.clone());
                }
                (None, Some(place)) => notes.above.entry(*place).or_default().push(comment.text.clone()),
                (None, None) => notes.last.push(comment.text.clone()),
            }
        }
        notes
    }
}

/// Places at which a line of the output will begin. Recursion is bounded by the depth of the tree, see `load`.
fn collect(node: &Node, places: &mut Vec<Position>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(items) => {
            for item in items {
                places.push(item.at);
                collect(item, places);
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                places.push(entry.at);
                collect(&entry.value, places);
            }
        }
    }
}

struct Writer {
    out: String,
    notes: Notes,
}

impl Writer {
    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n("  ", depth));
    }

    fn lines(&mut self, comments: &[String], depth: usize) {
        for comment in comments {
            self.indent(depth);
            self.out.push('#');
            self.out.push_str(comment.trim_end());
            self.out.push('\n');
        }
    }

    /// What stands above the line that begins now. Each comment is written once: an alias's copy has the same place.
    fn above(&mut self, at: Position, depth: usize) {
        if let Some(comments) = self.notes.above.remove(&at) {
            self.lines(&comments, depth);
        }
    }

    fn end_of_line(&mut self, at: Position) {
        if let Some(comment) = self.notes.beside.remove(&at) {
            self.out.push_str(" #");
            self.out.push_str(comment.trim_end());
        }
        self.out.push('\n');
    }

    /// `open` when the first entry goes on in a line that is begun, behind `- `.
    fn map(&mut self, entries: &[Entry], depth: usize, mut open: bool) {
        for entry in entries {
            if !std::mem::take(&mut open) {
                self.above(entry.at, depth);
                self.indent(depth);
            }
            self.out.push_str(&scalar_text(&entry.key));
            self.out.push(':');
            match &entry.value.content {
                Content::Map(inner) if !inner.is_empty() => {
                    self.end_of_line(entry.at);
                    self.map(inner, depth + 1, false);
                }
                Content::List(items) if !items.is_empty() => {
                    self.end_of_line(entry.at);
                    self.list(items, depth + 1);
                }
                _ => {
                    self.out.push(' ');
                    self.value(&entry.value, entry.at, depth + 1);
                }
            }
        }
    }

    fn list(&mut self, items: &[Node], depth: usize) {
        for item in items {
            self.above(item.at, depth);
            match &item.content {
                Content::Map(entries) if !entries.is_empty() => {
                    // What stands above the first entry can't stand inside its line.
                    if let Some(first) = entries.first() {
                        self.above(first.at, depth);
                    }
                    self.indent(depth);
                    self.out.push_str("- ");
                    self.map(entries, depth + 1, true);
                }
                Content::List(inner) if !inner.is_empty() => {
                    self.indent(depth);
                    self.out.push('-');
                    self.end_of_line(item.at);
                    self.list(inner, depth + 1);
                }
                _ => {
                    self.indent(depth);
                    self.out.push_str("- ");
                    self.value(item, item.at, depth + 1);
                }
            }
        }
    }

    /// A value that ends its line. A text of several lines is a block, its comment behind the `|`.
    fn value(&mut self, node: &Node, at: Position, depth: usize) {
        let text = match &node.content {
            Content::Scalar(scalar) => scalar.value(),
            Content::List(_) | Content::Map(_) => Value::Null,
        };
        let Value::Text(text) = text else {
            self.inline(node);
            return self.end_of_line(at);
        };
        let Some(body) = text.strip_suffix('\n').or(Some(text.as_str())).filter(|body| is_block(body)) else {
            self.out.push_str(&scalar_text(&text));
            return self.end_of_line(at);
        };
        self.out.push_str(if body.len() == text.len() { "|-" } else { "|" });
        self.end_of_line(at);
        for line in body.split('\n') {
            if !line.is_empty() {
                self.indent(depth);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
    }

    fn inline(&mut self, node: &Node) {
        match &node.content {
            Content::Map(_) => self.out.push_str("{}"),
            Content::List(_) => self.out.push_str("[]"),
            Content::Scalar(scalar) => match scalar.value() {
                Value::Null => self.out.push_str("null"),
                Value::Text(text) => self.out.push_str(&scalar_text(&text)),
                // As it is written: `1.50` stays so.
                _ => self.out.push_str(scalar.text.trim()),
            },
        }
    }
}

/// Whether text can stand as a literal block: several lines, the first of which shows the indentation.
fn is_block(body: &str) -> bool {
    let plain = |c: char| c == '\n' || (!c.is_control() && !is_break(c));
    body.contains('\n')
        && body.chars().all(plain)
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
}

/// Characters that some readers take for the end of a line, or drop.
fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Text as a plain scalar where it reads back as the same text, else in double quotes.
fn scalar_text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    // No key is longer than this, or the parser would not take it for one.
    const MAX: usize = 500;
    (first.is_alphanumeric() || matches!(first, '_' | '/' | '^' | '$' | '('))
        && text.len() <= MAX
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|c| c.is_control() || is_break(c))
        && matches!(super::Scalar::plain(text).value(), Value::Text(_))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_break(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Findings;
    use crate::yaml::load_with_comments;
    use proptest::prelude::*;

    fn again(text: &str) -> String {
        let (root, comments) = load_with_comments(text, &mut Findings::default()).unwrap();
        write(&root, &comments)
    }

    #[test]
    fn canonical() {
        let text = "# top\na: {b: [1, 'x: y', \"z\"], c: {}} # side\n\n# list\nl:\n- - 1\n- k: |\n    one\n\n    two\n  # at m\n  m: null\n# end\n";
        let expected = "# top\na:\n  b:\n    - 1\n    - \"x: y\"\n    - z\n  c: {} # side\n# list\nl:\n  -\n    - 1\n  - k: |\n      one\n\n      two\n    # at m\n    m: null\n# end\n";
        assert_eq!(again(text), expected);
        assert_eq!(again(expected), expected);
    }

    #[test]
    fn text_that_needs_quotes() {
        for text in
            ["", " a", "a ", "true", "12", "~", "- a", "a: b", "a #b", "{{x}}", "é\u{85}", "a:", "0x1F", "@x", "*y"]
        {
            let node = Node::map(vec![Entry::new("k", Node::text(text))]);
            let written = write(&node, &[]);
            let back = load_with_comments(&written, &mut Findings::default()).unwrap().0;
            assert_eq!(back.get("k").and_then(Node::as_text), Some(text), "{written}");
        }
        assert_eq!(scalar_text("^hi( there)?$"), "^hi( there)?$");
    }

    fn node() -> impl Strategy<Value = Node> {
        let text = prop_oneof!["[a-z:#{}\\[\\]&*!|>'\"%@` \n\t-]{0,12}", "\\PC{0,8}", "[ \na]{0,6}"];
        let leaf = text.prop_map(Node::text);
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Node::list),
                prop::collection::btree_map("[a-z: #\n-]{0,5}", inner, 0..4)
                    .prop_map(|map| Node::map(map.iter().map(|(key, node)| Entry::new(key, node.clone())).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(node in node()) {
            let text = write(&node, &[]);
            let mut findings = Findings::default();
            let back = load_with_comments(&text, &mut findings);
            prop_assert!(back.is_some(), "{text}\n{findings:?}");
            prop_assert_eq!(back.unwrap().0.literal(), node.literal(), "{}", text);
        }
    }
}
