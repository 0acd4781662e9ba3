//! Reading a map by its table: each missing or unknown key is a finding, with the nearest known name.
//!
//! What can't be read is reported and then counts as absent: a flow with an error is never compiled, so a loader needs
//! no care for what follows from one.

use super::Loader;
use super::table::{Kind, Rest, Table};
use crate::finding::{Finding, Position};
use crate::yaml::{Content, Entry, Node, Scalar};
use greentic_types::{Value, nearest};

/// A map and the table it is read by.
#[derive(Clone, Copy)]
pub struct Fields<'y> {
    entries: &'y [Entry],
    pub at: Position,
    table: &'static Table,
}

/// The entry of that key, when the node is a map that has it.
pub fn entry<'y>(node: &'y Node, key: &str) -> Option<&'y Entry> {
    node.entries().iter().find(|entry| entry.key == key)
}

impl<'y> Fields<'y> {
    /// The value of that key or of an alias of it; a null one counts as absent.
    pub fn get(&self, key: &str) -> Option<&'y Node> {
        let found = |name: &str| {
            self.entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value).filter(|node| !node.is_null())
        };
        let known = self.table.key(key);
        debug_assert!(known.is_some(), "`{key}` in the table of {}", self.table.what);
        found(key).or_else(|| known?.aliases.iter().find_map(|alias| found(alias)))
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn entries(&self) -> impl Iterator<Item = &'y Entry> + use<'y> {
        self.entries.iter().filter(|entry| !entry.value.is_null())
    }

    /// What the table does not know, where it lets other keys pass.
    pub fn rest(&self) -> Vec<&'y Entry> {
        let known = |entry: &&Entry| self.table.key(&entry.key).is_none() && !entry.value.is_null();
        self.entries.iter().filter(known).collect()
    }
}

