//! Templates, expressions, shapes, scripts and patterns of a flow, parsed, with findings at the right column.

use super::Loader;
use super::fields::{Fields, short};
use super::loader::is_name;
use crate::budget::{MAX_DATA_DEPTH, check_depth};
use crate::expr::{self, SyntaxError};
use crate::finding::{Finding, Position};
use crate::ir::{Program, Text, append};
use crate::pattern;
use crate::script;
use crate::template::{Template, template_with};
use crate::yaml::{Content, Node, Scalar};
use greentic_types::Value;
use minicbor::Encoder;
use minicbor::encode::Error;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Text that stands for a translated one.
const TRANSLATED: &str = "i18n:";

/// Text that stands for a secret.
pub const SECRET: &str = "secret://";

/// Whose members bare names of a template are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// The flow's.
    Flow,
    /// Data that is handed to the template, and then the flow's.
    Given,
}

/// Whether a text that is a path and nothing else is read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarePaths {
    Text,
    Path,
}

impl Loader<'_> {
    fn syntax(&mut self, code: &'static str, node: &Node, scalar: &Scalar, error: SyntaxError) {
        let at = scalar.position(node.at, error.offset);
        self.findings.push(Finding::error(code, at, error.message).maybe_hint(error.hint));
    }

    pub fn template(&mut self, node: &Node, what: &str) -> Option<Program<'static>> {
        let scalar = self.scalar(node, what)?;
        self.template_of(node, scalar)
    }

    /// Loads something whose bare names are those of data that is handed to it.
    pub fn given_names<T>(&mut self, load: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.names, Names::Given);
        let loaded = load(self);
        self.names = before;
        loaded
    }

    /// The template under that key.
    pub fn template_at(&mut self, fields: &Fields<'_>, key: &str) -> Option<Program<'static>> {
        fields.get(key).and_then(|node| self.template(node, &format!("`{key}`")))
    }

    fn template_of(&mut self, node: &Node, scalar: &Scalar) -> Option<Program<'static>> {
        if scalar.text.contains(SECRET) {
            let hint = "secrets stand in the headers of an `http` node and in `api_key` of an `llm` node";
            self.error_with_hint("bad-value", node.at, "a secret can't stand here: it would be said or stored", hint);
            return None;
        }
        let translated = translated_key(&scalar.text).map(|key| format!("{{{{t \"{key}\"}}}}"));
        self.reads.template(node, scalar, self.names == Names::Flow);
        match self.parse_template(translated.as_deref().unwrap_or(&scalar.text), node.at) {
            Ok(program) => Some(program),
            Err(error) => {
                self.syntax("bad-template", node, scalar, error);
                None
            }
        }
    }

    /// A template that is no text of the flow's file: of an asset, or made.
    pub fn parse_template(&mut self, text: &str, at: Position) -> Result<Program<'static>, SyntaxError> {
        let missing = Cell::new(false);
        let assets = self.context.assets;
        let partial = |name: &str| match assets {
            Some(assets) => asset_text(assets, &partial_names(name)),
            None => {
                missing.set(true);
                Some(String::new())
            }
        };
        let Template { program, roots, texts } = template_with(text, &partial)?;
        self.uses_config |= roots.contains("config");
        self.texts.extend(texts);
        if missing.get() {
            self.warning("unverified", at, "without the pack, the partials of this template are left out");
        }
        Ok(program)
    }

    pub fn expression(&mut self, node: &Node) -> Option<Program<'static>> {
        self.expression_reading(node, "").map(|(program, _)| program)
    }

    /// The same, and whether it reads that root.
    pub fn expression_reading(&mut self, node: &Node, root: &str) -> Option<(Program<'static>, bool)> {
        let scalar = self.scalar(node, "an expression")?;
        match expr::expression(&scalar.text) {
            Ok(operations) => {
                let roots: Vec<String> = expr::roots(&operations).collect();
                self.uses_config |= roots.iter().any(|root| root == "config");
                self.reads.expression(node, scalar, self.names == Names::Flow);
                Some((expr::assemble(&operations), roots.iter().any(|read| read == root)))
            }
            Err(error) => {
                self.syntax("bad-expression", node, scalar, error);
                None
            }
        }
    }

    pub fn pattern(&mut self, node: &Node) -> Option<Program<'static>> {
        let scalar = self.scalar(node, "a pattern")?;
        pattern::pattern(&scalar.text).map_err(|error| self.syntax("bad-pattern", node, scalar, error)).ok()
    }

    /// A pattern that somebody else searches with: only whether it is one is checked.
    pub fn check_pattern(&mut self, node: &Node) {
        let Some(scalar) = self.scalar(node, "a pattern") else { return };
        if let Err(error) = regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(&scalar.text) {
            let (offset, message) = match &error {
                regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
                regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
                other => (0, other.to_string()),
            };
            self.syntax("bad-pattern", node, scalar, SyntaxError::new(offset, message));
        }
    }

    /// A script, checked and kept as text.
    pub fn script(&mut self, node: &Node) -> Option<Text<'static>> {
        let scalar = self.scalar(node, "a script")?;
        self.reads.text(&scalar.text);
        self.uses_config |= self.reads.mentions("config");
        match script::check(&scalar.text) {
            Ok(()) => Some(Text(Cow::Owned(scalar.text.clone()))),
            Err(error) => {
                let offset = offset_of(&scalar.text, error.line, error.column);
                let at = scalar.position(node.at, offset);
                self.findings.push(Finding::error("bad-script", at, error.message));
                None
            }
        }
    }

    /// The same for a script that is an asset. An error names its place in the file.
    pub fn script_text(&mut self, text: &str, name: &str, at: Position) -> Option<Text<'static>> {
        self.reads.text(text);
        self.uses_config |= self.reads.mentions("config");
        match script::check(text) {
            Ok(()) => Some(Text(Cow::Owned(text.to_owned()))),
            Err(error) => {
                self.error("bad-script", at, format!("{name}:{}:{}: {}", error.line, error.column, error.message));
                None
            }
        }
    }

    /// Data with templates in it, as a shape.
    pub fn shape(&mut self, node: &Node) -> Option<Program<'static>> {
        self.shape_with(node, BarePaths::Text)
    }

    pub fn shape_with(&mut self, node: &Node, paths: BarePaths) -> Option<Program<'static>> {
        let mut program = Vec::new();
        self.write_shape(node, &mut program, 0, paths).then(|| program.into())
    }

    pub fn shape_at(&mut self, fields: &Fields<'_>, key: &str) -> Option<Program<'static>> {
        fields.get(key).and_then(|node| self.shape(node))
    }

    /// A shape that has to be a map.
    pub fn map_at(&mut self, fields: &Fields<'_>, key: &str) -> Option<Program<'static>> {
        let node = fields.get(key)?;
        if !matches!(node.content, Content::Map(_)) {
            self.shape_error(node, &format!("`{key}` is a map"));
            return None;
        }
        self.shape(node)
    }

    /// Members of a map as one shape.
    pub fn shape_of<'y>(
        &mut self,
        members: impl Iterator<Item = (&'y str, &'y Node)>,
        paths: BarePaths,
    ) -> Option<Program<'static>> {
        let mut members: Vec<_> = members.collect();
        members.sort_by_key(|(key, _)| *key);
        let mut program = head(|e| e.map(members.len() as u64)?.ok());
        let mut good = true;
        for (key, node) in members {
            append(&mut program, &key);
            good &= self.write_shape(node, &mut program, 1, paths);
        }
        good.then(|| program.into())
    }

    /// Goes on after an error, to find the next one too. False when there was one.
    fn write_shape(&mut self, node: &Node, out: &mut Vec<u8>, depth: usize, paths: BarePaths) -> bool {
        if depth >= MAX_DATA_DEPTH {
            self.error("bad-value", node.at, format!("data nests at most {MAX_DATA_DEPTH} levels deep"));
            return false;
        }
        match &node.content {
            Content::Scalar(scalar) => self.write_scalar(node, scalar, out, paths),
            Content::List(items) => {
                out.extend(head(|e| e.array(items.len() as u64)?.ok()));
                // Every item is looked at, whatever is wrong with the one before: all findings at once.
                let mut good = true;
                for item in items {
                    good &= self.write_shape(item, out, depth + 1, paths);
                }
                good
            }
            Content::Map(entries) => {
                out.extend(head(|e| e.map(entries.len() as u64)?.ok()));
                // By key, so that the order in the text, which means nothing, makes no other record.
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by_key(|entry| entry.key.as_str());
                sorted.into_iter().fold(true, |good, entry| {
                    append(out, &entry.key);
                    self.write_shape(&entry.value, out, depth + 1, paths) && good
                })
            }
        }
    }

    fn write_scalar(&mut self, node: &Node, scalar: &Scalar, out: &mut Vec<u8>, paths: BarePaths) -> bool {
        let program = match scalar.value() {
            Value::Text(text) if paths == BarePaths::Path && self.is_bare_path(&text) => {
                let message = format!("`{}` is read as a path", short(&text));
                let hint = format!("write \"{{{{{text}}}}}\"");
                self.findings.push(Finding::warning("bare-path", node.at, message).hint(hint));
                self.reads.expression(node, scalar, true);
                self.parse_template(&format!("{{{{{text}}}}}"), node.at).ok()
            }
            Value::Text(text) if is_template(&text) => {
                let Some(program) = self.template_of(node, scalar) else { return false };
                Some(program)
            }
            _ => None,
        };
        match program {
            Some(program) => append(out, &program),
            None => append(out, &scalar.value()),
        }
        true
    }

    /// `in.question`, as flows of the first version write data: a path from a root or from a node.
    pub fn is_bare_path(&self, text: &str) -> bool {
        let Some((root, _)) = text.split_once('.') else { return false };
        let known = matches!(root, "in" | "entry" | "input" | "parameters" | "state" | "prev" | "node" | "flow");
        text.len() <= 256 && text.split('.').all(is_name) && (known || self.index(root).is_some())
    }

    /// Text that is known at build: as it stands, or the parameter that a bare path names.
    pub fn constant(&mut self, node: &Node, what: &str) -> Option<Node> {
        let scalar = self.scalar(node, what)?;
        let parameter = scalar.text.strip_prefix("parameters.").and_then(|name| self.parameters.get(name));
        let Some(Value::Text(text)) = parameter else { return Some(node.clone()) };
        let message = format!("`{}` is read as the parameter's value", short(&scalar.text));
        let finding = Finding::warning("bare-path", node.at, message);
        self.findings.push(finding.hint(format!("write `{}`", short(text))));
        Some(Node { at: node.at, content: Content::Scalar(Scalar::quoted(text.clone())) })
    }

    /// Data as it stands, with no templates.
    pub fn literal(&mut self, node: &Node) -> Value {
        let value = node.literal();
        if check_depth(&value).is_err() {
            self.error("bad-value", node.at, format!("data nests at most {MAX_DATA_DEPTH} levels deep"));
            return Value::Null;
        }
        value
    }

    pub fn literal_map(&mut self, node: &Node, what: &str) -> BTreeMap<String, Value> {
        match self.literal(node) {
            Value::Map(map) => map,
            _ => {
                self.shape_error(node, &format!("{what} is a map"));
                BTreeMap::new()
            }
        }
    }

    /// An asset's text, under the first of the names that there is. A finding when there is none, or when it can't be
    /// known; then the text is empty.
    pub fn asset(&mut self, node: &Node, names: &[String]) -> Option<String> {
        let wanted = names.first().map(String::as_str).unwrap_or_default();
        let Some(assets) = self.context.assets else {
            self.warning("unverified", node.at, format!("without the pack, `{}` can't be read", short(wanted)));
            return None;
        };
        let found = asset_text(assets, names);
        if found.is_none() {
            let near = self.nearest(wanted, assets.keys().copied());
            let message = format!("the pack has no text asset `{}`", short(wanted));
            let finding = Finding::error("missing-asset", node.at, message);
            self.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
        }
        found
    }
}

