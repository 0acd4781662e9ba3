//! Names as a Spin manifest allows them: words of lower-case letters and digits, a letter first, joined by `_` in
//! variables and by `-` in component ids (Spin's crates/serde/src/id.rs).
//!
//! Our ids allow more (`a-b`, `a_b`, `24h`), so two of them may become one name: then the second is refused, because
//! one tenant must never be given another's secret.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub fn variable(parts: &[&str]) -> String {
    words(parts).join("_")
}

pub fn component_id(parts: &[&str]) -> String {
    words(parts).join("-")
}

fn words(parts: &[&str]) -> Vec<String> {
    let words = parts.iter().flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()));
    words.filter(|word| !word.is_empty()).map(word).collect()
}

fn word(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    if word.starts_with(|c: char| c.is_ascii_digit()) { format!("n{word}") } else { word }
}

/// Who took which name.
#[derive(Default)]
pub struct Claims(BTreeMap<String, String>);

impl Claims {
    /// The name, for its first owner only. `kind` and owners are for the refusal.
    pub fn claim(&mut self, kind: &str, name: String, owner: &str) -> anyhow::Result<String> {
        match self.0.entry(name) {
            Entry::Vacant(free) => {
                let name = free.key().clone();
                free.insert(owner.to_owned());
                Ok(name)
            }
            Entry::Occupied(taken) if taken.get() == owner => Ok(taken.key().clone()),
            Entry::Occupied(taken) => {
                anyhow::bail!("`{}` and `{owner}` would both be the {kind} `{}`: rename one", taken.get(), taken.key())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Spin's rule.
    fn allowed(name: &str, separator: char) -> bool {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        name.split(separator).all(word)
    }

    #[test]
    fn names_of_every_day_stay_as_they_are() {
        assert_eq!(variable(&["acme", "default", "telegram_bot_token"]), "acme_default_telegram_bot_token");
        assert_eq!(component_id(&["telegram", "acme", "de-24h"]), "telegram-acme-de-n24h");
    }

    #[test]
    fn two_owners_of_one_name_are_both_named() {
        let mut claims = Claims::default();
        let name = |tenant: &str| variable(&[tenant, "default", "token"]);
        let mut claim = |tenant: &str| claims.claim("variable", name(tenant), tenant);
        assert_eq!(claim("a-b").unwrap(), "a_b_default_token");
        assert_eq!(claim("a-b").unwrap(), "a_b_default_token");
        let message = claim("a_b").unwrap_err().to_string();
        assert_eq!(message, "`a-b` and `a_b` would both be the variable `a_b_default_token`: rename one");
    }

    proptest! {
        #[test]
        fn every_id_becomes_an_allowed_name(
            tenant in "[a-z0-9][a-z0-9_-]{0,20}",
            team in "[a-z0-9][a-z0-9_-]{0,20}",
            secret in "\\PC{0,20}",
        ) {
            let parts = [tenant.as_str(), team.as_str(), secret.as_str()];
            prop_assert!(allowed(&variable(&parts), '_'));
            prop_assert!(allowed(&component_id(&parts), '-'));
        }
    }
}