impl Loader<'_> {
    /// The map's fields. An unknown key is refused or, in an open table, passed on.
    pub fn fields<'y>(&mut self, node: &'y Node, table: &'static Table) -> Option<Fields<'y>> {
        let Content::Map(entries) = &node.content else {
            self.shape_error(node, &format!("{} is a map", table.what));
            return None;
        };
        for entry in entries {
            match table.key(&entry.key) {
                None => self.unknown_key(entry, table),
                Some(key) if key.name != entry.key && !entry.value.is_null() => {
                    if entries.iter().any(|other| other.key == key.name) {
                        let message =
                            format!("`{}` means the same as `{}`, which stands here too", entry.key, key.name);
                        self.error("duplicate-key", entry.at, message);
                    } else {
                        let message = format!("`{}` is read as `{}`", entry.key, key.name);
                        self.findings
                            .push(Finding::warning("alias", entry.at, message).hint(format!("write `{}`", key.name)));
                    }
                }
                Some(_) => {}
            }
        }
        let fields = Fields { entries, at: node.at, table };
        self.check_required(&fields);
        Some(fields)
    }

    /// The same for a map that may be absent altogether.
    pub fn fields_or_none<'y>(
        &mut self,
        node: Option<&'y Node>,
        at: Position,
        table: &'static Table,
    ) -> Option<Fields<'y>> {
        match node {
            Some(node) => self.fields(node, table),
            None => {
                let fields = Fields { entries: &[], at, table };
                self.check_required(&fields);
                Some(fields)
            }
        }
    }

    fn check_required(&mut self, fields: &Fields<'_>) {
        for key in fields.table.keys.iter().filter(|key| key.required && !fields.has(key.name)) {
            self.error("missing-key", fields.at, format!("{} needs the key `{}`", fields.table.what, key.name));
        }
    }

    fn unknown_key(&mut self, entry: &Entry, table: &'static Table) {
        // Extensions of other tools are nobody's typing error.
        if entry.key.starts_with("x-") || table.rest == Rest::Any {
            return;
        }
        let near = self.nearest(&entry.key, table.names());
        if table.rest == Rest::Data && near.is_none() {
            return;
        }
        let finding = Finding::error("unknown-key", entry.at, format!("{} has no key `{}`", table.what, entry.key));
        self.findings.push(match near {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if table.keys.is_empty() => finding.hint("it has none"),
            None => finding.hint(format!("known are {}", table.names().collect::<Vec<_>>().join(", "))),
        });
    }

    /// The nearest known name, for a hint. Only so many are looked for: each costs a walk over all names, and nobody
    /// reads a thousand of them.
    pub fn nearest<'n>(&mut self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        const MAX_NAME: usize = 64;
        if name.len() > MAX_NAME {
            return None;
        }
        self.hints_left = self.hints_left.checked_sub(1)?;
        nearest(name, known)
    }

    pub fn list<'y>(&mut self, node: &'y Node, what: &str) -> &'y [Node] {
        match &node.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => {
                self.shape_error(node, &format!("{what} is a list"));
                &[]
            }
        }
    }

    /// Items of a list that has at least one and at most so many.
    pub fn filled_list<'y>(&mut self, node: &'y Node, what: &str, max: usize) -> &'y [Node] {
        let items = self.list(node, what);
        if items.is_empty() && matches!(node.content, Content::List(_)) {
            self.error("shape", node.at, format!("{what} has at least one item"));
        }
        if items.len() > max {
            self.error("too-large", node.at, format!("{what} has at most {max} items"));
            return &[];
        }
        items
    }

    /// Text, as it stands: `42` and `true` are text too where text is wanted.
    pub fn scalar<'y>(&mut self, node: &'y Node, what: &str) -> Option<&'y Scalar> {
        match &node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => {
                self.shape_error(node, &format!("{what} is text"));
                None
            }
        }
    }

    pub fn text<'y>(&mut self, fields: &Fields<'y>, key: &str) -> Option<&'y str> {
        let node = fields.get(key)?;
        self.scalar(node, &format!("`{key}`")).map(|scalar| scalar.text.as_str())
    }

    pub fn flag(&mut self, fields: &Fields<'_>, key: &str) -> Option<bool> {
        let node = fields.get(key)?;
        match self.value_of_scalar(node) {
            Some(Value::Bool(flag)) => Some(flag),
            _ => {
                self.error("bad-value", node.at, format!("`{key}` is `true` or `false`"));
                None
            }
        }
    }

    /// One of the words that the table lists for the key.
    pub fn word<'y>(&mut self, fields: &Fields<'y>, key: &str) -> Option<&'y str> {
        let node = fields.get(key)?;
        let Some(Kind::OneOf(words)) = fields.table.key(key).map(|key| key.kind) else { return None };
        let word = self.scalar(node, &format!("`{key}`"))?.text.as_str();
        if words.contains(&word) {
            return Some(word);
        }
        let near = self.nearest(word, words.iter().copied());
        let hint =
            near.map_or_else(|| format!("known are {}", words.join(", ")), |near| format!("did you mean `{near}`?"));
        self.error_with_hint("bad-value", node.at, format!("`{key}` can't be `{}`", short(word)), hint);
        None
    }

    /// A whole number within the table's bounds.
    pub fn whole(&mut self, fields: &Fields<'_>, key: &str) -> Option<u32> {
        let node = fields.get(key)?;
        let Some(Kind::Whole(min, max)) = fields.table.key(key).map(|key| key.kind) else { return None };
        self.whole_of(node, &format!("`{key}`"), min, max)
    }

    pub fn whole_of(&mut self, node: &Node, what: &str, min: i64, max: i64) -> Option<u32> {
        match self.value_of_scalar(node) {
            Some(Value::Int(number)) if (min..=max).contains(&number) => u32::try_from(number).ok(),
            _ => {
                self.error("bad-value", node.at, format!("{what} is a whole number from {min} to {max}"));
                None
            }
        }
    }

    /// A number within the table's bounds.
    pub fn number(&mut self, fields: &Fields<'_>, key: &str) -> Option<f64> {
        let node = fields.get(key)?;
        let Some(Kind::Number(min, max)) = fields.table.key(key).map(|key| key.kind) else { return None };
        let number = match self.value_of_scalar(node) {
            Some(Value::Int(number)) => Some(number as f64),
            Some(Value::Float(number)) => Some(number),
            _ => None,
        };
        if number.is_none_or(|number| !(min..=max).contains(&number)) {
            self.error("bad-value", node.at, format!("`{key}` is a number from {min} to {max}"));
            return None;
        }
        number
    }

    fn value_of_scalar(&self, node: &Node) -> Option<Value> {
        match &node.content {
            Content::Scalar(scalar) => Some(scalar.value()),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    pub fn shape_error(&mut self, node: &Node, wanted: &str) {
        let message = format!("{wanted}, but {} stands here", node.kind());
        self.error("shape", node.at, message);
    }
}

/// The beginning of a text that comes from the flow, for a message.
pub fn short(text: &str) -> String {
    const MAX: usize = 80;
    let mut short: String = text.chars().take(MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
