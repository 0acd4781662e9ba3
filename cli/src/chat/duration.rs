//! Spans of time as people write them: `45s`, `2h`, `1d12h`, `500ms`.

/// The longest that a clock may jump: ten years.
const MAX_MS: u64 = 10 * 365 * 24 * 3_600_000;

/// Milliseconds, or what is wrong.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time: write it as in `45s`, `2h`, `1d12h`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).ok_or_else(wrong)?;
        let unit: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
        sum = sum.checked_add(part).filter(|sum| *sum <= MAX_MS).ok_or_else(|| format!("`{text}` is too long"))?;
        rest = after.trim_start();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_of_time() {
        for (text, expected) in
            [("500ms", 500), ("45s", 45_000), ("2h", 7_200_000), ("1d12h", 129_600_000), ("1h 30m", 5_400_000)]
        {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "2", "h", "2 h", "2y", "-1s", "99999999999999999999s", "99999d", "1s x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-zé ]{0,12}") {
            let _ = parse(&text);
        }
    }
}
