//! `pack.toml`, the source of a pack (spec/pack.md, "Source").
//!
//! Rule: every key is either obeyed or refused. An unknown one is refused with its line and the nearest known key,
//! because a misspelt option that is quietly dropped is the costliest kind. What the values may be (names, paths,
//! capability) is checked where a pack is opened, and [`crate::build`] opens what it made.

use greentic_types::{Value, nearest};
use semver::{Version, VersionReq};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("pack.toml line {line}: unknown key `{key}`{}", hint(.nearest))]
    UnknownKey { key: String, line: usize, nearest: Option<&'static str> },
    #[error("pack.toml line {line}: {message}")]
    Invalid { line: usize, message: String },
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|key| format!(", did you mean `{key}`?")).unwrap_or_default()
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackToml {
    pub pack: PackSection,
    pub capabilities: Capabilities,
    #[serde(default)]
    pub dependencies: BTreeMap<String, VersionReq>,
    /// Key to path, as in the two tables that follow.
    #[serde(default)]
    pub flows: BTreeMap<String, String>,
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// A path may be a directory here: its files have the keys `key/rest/of/the/path`.
    #[serde(default)]
    pub assets: BTreeMap<String, String>,
    #[serde(default)]
    pub secrets: Secrets,
    /// Defaults under the bundle's `config`. Always a map.
    #[serde(default = "no_config", deserialize_with = "config")]
    pub config: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackSection {
    pub name: String,
    pub version: Version,
    pub description: Option<String>,
    #[serde(default)]
    pub authors: Vec<String>,
    pub license: Option<String>,
    pub repository: Option<String>,
    pub homepage: Option<String>,
    /// Path of a text for people. It travels in the pack only when it is also among the assets.
    pub readme: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// What the pack is for: `greentic.cap.app.v1`, `greentic.cap.messaging.provider.v1`, …
    pub id: String,
    #[serde(default)]
    pub provides: Vec<String>,
    /// What the pack's flows ask to reach over HTTP. Asking gives nothing: the bundle grants.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// Names of secrets, never values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    #[serde(default)]
    pub required: Vec<String>,
    #[serde(default)]
    pub optional: Vec<String>,
}

const SECTIONS: &[&str] =
    &["pack", "capabilities", "dependencies", "flows", "components", "assets", "secrets", "config"];

/// Keys of the tables whose keys are ours; the keys of the others are the author's.
fn keys_of(section: &str) -> Option<&'static [&'static str]> {
    match section {
        "pack" => Some(&["name", "version", "description", "authors", "license", "repository", "homepage", "readme"]),
        "capabilities" => Some(&["id", "provides", "hosts"]),
        "secrets" => Some(&["required", "optional"]),
        _ => None,
    }
}

impl PackToml {
    pub fn parse(text: &str) -> Result<PackToml, SourceError> {
        let document = DeTable::parse(text).map_err(|error| invalid(text, &error))?;
        check_keys(text, document.get_ref())?;
        toml::from_str(text).map_err(|error| invalid(text, &error))
    }
}

/// Before serde sees the text: its own error names the key but gives no hint.
fn check_keys(text: &str, document: &DeTable<'_>) -> Result<(), SourceError> {
    for (key, value) in document.iter() {
        check_key(text, key, SECTIONS)?;
        if let (Some(known), DeValue::Table(section)) = (keys_of(key.get_ref()), value.get_ref()) {
            for (key, _) in section.iter() {
                check_key(text, key, known)?;
            }
        }
    }
    Ok(())
}

fn check_key(text: &str, key: &Spanned<DeString<'_>>, known: &[&'static str]) -> Result<(), SourceError> {
    let name: &str = key.get_ref();
    if known.contains(&name) {
        return Ok(());
    }
    Err(SourceError::UnknownKey {
        key: name.to_owned(),
        line: line_of(text, key.span().start),
        nearest: nearest(name, known.iter().copied()),
    })
}

