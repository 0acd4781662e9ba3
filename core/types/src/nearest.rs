//! The nearest known word to a mistyped one, for hints in error messages.

/// The known name that `name` was most likely meant to be. One letter of a short name may be wrong and more of a
/// longer one, so that a hint is worth reading.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..4 => 1,
        4..10 => 2,
        _ => 3,
    };
    let near = known.into_iter().map(|known| (distance(name, known), known));
    near.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Insertions, deletions and replacements of one character, and swaps of two neighbours, which are the commonest slip
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    // The row before that and its letter: a swap looks two back both ways.
    let mut earlier: Option<(char, Vec<usize>)> = None;
    for (index, wanted) in a.chars().enumerate() {
        let mut row = vec![index + 1];
        for (at, found) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let replaced = cell(&above, at) + usize::from(*found != wanted);
            let mut best = replaced.min(cell(&above, at + 1) + 1).min(cell(&row, at) + 1);
            if let Some((letter, row)) = &earlier
                && at > 0
                && *letter == *found
                && b.get(at - 1) == Some(&wanted)
            {
                best = best.min(cell(row, at - 1) + 1);
            }
            row.push(best);
        }
        earlier = Some((wanted, std::mem::replace(&mut above, row)));
    }
    above.last().copied().unwrap_or_default()
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
            ("reply", "repyl", 1),
            ("sya", "say", 1),
            ("ca", "abc", 3),
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
