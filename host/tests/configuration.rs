//! `docs/configuration.md` names every key there is, with its default, and no other.

use greentic_host::config::Config;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_page_names_every_key_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut section = String::new();
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `[") || line.starts_with("| | ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            section = cells[1].trim_matches(['`', '[', ']']).to_owned();
        }
        for key in cells[2].split(", ") {
            named.insert(format!("{section}.{}", key.trim_matches('`')));
        }
    }
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut known = BTreeSet::new();
    for (section, keys) in defaults.as_object().unwrap() {
        known.extend(keys.as_object().unwrap().keys().map(|key| format!("{section}.{key}")));
    }
    assert_eq!(named, known);
    assert_eq!(defaults["server"]["port"], Value::from(8080));
}
