//! A place in a test file, for messages that say where something is wrong.

use greentic_types::nearest;
use serde_json::{Map, Value as Json};

/// What is wrong with a test file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value and the way to it, as in `steps[2].expect[1]`: list items count from 1, as people do.
pub struct Part<'j> {
    way: String,
    pub value: &'j Json,
}

impl<'j> Part<'j> {
    pub fn root(value: &'j Json) -> Part<'j> {
        Part { way: String::new(), value }
    }

    pub fn problem(&self, message: &str) -> Problem {
        Problem(if self.way.is_empty() { message.to_owned() } else { format!("{}: {message}", self.way) })
    }

    /// Refuses any other key.
    pub fn keys(&self, known: &[&str]) -> Result<(), Problem> {
        match self.map()?.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let near = nearest(key, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
                Err(self.problem(&format!("unknown key `{key}`{}", near.unwrap_or_default())))
            }
        }
    }

    pub fn map(&self) -> Result<&'j Map<String, Json>, Problem> {
        self.value.as_object().ok_or_else(|| self.problem("a map belongs here"))
    }

    /// A key that is there and not null.
    pub fn get(&self, key: &str) -> Option<Part<'j>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.inner(key, value))
    }

    pub fn required(&self, key: &str) -> Result<Part<'j>, Problem> {
        self.get(key).ok_or_else(|| self.problem(&format!("the key `{key}` is missing")))
    }

    /// Null members too: null can be what is meant.
    pub fn entries(&self) -> Result<impl Iterator<Item = (&'j str, Part<'j>)>, Problem> {
        Ok(self.map()?.iter().map(|(key, value)| (key.as_str(), self.inner(key, value))))
    }

    pub fn items(&self) -> Result<impl Iterator<Item = Part<'j>>, Problem> {
        let items = self.value.as_array().ok_or_else(|| self.problem("a list belongs here"))?;
        Ok((1..).zip(items).map(|(number, value): (usize, _)| Part { way: format!("{}[{number}]", self.way), value }))
    }

    pub fn text(&self) -> Result<&'j str, Problem> {
        self.value.as_str().ok_or_else(|| self.problem("text belongs here; put a number in quotes"))
    }

    fn inner(&self, key: &str, value: &'j Json) -> Part<'j> {
        let dot = if self.way.is_empty() { "" } else { "." };
        Part { way: format!("{}{dot}{key}", self.way), value }
    }
}