fn invalid(text: &str, error: &toml::de::Error) -> SourceError {
    SourceError::Invalid {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().trim_end().to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn no_config() -> Value {
    Value::Map(BTreeMap::new())
}

fn config<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    toml::Table::deserialize(deserializer).map(|table| value(toml::Value::Table(table)))
}

/// A date becomes text: flows know JSON's shapes only.
fn value(toml: toml::Value) -> Value {
    match toml {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Int(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(date) => Value::Text(date.to_string()),
        toml::Value::Array(items) => Value::List(items.into_iter().map(value).collect()),
        toml::Value::Table(table) => Value::Map(table.into_iter().map(|(key, item)| (key, value(item))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = r#"
[pack]
name = "demo"
version = "1.2.3"
description = "A demo"
authors = ["Ada <ada@example.org>"]
license = "Apache-2.0"
repository = "https://example.org/demo.git"
homepage = "https://example.org"
readme = "README.md"

[capabilities]
id = "greentic.cap.app.v1"
provides = ["messaging"]
hosts = ["api.example.com"]

[dependencies]
other-pack = "^0.4"

[flows]
main = "flows/main.ygtc"

[components]
"acme.echo" = "components/echo.wasm"

[assets]
cards = "assets/cards/"

[secrets]
required = ["API_KEY"]
optional = ["EXTRA"]

[config]
greeting = "Hi"
limits = { retries = 3, ratio = 0.5, on = true, since = 2024-01-02 }
"#;

    #[test]
    fn every_documented_key_is_read() {
        let toml = PackToml::parse(FULL).unwrap();
        assert_eq!((toml.pack.name.as_str(), toml.pack.version.to_string().as_str()), ("demo", "1.2.3"));
        assert_eq!(toml.pack.description.as_deref(), Some("A demo"));
        assert_eq!(toml.pack.readme.as_deref(), Some("README.md"));
        assert_eq!(toml.capabilities.provides, ["messaging"]);
        assert_eq!(toml.capabilities.hosts, ["api.example.com"]);
        assert!(toml.dependencies["other-pack"].matches(&Version::new(0, 4, 7)));
        assert_eq!(toml.flows["main"], "flows/main.ygtc");
        assert_eq!(toml.components["acme.echo"], "components/echo.wasm");
        assert_eq!(toml.assets["cards"], "assets/cards/");
        assert_eq!((toml.secrets.required, toml.secrets.optional), (vec!["API_KEY".into()], vec!["EXTRA".into()]));
        assert_eq!(
            toml.config.to_json(),
            serde_json::json!({
                "greeting": "Hi",
                "limits": { "retries": 3, "ratio": 0.5, "on": true, "since": "2024-01-02" },
            })
        );
    }

    /// What is said about `text`.
    fn refusal(text: &str) -> String {
        PackToml::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
        let misspelt = FULL.replace("description", "desciption");
        assert_eq!(refusal(&misspelt), "pack.toml line 5: unknown key `desciption`, did you mean `description`?");
        let misspelt = FULL.replace("[components]", "[component]");
        assert_eq!(refusal(&misspelt), "pack.toml line 23: unknown key `component`, did you mean `components`?");
        let strange = FULL.replace("[pack]", "[pack]\nzzzzzzzz = 1");
        assert_eq!(refusal(&strange), "pack.toml line 3: unknown key `zzzzzzzz`");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        assert!(refusal(&FULL.replace("1.2.3", "one")).starts_with("pack.toml line 4: "));
        assert!(refusal(&FULL.replace("^0.4", "new")).starts_with("pack.toml line 18: "));
        assert!(refusal(&FULL.replace("name = \"demo\"\n", "")).contains("`name`"));
        assert!(refusal("[pack").starts_with("pack.toml line 1: "));
        assert!(
            refusal(&FULL.replace("[capabilities]\nid = \"greentic.cap.app.v1\"", "[capabilities]")).contains("`id`")
        );
    }

    #[test]
    fn without_a_table_there_is_nothing_of_it() {
        let toml = PackToml::parse("pack = { name = 'a', version = '1.0.0' }\ncapabilities.id = 'x'").unwrap();
        assert_eq!(toml.config, Value::Map(BTreeMap::new()));
        assert!(toml.flows.is_empty() && toml.secrets.required.is_empty() && toml.pack.authors.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = PackToml::parse(&text);
        }

        #[test]
        fn no_damaged_source_panics(at in any::<prop::sample::Index>(), with in "\\PC{0,6}") {
            let at = at.index(FULL.len());
            let _ = PackToml::parse(&format!("{}{with}{}", &FULL[..at], &FULL[at..]));
        }
    }
}