fn asset_text(assets: &BTreeMap<&str, &[u8]>, names: &[String]) -> Option<String> {
    let bytes = names.iter().find_map(|name| assets.get(name.as_str()))?;
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// A partial is named by its file with or without folder and ending.
fn partial_names(name: &str) -> Vec<String> {
    [name.to_owned(), format!("{name}.hbs"), format!("partials/{name}"), format!("partials/{name}.hbs")].into()
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains(SECRET) || translated_key(text).is_some()
}

/// `welcome.title` of `i18n:welcome.title`.
fn translated_key(text: &str) -> Option<&str> {
    let key = text.trim().strip_prefix(TRANSLATED)?;
    let good = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
    (good && !key.is_empty()).then_some(key)
}

/// The byte at a line and a column, both from 1, columns in characters.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take_while(|c| *c != '\n').take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

/// The first bytes of a list or map.
fn head(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = write(&mut encoder);
    debug_assert!(written.is_ok(), "writing to a Vec can't fail");
    encoder.into_writer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_translated_texts() {
        assert_eq!(translated_key("i18n:flow.title"), Some("flow.title"));
        assert_eq!(translated_key("i18n: flow"), None);
        assert_eq!(translated_key("see i18n:flow"), None);
    }

    #[test]
    fn offsets_of_places() {
        assert_eq!(offset_of("é\nabc", 2, 2), 4);
        assert_eq!(offset_of("éa", 1, 2), 2);
        assert_eq!(offset_of("a\nb", 9, 9), 3);
    }
}
