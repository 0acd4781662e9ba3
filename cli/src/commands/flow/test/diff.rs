//! The difference between what was expected and what came, as a unified diff.

use super::expect::{Came, Expectation};

/// Comparisons of one step: what lies beyond is paired off in order, because the table of all pairs would be too large.
const MAX_PAIRS: usize = 250_000;

/// What became of one expectation or of one thing that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// Places in what came.
    Both(usize),
    Expected(usize),
    Came(usize),
}

/// The lines between `@@ … @@` and the next; none when everything came as it was expected.
pub fn lines(expected: &[&Expectation], came: &[Came]) -> Option<Vec<String>> {
    let pairs = align(expected, came);
    if pairs.iter().all(|pair| matches!(pair, Pair::Both(_))) {
        return None;
    }
    let signed = |sign: char, lines: Vec<String>| lines.into_iter().map(move |line| format!("{sign}{line}"));
    let mut shown = Vec::new();
    for pair in pairs {
        let (sign, lines) = match pair {
            Pair::Both(place) => (' ', came.get(place).map(Came::lines)),
            Pair::Expected(place) => ('-', expected.get(place).map(|expected| expected.lines())),
            Pair::Came(place) => ('+', came.get(place).map(Came::lines)),
        };
        shown.extend(signed(sign, lines.unwrap_or_default()));
    }
    Some(shown)
}

/// The pairing that leaves the fewest things alone, in the order of both lists.
fn align(expected: &[&Expectation], came: &[Came]) -> Vec<Pair> {
    if expected.len().saturating_mul(came.len()) > MAX_PAIRS {
        let alone = (0..expected.len()).map(Pair::Expected).chain((0..came.len()).map(Pair::Came));
        return alone.collect();
    }
    // Row by row from the end: how many pairs there are in what is left of both lists.
    let width = came.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![vec![0; width]];
    for wanted in expected.iter().rev() {
        let below = rows.last().cloned().unwrap_or_default();
        let mut row = vec![0_usize; 1];
        for (place, thing) in came.iter().enumerate().rev() {
            let diagonal = below.get(place + 1).copied().unwrap_or_default();
            let down = below.get(place).copied().unwrap_or_default();
            let right = row.last().copied().unwrap_or_default();
            row.push(if wanted.is(thing) { diagonal + 1 } else { down.max(right) });
        }
        row.reverse();
        rows.push(row);
    }
    rows.reverse();
    let left = |row: usize, column: usize| rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or_default();
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < expected.len() || column < came.len() {
        let matches = expected.get(row).zip(came.get(column)).is_some_and(|(wanted, thing)| wanted.is(thing));
        if matches {
            pairs.push(Pair::Both(column));
            row += 1;
            column += 1;
        } else if column >= came.len() || (row < expected.len() && left(row + 1, column) >= left(row, column + 1)) {
            pairs.push(Pair::Expected(row));
            row += 1;
        } else {
            pairs.push(Pair::Came(column));
            column += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_types::Reply;
    use proptest::prelude::*;

    fn wanted(text: &str) -> Expectation {
        let text = Some(crate::commands::flow::test::expect::Wanted::Exactly(text.to_owned()));
        Expectation::Reply { text, buttons: None, card: None }
    }

    fn said(text: &str) -> Came {
        Came::Reply(Reply { text: text.to_owned(), ..Reply::default() })
    }

    fn shown(expected: &[&str], came: &[&str]) -> Option<Vec<String>> {
        let expected: Vec<Expectation> = expected.iter().map(|text| wanted(text)).collect();
        let came: Vec<Came> = came.iter().map(|text| said(text)).collect();
        lines(&expected.iter().collect::<Vec<_>>(), &came)
    }

    #[test]
    fn what_is_missing_and_what_is_too_much() {
        assert_eq!(shown(&["a", "b"], &["a", "b"]), None);
        assert_eq!(shown(&["a", "b", "c"], &["a", "c"]).unwrap(), [" bot> a", "-bot> b", " bot> c"]);
        assert_eq!(shown(&["a"], &["x", "a"]).unwrap(), ["+bot> x", " bot> a"]);
        assert_eq!(shown(&["a"], &["x"]).unwrap(), ["-bot> a", "+bot> x"]);
        assert_eq!(shown(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn everything_is_shown_once(
            expected in prop::collection::vec("[ab]", 0..8),
            came in prop::collection::vec("[ab]", 0..8),
        ) {
            let texts = |list: &[String]| list.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            let (wanted_texts, said_texts) = (texts(&expected), texts(&came));
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            let came: Vec<&str> = came.iter().map(String::as_str).collect();
            let found = shown(&expected, &came);
            prop_assert_eq!(found.is_none(), wanted_texts == said_texts);
            let lines = found.unwrap_or_default();
            if !lines.is_empty() {
                prop_assert_eq!(lines.iter().filter(|line| !line.starts_with('+')).count(), expected.len());
                prop_assert_eq!(lines.iter().filter(|line| !line.starts_with('-')).count(), came.len());
            }
        }
    }
}
