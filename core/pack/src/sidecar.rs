//! Which component of a pack a flow's sidecar means by a path or a reference.

use std::collections::BTreeMap;

/// The key of the component at `location`: a path from the flow's file (`file://../components/qa.wasm`), or a reference
/// (`oci://host/org/qa:1.0@sha256:…`), whose last name is the component's key. `components` is key to path from the root
/// of the pack, and so is `flow`.
pub fn component_at(location: &str, flow: &str, components: &BTreeMap<String, String>) -> Option<String> {
    let found = match location.split_once("://") {
        None => by_path(location, flow, components),
        Some(("file", path)) => by_path(path, flow, components),
        Some((_, reference)) => by_name(reference, components),
    };
    found.map(str::to_owned)
}

fn by_path<'c>(path: &str, flow: &str, components: &'c BTreeMap<String, String>) -> Option<&'c str> {
    let folder = flow.rsplit_once('/').map_or("", |(folder, _)| folder);
    let wanted = joined(folder, path)?;
    let at = |(key, path): (&'c String, &'c String)| (joined("", path)? == wanted).then_some(key.as_str());
    components.iter().find_map(at)
}

/// None for a path that leaves the pack, or is none within it.
fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn by_name<'c>(reference: &str, components: &'c BTreeMap<String, String>) -> Option<&'c str> {
    let path = reference.split_once('@').map_or(reference, |(path, _)| path);
    let last = path.rsplit('/').next()?;
    let name = last.split_once(':').map_or(last, |(name, _)| name);
    components.keys().map(String::as_str).find(|key| *key == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn components() -> BTreeMap<String, String> {
        [("acme.qa", "components/qa.wasm"), ("render", "./components/r/render.wasm")]
            .map(|(key, path)| (key.to_owned(), path.to_owned()))
            .into()
    }

    #[test]
    fn locations() {
        for (location, expected) in [
            ("file://../components/qa.wasm", Some("acme.qa")),
            ("../components/r/../r/render.wasm", Some("render")),
            ("oci://x.example/org/render:1.2@sha256:00", Some("render")),
            ("oci://x.example:5000/org/acme.qa", Some("acme.qa")),
            ("file://../../components/qa.wasm", None),
            ("file:///components/qa.wasm", None),
            ("repo://qa", None),
            ("", None),
        ] {
            let found = component_at(location, "flows/main.ygtc", &components());
            assert_eq!(found.as_deref(), expected, "{location}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(location in "[a-z./:@]{0,24}", flow in "[a-z./]{0,12}") {
            let _ = component_at(&location, &flow, &components());
        }
    }
}
