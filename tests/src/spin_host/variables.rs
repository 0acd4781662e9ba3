//! Application variables and the templates that use them: `{{ name }}`, expanded once, with no further syntax.

use super::manifest::Variable;
use std::collections::BTreeMap;

/// Values of an application's variables.
pub struct Variables {
    values: BTreeMap<String, String>,
}

impl Variables {
    /// Fails where `spin up` would: a required variable without a value, a value for what isn't declared.
    pub fn new(declared: &BTreeMap<String, Variable>, given: &BTreeMap<String, String>) -> Variables {
        for name in given.keys() {
            assert!(declared.contains_key(name), "the manifest has no variable {name}");
        }
        let values = declared.iter().map(|(name, variable)| {
            check_name(name).unwrap();
            let value = given.get(name).or(variable.default.as_ref());
            (name.clone(), value.unwrap_or_else(|| panic!("variable {name} is required")).clone())
        });
        Variables { values: values.collect() }
    }

    pub fn expand(&self, template: &str) -> Result<String, String> {
        let mut expanded = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("unmatched '{{' in template")?;
            let value = self.values.get(name.trim()).ok_or_else(|| format!("unknown variable {:?}", name.trim()))?;
            expanded.push_str(before);
            expanded.push_str(value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// Lower case, digits and single underscores; begins with a letter, ends with a letter or digit.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let ends = name.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if allowed && begins && ends && !name.contains("__") {
        Ok(())
    } else {
        Err(format!("invalid variable name {name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let declared = BTreeMap::from([
            ("host".to_owned(), Variable { required: true, default: None }),
            ("port".to_owned(), Variable { required: false, default: Some("6379".to_owned()) }),
        ]);
        Variables::new(&declared, &BTreeMap::from([("host".to_owned(), "a {{ port }}".to_owned())]))
    }

    #[test]
    fn templates_expand_once() {
        assert_eq!(variables().expand("x://{{host}}:{{ port }}/").unwrap(), "x://a {{ port }}:6379/");
        assert_eq!(variables().expand("plain").unwrap(), "plain");
        assert!(variables().expand("{{ other }}").is_err());
        assert!(variables().expand("{{ host").is_err());
    }

    #[test]
    fn names_follow_the_rule() {
        for name in ["a", "redis_url", "a1_2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "_a", "a_", "a__b", "A", "1a", "a-b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
