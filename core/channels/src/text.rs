//! Text lengths and cuts as platforms count them: in UTF-16 code units.

/// Length in UTF-16 code units.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts text into parts of at most `limit` UTF-16 units, between words where there is a gap, and otherwise between
/// characters. Parts are never empty; white space at a cut and around the whole is dropped, as platforms do.
/// `limit` must be at least 2, the length of the longest character; a smaller one is taken as 2.
pub fn split_utf16(text: &str, limit: usize) -> Vec<&str> {
    let limit = limit.max(2);
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while let Some((part, tail)) = rest.split_at_checked(cut(rest, limit)).filter(|(part, _)| !part.is_empty()) {
        parts.push(part.trim_end());
        rest = tail.trim_start();
    }
    parts
}

/// Where the first part of `text` ends, in bytes. `text` doesn't begin with white space.
fn cut(text: &str, limit: usize) -> usize {
    let mut units = 0;
    let mut gap = None;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() {
            gap = Some(at);
        }
        units += character.len_utf16();
        if units > limit {
            return gap.unwrap_or(at);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_between_words_and_long_words_between_characters() {
        assert_eq!(split_utf16("one two three", 7), ["one two", "three"]);
        assert_eq!(split_utf16("one two three", 8), ["one two", "three"]);
        assert_eq!(split_utf16("one two three", 6), ["one", "two", "three"]);
        assert_eq!(split_utf16("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(split_utf16("😀😀😀", 5), ["😀😀", "😀"]);
        assert_eq!(split_utf16("  a  ", 10), ["a"]);
        assert!(split_utf16(" \n ", 10).is_empty());
    }

    #[test]
    fn length_counts_surrogate_pairs_twice() {
        assert_eq!(utf16_len("aä😀"), 4);
    }

    proptest! {
        #[test]
        fn no_part_is_empty_or_too_long_and_no_word_is_lost(text in "(\\PC|\\s|😀){0,200}", limit in 2usize..40) {
            let parts = split_utf16(&text, limit);
            for part in &parts {
                prop_assert!(!part.trim().is_empty());
                prop_assert!(utf16_len(part) <= limit);
            }
            let solid = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&parts.concat()), solid(&text));
        }
    }
}
