//! The nearest known word to a mistyped one, for hints in error messages.

/// The known name that `name` was most likely meant to be. Two letters may be wrong, so that a swap is found; fewer in
/// a short name and more in a long one, so that a hint is worth reading.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..4 => 1,
        4..10 => 2,
        _ => 3,
    };
    let near = known.into_iter().map(|known| (distance(name, known), known));
    near.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Levenshtein's distance: insertions, deletions and replacements of one character.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, wanted) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (index, index + 1);
        let mut next = vec![left];
        for (found, above) in b.iter().zip(row.iter().skip(1)) {
            left = if *found == wanted { diagonal } else { 1 + diagonal.min(*above).min(left) };
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("reply", "repyl", 2),
            ("wait", "await", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_far_name_is_no_hint() {
        let known = ["reply", "template", "branch", "state", "wait", "port"];
        assert_eq!(nearest("replay", known), Some("reply"));
        assert_eq!(nearest("tempalte", known), Some("template"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("http", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
