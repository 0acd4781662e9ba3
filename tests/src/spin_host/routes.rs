//! Which component answers a path: an exact route before a wildcard, and of wildcards the one with the longest prefix.

use super::manifest::HttpTrigger;

/// A matched route.
#[derive(Debug, PartialEq)]
pub struct Found<'a> {
    pub component: &'a str,
    /// As the manifest writes it.
    pub route: &'a str,
    /// The same without its wildcard.
    pub prefix: &'a str,
    /// What the wildcard stands for.
    pub path_info: &'a str,
}

pub fn find<'a>(triggers: &'a [HttpTrigger], path: &'a str) -> Option<Found<'a>> {
    let matching = triggers.iter().filter_map(|trigger| {
        let HttpTrigger { route, component } = trigger;
        let Some(prefix) = route.strip_suffix("/...") else {
            let found = Found { component, route, prefix: route, path_info: "" };
            return (route == path).then_some((usize::MAX, found));
        };
        let path_info = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        Some((prefix.len(), Found { component, route, prefix, path_info }))
    });
    matching.max_by_key(|(rank, _)| *rank).map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_before_wildcard_and_long_before_short() {
        let trigger =
            |route: &str, component: &str| HttpTrigger { route: route.to_owned(), component: component.to_owned() };
        let triggers =
            [trigger("/...", "all"), trigger("/a/...", "a"), trigger("/a/b/...", "ab"), trigger("/a/b", "exact")];
        let component = |path| find(&triggers, path).unwrap().component;
        assert_eq!(
            ["/x", "/a", "/a/", "/ab", "/a/b", "/a/b/c"].map(component),
            ["all", "a", "a", "all", "exact", "ab"]
        );
        assert_eq!(find(&triggers, "/a/b/c/d").unwrap().path_info, "/c/d");
        assert_eq!(find(&triggers[1..], "/b"), None);
    }
}
