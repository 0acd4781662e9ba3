//! An app's texts by language: what flows say through `t` (spec/bundle-and-config.md, `i18n`). Made once at load.
//!
//! A key is looked up in the language as asked for, then in what is left of its tag without the last part (`de-CH`,
//! `de`), then in the app's default. Reading files is `load/texts.rs`'.

use std::collections::BTreeMap;

/// Texts of one language by their dotted keys.
pub type Catalogue = BTreeMap<String, String>;

/// Longest tag that is looked at. RFC 5646 has them up to 35; a platform's may be anything.
const MAX_TAG: usize = 64;

/// All languages of an app.
#[derive(Debug, Default)]
pub struct Texts {
    /// By their tags in one spelling.
    languages: BTreeMap<String, Catalogue>,
    default_locale: String,
}

impl Texts {
    pub fn new(default_locale: &str) -> Texts {
        Texts { languages: BTreeMap::new(), default_locale: one_spelling(default_locale) }
    }

    /// Puts a catalogue over what is there of its language. The tag is one by [`is_tag`].
    pub fn add(&mut self, tag: &str, catalogue: Catalogue) {
        self.languages.entry(one_spelling(tag)).or_default().extend(catalogue);
    }

    /// The texts of these keys, one answer for each.
    pub fn look_up(&self, locale: &str, keys: &[String]) -> Vec<Option<String>> {
        let chain = self.chain(locale);
        keys.iter().map(|key| chain.iter().find_map(|catalogue| catalogue.get(key)).cloned()).collect()
    }

    /// For each language that has a catalogue, all that is answered in it; last, under an empty tag, what is answered in
    /// every other.
    pub fn merged(&self) -> Vec<(String, BTreeMap<&str, &str>)> {
        let merge = |tag: &str| {
            let mut all: BTreeMap<&str, &str> = BTreeMap::new();
            for catalogue in self.chain(tag).into_iter().rev() {
                all.extend(catalogue.iter().map(|(key, text)| (key.as_str(), text.as_str())));
            }
            (tag.to_owned(), all)
        };
        self.languages.keys().map(String::as_str).chain([""]).map(merge).collect()
    }

    /// Where to look, the nearest first.
    fn chain(&self, locale: &str) -> Vec<&Catalogue> {
        let mut chain: Vec<&Catalogue> = Vec::new();
        for tag in [one_spelling(locale).as_str(), &self.default_locale] {
            let mut rest = Some(tag);
            while let Some(tag) = rest {
                chain.extend(self.languages.get(tag));
                rest = tag.rsplit_once('-').map(|(shorter, _)| shorter);
            }
        }
        chain
    }
}

/// Whether a catalogue may have this tag.
pub fn is_tag(tag: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_TAG).contains(&tag.len()) && tag.bytes().all(plain)
}

/// Platforms write `de_CH`, `de-CH` and `de-ch`.
fn one_spelling(tag: &str) -> String {
    if tag.len() > MAX_TAG { String::new() } else { tag.to_ascii_lowercase().replace('_', "-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Texts {
        let mut texts = Texts::new("en-GB");
        for (tag, pairs) in [
            ("en", vec![("bye", "Bye"), ("hi", "Hi"), ("only.en", "Only")]),
            ("de", vec![("bye", "Tschüss"), ("hi", "Hallo")]),
            ("de_CH", vec![("hi", "Grüezi")]),
        ] {
            texts.add(tag, pairs.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect());
        }
        texts
    }

    fn look_up(locale: &str) -> Vec<Option<String>> {
        texts().look_up(locale, &["hi", "bye", "only.en", "nowhere"].map(str::to_owned))
    }

    #[test]
    fn the_nearest_language_that_has_a_text_answers() {
        let found = |texts: [&str; 3]| {
            texts.iter().map(|text| Some((*text).to_owned())).chain([None]).collect::<Vec<Option<String>>>()
        };
        for locale in ["de-CH", "de_ch", "DE-CH-1996"] {
            assert_eq!(look_up(locale), found(["Grüezi", "Tschüss", "Only"]), "{locale}");
        }
        assert_eq!(look_up("de-AT"), found(["Hallo", "Tschüss", "Only"]));
        for locale in ["fr", "", "-", "en-US", &"x-".repeat(1_000)] {
            assert_eq!(look_up(locale), found(["Hi", "Bye", "Only"]), "{locale}");
        }
    }

    #[test]
    fn what_is_merged_is_what_is_looked_up() {
        let texts = texts();
        let merged = texts.merged();
        assert_eq!(merged.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["de", "de-ch", "en", ""]);
        for (tag, all) in &merged {
            let keys = ["hi", "bye", "only.en", "nowhere"].map(str::to_owned);
            let expected: Vec<_> =
                keys.iter().map(|key| all.get(key.as_str()).map(|text| (*text).to_owned())).collect();
            assert_eq!(texts.look_up(tag, &keys), expected, "{tag}");
        }
    }

    #[test]
    fn a_later_catalogue_wins() {
        let mut texts = texts();
        texts.add("de", Catalogue::from([("hi".to_owned(), "Servus".to_owned())]));
        assert_eq!(
            texts.look_up("de", &["hi".to_owned(), "bye".to_owned()]),
            [Some("Servus".to_owned()), Some("Tschüss".to_owned())]
        );
    }
}
