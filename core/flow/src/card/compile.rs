//! From a card's JSON to its program.

use super::{BOUND, MAX_DEPTH};
use crate::expr::SyntaxError;
use crate::ir::{Program, append};
use crate::template::{Template, template};
use minicbor::Encoder;
use minicbor::encode::Error;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use std::convert::Infallible;

#[derive(Debug, Clone, PartialEq)]
pub struct CompiledCard {
    pub program: Program<'static>,
    /// First segments of the paths it reads.
    pub roots: BTreeSet<String>,
    /// Keys of the translated texts it shows.
    pub texts: BTreeSet<String>,
}

/// On failure, a JSON pointer to the text that is wrong, and what is wrong with it.
pub fn compile(card: &Json) -> Result<CompiledCard, (String, SyntaxError)> {
    let mut compiler = Compiler { roots: BTreeSet::new(), texts: BTreeSet::new(), path: Vec::new(), depth: 0 };
    let mut program = Vec::new();
    match compiler.value(card, &mut program) {
        Ok(()) => Ok(CompiledCard { program: program.into(), roots: compiler.roots, texts: compiler.texts }),
        Err(error) => Err((pointer(&compiler.path), error)),
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

struct Compiler {
    roots: BTreeSet<String>,
    texts: BTreeSet<String>,
    /// Names on the way to the value at hand. Left as it is by a failure, to tell the place.
    path: Vec<String>,
    /// As `render` counts it: an object that is bound is a level of its own.
    depth: usize,
}

impl Compiler {
    fn value(&mut self, value: &Json, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(SyntaxError::new(0, format!("a card nests at most {MAX_DEPTH} levels deep")));
        }
        match value {
            Json::String(text) if text.contains("{{") || text.contains("${") => {
                let program = self.template(text)?;
                append(out, &program);
            }
            Json::Object(members) if members.contains_key("$data") || members.contains_key("$when") => {
                self.bound(members, out)?;
            }
            Json::Object(members) => self.members(members, out)?,
            Json::Array(items) => {
                write(out, |e| e.array(items.len() as u64)?.ok());
                for (index, item) in items.iter().enumerate() {
                    self.inside(&index.to_string(), item, out)?;
                }
            }
            plain => append(out, &greentic_types::Value::from_json(plain)),
        }
        Ok(())
    }

    fn inside(&mut self, name: &str, value: &Json, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        self.path.push(name.to_owned());
        self.depth += 1;
        self.value(value, out)?;
        self.depth -= 1;
        self.path.pop();
        Ok(())
    }

    /// Without the members that bind it.
    fn members(&mut self, members: &Map<String, Json>, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let shown = || members.iter().filter(|(name, _)| *name != "$data" && *name != "$when");
        write(out, |e| e.map(shown().count() as u64)?.ok());
        for (name, value) in shown() {
            append(out, &name.as_str());
            self.inside(name, value, out)?;
        }
        Ok(())
    }

    fn bound(&mut self, members: &Map<String, Json>, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        write(out, |e| e.tag(BOUND)?.array(3)?.ok());
        for name in ["$data", "$when"] {
            match members.get(name) {
                None => write(out, |e| e.null()?.ok()),
                // Data that stands in the card is used as it is.
                Some(Json::String(text)) => {
                    self.path.push(name.to_owned());
                    let program = self.template(text)?;
                    self.path.pop();
                    append(out, &program);
                }
                Some(value) => append(out, &greentic_types::Value::from_json(value)),
            }
        }
        let mut body = Vec::new();
        self.depth += 1;
        self.members(members, &mut body)?;
        self.depth -= 1;
        append(out, &Program::from(body));
        Ok(())
    }

    fn template(&mut self, text: &str) -> Result<Program<'static>, SyntaxError> {
        let written = with_braces(text)?;
        // What was written anew has other offsets than the card.
        let place = |error: SyntaxError| if written == text { error } else { SyntaxError { offset: 0, ..error } };
        let Template { program, roots, texts } = template(&written).map_err(place)?;
        self.roots.extend(roots);
        self.texts.extend(texts);
        Ok(program)
    }
}

/// `${path}` written as `{{path}}`, with the names that Adaptive Card templating has for what is around it.
fn with_braces(text: &str) -> Result<String, SyntaxError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let offset = text.len() - behind.len();
        let Some((inner, after)) = behind.split_once('}') else {
            return Err(SyntaxError::new(offset - 2, "`${` is not closed by `}`".to_owned()));
        };
        out.push_str(before);
        let inner = inner.trim();
        let named = [("$root.", "@root."), ("$data.", "this."), ("$index", "@index"), ("$data", "this")];
        let path = named.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", inner.strip_prefix(theirs)?)));
        let path = path.unwrap_or_else(|| inner.to_owned());
        if path.contains('(') && !path.starts_with('(') {
            let error = SyntaxError::new(offset, "functions of Adaptive Expressions are not known here".to_owned());
            return Err(error.hint("use a path as in `${order.total}`, or `{{helper argument}}`"));
        }
        // In parentheses, a comparison is a value too.
        let is_path = path.chars().all(|c| c.is_alphanumeric() || "@._-[]'\"/".contains(c));
        out.push_str(&if is_path || path.starts_with('(') {
            format!("{{{{{path}}}}}")
        } else {
            format!("{{{{({path})}}}}")
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn write(out: &mut Vec<u8>, what: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Error<Infallible>>) {
    let written = what(&mut Encoder::new(out));
    debug_assert!(written.is_ok(), "writing to a Vec can't fail");
}
