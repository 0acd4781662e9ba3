//! Templates, expressions, shapes and patterns of a flow, parsed, with findings at the right column.

use super::Loader;
use crate::budget::{MAX_DATA_DEPTH, check_depth};
use crate::expr::{self, SyntaxError};
use crate::finding::Finding;
use crate::ir::{Program, append};
use crate::pattern;
use crate::template::{Template, template};
use crate::yaml::{Content, Node, Scalar};
use greentic_types::Value;
use minicbor::Encoder;
use minicbor::encode::Error;
use std::collections::BTreeMap;
use std::convert::Infallible;

impl Loader<'_> {
    fn syntax(&mut self, code: &'static str, node: &Node, scalar: &Scalar, error: SyntaxError) {
        let at = scalar.position(node.at, error.offset);
        self.findings.push(Finding::error(code, at, error.message).maybe_hint(error.hint));
    }

    fn reads(&mut self, root: &str) {
        self.uses_config |= root == "config";
    }

    pub fn template(&mut self, node: &Node, what: &str) -> Option<Program<'static>> {
        let scalar = self.scalar(node, what)?;
        self.template_of(node, scalar)
    }

    fn template_of(&mut self, node: &Node, scalar: &Scalar) -> Option<Program<'static>> {
        match template(&scalar.text) {
            Ok(Template { program, roots }) => {
                roots.iter().for_each(|root| self.reads(root));
                Some(program)
            }
            Err(error) => {
                self.syntax("bad-template", node, scalar, error);
                None
            }
        }
    }

    pub fn optional_template(&mut self, node: Option<&Node>, what: &str) -> Option<Program<'static>> {
        node.and_then(|node| self.template(node, what))
    }

    pub fn expression(&mut self, node: &Node) -> Option<Program<'static>> {
        let scalar = self.scalar(node, "an expression")?;
        match expr::expression(&scalar.text) {
            Ok(operations) => {
                expr::roots(&operations).for_each(|root| self.reads(&root));
                Some(expr::assemble(&operations))
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

    /// Data with templates in it, as a shape.
    pub fn shape(&mut self, node: &Node) -> Option<Program<'static>> {
        let mut program = Vec::new();
        self.write_shape(node, &mut program, 0).then(|| program.into())
    }

    /// Members of a map as one shape.
    pub fn shape_of<'y>(&mut self, members: impl Iterator<Item = (&'y str, &'y Node)>) -> Option<Program<'static>> {
        let members: Vec<_> = members.collect();
        let mut program = head(|e| e.map(members.len() as u64)?.ok());
        let mut good = true;
        for (key, node) in members {
            append(&mut program, &key);
            good &= self.write_shape(node, &mut program, 1);
        }
        good.then(|| program.into())
    }

    /// Goes on after an error, to find the next one too. False when there was one.
    fn write_shape(&mut self, node: &Node, out: &mut Vec<u8>, depth: usize) -> bool {
        if depth >= MAX_DATA_DEPTH {
            self.error("bad-value", node.at, format!("data nests at most {MAX_DATA_DEPTH} levels deep"));
            return false;
        }
        match &node.content {
            Content::Scalar(scalar) => match scalar.value() {
                Value::Text(text) if text.contains("{{") => {
                    let Some(program) = self.template_of(node, scalar) else { return false };
                    append(out, &program);
                    true
                }
                value => {
                    append(out, &value);
                    true
                }
            },
            Content::List(items) => {
                out.extend(head(|e| e.array(items.len() as u64)?.ok()));
                {
                    // Every item is looked at, whatever is wrong with the one before: all findings at once.
                    let wrong = items.iter().filter(|item| !self.write_shape(item, out, depth + 1)).count();
                    wrong == 0
                }
            }
            Content::Map(entries) => {
                out.extend(head(|e| e.map(entries.len() as u64)?.ok()));
                entries.iter().fold(true, |good, entry| {
                    append(out, &entry.key);
                    self.write_shape(&entry.value, out, depth + 1) && good
                })
            }
        }
    }

    /// Data as it stands, with no templates.
    pub fn literal(&mut self, node: &Node) -> Value {
        let value = literal(node);
        if check_depth(&value).is_err() {
            self.error("bad-value", node.at, format!("data nests at most {MAX_DATA_DEPTH} levels deep"));
            return Value::Null;
        }
        value
    }

    pub fn flag(&mut self, node: Option<&Node>, what: &str) -> bool {
        let Some(node) = node else { return false };
        match literal(node) {
            Value::Bool(flag) => flag,
            _ => {
                self.error("bad-value", node.at, format!("{what} is `true` or `false`"));
                false
            }
        }
    }

    pub fn milliseconds(&mut self, node: Option<&Node>, what: &str) -> Option<u64> {
        let node = node?;
        match literal(node) {
            Value::Int(number) if number > 0 => u64::try_from(number).ok(),
            _ => {
                self.error("bad-value", node.at, format!("{what} is a number of milliseconds above 0"));
                None
            }
        }
    }
}

/// The first bytes of a list or map.
fn head(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = write(&mut encoder);
    debug_assert!(written.is_ok(), "writing to a Vec can't fail");
    encoder.into_writer()
}

/// Recursion is bounded by the depth of the tree, see `yaml::load`.
fn literal(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) => scalar.value(),
        Content::List(items) => Value::List(items.iter().map(literal).collect()),
        Content::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.clone(), literal(&entry.value)));
            Value::Map(entries.collect::<BTreeMap<_, _>>())
        }
    }
}
