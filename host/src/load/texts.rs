//! Reads message catalogues: the bundle's `i18n.locales`, and those that a pack brings as `assets/i18n/<tag>.json` (or
//! `.yaml`). The bundle's texts go over the pack's, so that an operator can change a word without a new pack.

use crate::bundle::Bundle;
use crate::texts::{Catalogue, Texts, is_tag};
use anyhow::Context;
use greentic_pack::Pack;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest catalogue file: 10,000 texts of a hundred bytes.
const MAX_BYTES: usize = 1 << 20;

/// Texts of one language.
const MAX_TEXTS: usize = 10_000;

/// Languages of an app.
const MAX_LANGUAGES: usize = 100;

/// Maps within maps, each a part of a dotted key.
const MAX_DEPTH: usize = 8;

/// Where a pack keeps its catalogues.
const IN_PACK: &str = "assets/i18n/";

/// The language of an app whose bundle names none.
pub const DEFAULT_LOCALE: &str = "en";

/// The bundle's catalogues by tag.
pub type Catalogues = BTreeMap<String, Catalogue>;

pub fn of_bundle(directory: &Path, bundle: &Bundle) -> anyhow::Result<Catalogues> {
    anyhow::ensure!(bundle.i18n.locales.len() <= MAX_LANGUAGES, "i18n.locales: more than {MAX_LANGUAGES}");
    let mut catalogues = Catalogues::new();
    for (tag, file) in &bundle.i18n.locales {
        let path = directory.join(file);
        let place = || format!("i18n.locales.{tag}: {}", path.display());
        anyhow::ensure!(is_tag(tag), "i18n.locales: `{tag}` is no language tag such as `de` or `de-CH`");
        let size = std::fs::metadata(&path).with_context(place)?.len();
        anyhow::ensure!(size <= MAX_BYTES as u64, "{}: {size} bytes; at most {MAX_BYTES}", place());
        let bytes = std::fs::read(&path).with_context(place)?;
        catalogues.insert(tag.clone(), read(&bytes, is_json(&path)).with_context(place)?);
    }
    Ok(catalogues)
}

/// A pack's texts under the bundle's.
pub fn of_app(pack: &Pack, bundle: &Catalogues, default_locale: &str) -> anyhow::Result<Texts> {
    let mut texts = Texts::new(default_locale);
    let mut languages = 0;
    for (key, asset) in &pack.manifest.assets {
        let (Some(name), Some(bytes)) = (asset.path.strip_prefix(IN_PACK), pack.assets.get(key)) else { continue };
        let path = Path::new(name);
        let is_catalogue = path.extension().is_some_and(|kind| kind == "json" || kind == "yaml" || kind == "yml");
        let Some(tag) = path.file_stem().and_then(|tag| tag.to_str()).filter(|_| is_catalogue) else { continue };
        anyhow::ensure!(is_tag(tag), "{}: `{tag}` is no language tag such as `de` or `de-CH`", asset.path);
        languages += 1;
        anyhow::ensure!(languages <= MAX_LANGUAGES, "{IN_PACK}: more than {MAX_LANGUAGES} catalogues");
        texts.add(tag, read(bytes, is_json(path)).with_context(|| asset.path.clone())?);
    }
    for (tag, catalogue) in bundle {
        texts.add(tag, catalogue.clone());
    }
    Ok(texts)
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "json")
}

/// A map of texts, flat or nested: `{greeting: {hello: Hi}}` has the key `greeting.hello`.
fn read(bytes: &[u8], is_json: bool) -> anyhow::Result<Catalogue> {
    anyhow::ensure!(bytes.len() <= MAX_BYTES, "{} bytes; at most {MAX_BYTES}", bytes.len());
    let text = std::str::from_utf8(bytes).context("not UTF-8")?;
    let value: serde_json::Value = if is_json {
        serde_json::from_str(text)?
    } else {
        // The key `no` is a word.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| anyhow::anyhow!("{error}"))?
    };
    let mut catalogue = Catalogue::new();
    flatten(&value, "", 0, &mut catalogue)?;
    Ok(catalogue)
}

fn flatten(value: &serde_json::Value, key: &str, depth: usize, catalogue: &mut Catalogue) -> anyhow::Result<()> {
    let text = match value {
        serde_json::Value::Object(members) => {
            anyhow::ensure!(depth < MAX_DEPTH, "`{key}`: maps nested deeper than {MAX_DEPTH}");
            for (name, member) in members {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(member, &key, depth + 1, catalogue)?;
            }
            return Ok(());
        }
        serde_json::Value::String(text) if depth > 0 => text.clone(),
        serde_json::Value::Number(number) if depth > 0 => number.to_string(),
        _ if depth == 0 => anyhow::bail!("a catalogue is a map of keys and texts"),
        _ => anyhow::bail!("`{key}` is no text (put quotes around words such as `yes` and `no`)"),
    };
    anyhow::ensure!(catalogue.len() < MAX_TEXTS, "more than {MAX_TEXTS} texts");
    anyhow::ensure!(catalogue.insert(key.to_owned(), text).is_none(), "`{key}` stands there twice");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, is_json: bool) -> String {
        format!("{:#}", read(text.as_bytes(), is_json).unwrap_err())
    }

    #[test]
    fn flat_and_nested_maps_are_the_same_keys() {
        let expected: Catalogue =
            [("a.b", "1"), ("a.c", "zwei"), ("d", "drei")].map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        assert_eq!(read(b"a: {b: 1, c: zwei}\nd: drei\n", false).unwrap(), expected);
        assert_eq!(read(br#"{"a.b": "1", "a": {"c": "zwei"}, "d": "drei"}"#, true).unwrap(), expected);
        assert!(read(b"{}", true).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_its_key() {
        assert!(refusal("[1]", true).contains("map of keys"));
        assert!(refusal("a: [x]", false).contains("`a` is no text"));
        assert!(refusal("a: {b: null}", false).contains("`a.b`"));
        assert!(refusal(r#"{"a.b": "x", "a": {"b": "y"}}"#, true).contains("twice"));
        let deep = format!("{}\"x\"{}", r#"{"a":"#.repeat(MAX_DEPTH + 1), "}".repeat(MAX_DEPTH + 1));
        assert!(refusal(&deep, true).contains("nested"));
        assert!(refusal(&" ".repeat(MAX_BYTES + 1), true).contains("at most"));
    }
}
