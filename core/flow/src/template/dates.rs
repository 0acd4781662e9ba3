//! Dates: read from data, written by a pattern, told as a distance from now.
//!
//! A date is a text (`2026-03-01`, `2026-03-01T14:05`, with seconds, with `Z` or an offset), or a number: seconds since
//! 1970, milliseconds from 100,000,000,000 on. It is shown in the offset it is written with, otherwise in UTC.
//!
//! Patterns have these parts; text in `[…]` and all else stands as it is:
//!
//! | | | | |
//! |---|---|---|---|
//! | `YYYY` `YY` | year | `MMMM` `MMM` `MM` `M` | month |
//! | `DD` `D` | day | `dddd` `ddd` | day of the week |
//! | `HH` `H` | hour | `hh` `h` `A` `a` | hour of 12, AM, am |
//! | `mm` `m` | minute | `ss` `s` `SSS` | second, milliseconds |
//! | `Z` | offset, `+01:00` | `X` | seconds since 1970 |
//!
//! A pattern with a `%` is read as `strftime` has it: `%Y %y %m %d %e %H %I %M %S %p %B %b %A %a %z %j %F %T %%`.

use super::locale::Locale;
use crate::budget::{Budget, RenderError};
use crate::data::Datum;
use std::fmt::Write;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

const USUAL_PATTERN: &str = "YYYY-MM-DD";

/// Numbers from here on are milliseconds: as seconds they would lie beyond the year 5000.
const FIRST_MILLISECONDS: f64 = 1e11;

/// Longest parts first, so that `MMMM` is not read as two `MM`.
const PARTS: [(&str, char); 21] = [
    ("YYYY", 'Y'),
    ("MMMM", 'B'),
    ("dddd", 'A'),
    ("MMM", 'b'),
    ("ddd", 'a'),
    ("SSS", 'L'),
    ("YY", 'y'),
    ("MM", 'm'),
    ("DD", 'd'),
    ("HH", 'H'),
    ("hh", 'I'),
    ("mm", 'M'),
    ("ss", 'S'),
    ("M", '1'),
    ("D", '2'),
    ("H", '3'),
    ("h", '4'),
    ("m", '5'),
    ("s", '6'),
    ("A", 'p'),
    ("a", 'P'),
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment(OffsetDateTime);

impl Moment {
    pub fn of(value: &Datum<'_>) -> Option<Moment> {
        match value {
            Datum::Int(number) => from_number(*number as f64),
            Datum::Float(number) => from_number(*number),
            Datum::Text(text) => from_text(text.trim()),
            _ => None,
        }
    }

    /// Milliseconds since 1970.
    pub fn at(now_ms: u64) -> Option<Moment> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(now_ms) * 1_000_000).ok().map(Moment)
    }

    pub fn iso(self) -> String {
        let mut out = String::new();
        self.strftime("%FT%T", Locale::of("en"), &mut out);
        if self.0.offset().is_utc() {
            out.push('Z')
        } else {
            self.part('z', Locale::of("en"), &mut out)
        }
        out
    }

    pub fn format(self, pattern: &str, locale: &Locale, budget: &mut Budget) -> Result<String, RenderError> {
        // No part is more often than this longer than how it is written: `X`, the seconds since 1970, is the longest.
        budget.take(pattern.len().saturating_mul(16))?;
        let mut out = String::new();
        if pattern.contains('%') {
            self.strftime(pattern, locale, &mut out);
        } else {
            self.parts(if pattern.is_empty() { USUAL_PATTERN } else { pattern }, locale, &mut out);
        }
        Ok(out)
    }

    fn parts(self, pattern: &str, locale: &Locale, out: &mut String) {
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if let Some((literal, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                out.push_str(literal);
                rest = after;
            } else if let Some((written, part)) = PARTS.iter().find(|(written, _)| rest.starts_with(written)) {
                self.part(*part, locale, out);
                rest = rest.get(written.len()..).unwrap_or_default();
            } else {
                match first {
                    'Z' => self.part('z', locale, out),
                    'X' => self.part('s', locale, out),
                    _ => out.push(first),
                }
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }

    fn strftime(self, pattern: &str, locale: &Locale, out: &mut String) {
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match (c, if c == '%' { chars.next() } else { None }) {
                ('%', Some('F')) => self.parts("YYYY-MM-DD", locale, out),
                ('%', Some('T')) => self.parts("HH:mm:ss", locale, out),
                ('%', Some('e')) => self.part('2', locale, out),
                ('%', Some('%')) => out.push('%'),
                ('%', Some(part)) if "YymdHIMSpBbAazjs".contains(part) => self.part(part, locale, out),
                ('%', Some(unknown)) => out.extend(['%', unknown]),
                (c, _) => out.push(c),
            }
        }
    }

    /// Letters as in `strftime`, and for what that lacks: digits for parts without a leading zero, `L`, `P`.
    fn part(self, part: char, locale: &Locale, out: &mut String) {
        let moment = self.0;
        let month = locale.months.get(usize::from(u8::from(moment.month()) - 1)).copied().unwrap_or_default();
        let day = locale.days.get(usize::from(moment.weekday().number_days_from_monday())).copied().unwrap_or_default();
        let hour12 = (moment.hour() + 11) % 12 + 1;
        let noon = if moment.hour() < 12 { ("AM", "am") } else { ("PM", "pm") };
        // Writing to a `String` can't fail.
        let _ = match part {
            'Y' => write!(out, "{:04}", moment.year()),
            'y' => write!(out, "{:02}", moment.year().rem_euclid(100)),
            'm' => write!(out, "{:02}", u8::from(moment.month())),
            '1' => write!(out, "{}", u8::from(moment.month())),
            'B' => out.write_str(month),
            'b' => out.write_str(&short(month)),
            'd' => write!(out, "{:02}", moment.day()),
            '2' => write!(out, "{}", moment.day()),
            'A' => out.write_str(day),
            'a' => out.write_str(&short(day)),
            'H' => write!(out, "{:02}", moment.hour()),
            '3' => write!(out, "{}", moment.hour()),
            'I' => write!(out, "{hour12:02}"),
            '4' => write!(out, "{hour12}"),
            'M' => write!(out, "{:02}", moment.minute()),
            '5' => write!(out, "{}", moment.minute()),
            'S' => write!(out, "{:02}", moment.second()),
            '6' => write!(out, "{}", moment.second()),
            'L' => write!(out, "{:03}", moment.millisecond()),
            'p' => out.write_str(noon.0),
            'P' => out.write_str(noon.1),
            'j' => write!(out, "{:03}", moment.ordinal()),
            's' => write!(out, "{}", moment.unix_timestamp()),
            'z' => {
                let (hours, minutes, _) = moment.offset().as_hms();
                let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
                write!(out, "{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
            }
            other => out.write_char(other),
        };
    }
}

/// The first three letters, which is what most languages shorten to.
fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn from_number(number: f64) -> Option<Moment> {
    let milliseconds = if number.abs() < FIRST_MILLISECONDS { number * 1000.0 } else { number };
    // Saturates where the number is too large for any date, which then is none.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds as i64) * 1_000_000).ok().map(Moment)
}

fn from_text(text: &str) -> Option<Moment> {
    // Longer texts are no dates, and need not be copied to find out.
    if text.len() > 64 {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        return from_number(number as f64);
    }
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        None => return calendar_date(text),
        Some(parts) => parts,
    };
    let ends = ["", "Z", ":00Z"];
    ends.iter().find_map(|end| OffsetDateTime::parse(&format!("{date}T{time}{end}"), &Rfc3339).ok()).map(Moment)
}

fn calendar_date(text: &str) -> Option<Moment> {
    let mut parts = text.splitn(3, '-');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    Some(Moment(date.midnight().assume_utc()))
}

/// As `2 hours ago` or `in 3 days`, in the largest unit that fits at least once.
pub fn relative(moment: Moment, now_ms: u64, locale: &Locale) -> String {
    let now = i128::from(now_ms / 1000);
    let distance = i128::from(moment.0.unix_timestamp()) - now;
    let seconds = distance.unsigned_abs();
    let sizes = [60, 3600, 86_400, 30 * 86_400, 365 * 86_400];
    let Some((size, (one, several))) = sizes.iter().zip(locale.units).rfind(|(size, _)| seconds >= **size) else {
        return locale.just_now.to_owned();
    };
    let count = seconds / size;
    let unit = if count == 1 { one } else { several };
    let (before, behind) = if distance < 0 { locale.ago } else { locale.ahead };
    format!("{before}{count} {unit}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formatted(date: Datum<'_>, pattern: &str, locale: &str) -> String {
        Moment::of(&date).unwrap().format(pattern, Locale::of(locale), &mut Budget::default()).unwrap()
    }

    #[test]
    fn dates_are_read_from_texts_and_numbers() {
        for (text, expected) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T14:05", "2026-03-01T14:05:00Z"),
            ("2026-03-01 14:05:06", "2026-03-01T14:05:06Z"),
            ("2026-03-01T14:05:06.5Z", "2026-03-01T14:05:06Z"),
            ("2026-03-01T14:05:06+02:00", "2026-03-01T14:05:06+02:00"),
            ("1772375106", "2026-03-01T14:25:06Z"),
        ] {
            assert_eq!(Moment::of(&Datum::text(text)).map(Moment::iso).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Moment::of(&Datum::Int(0)).unwrap().iso(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::of(&Datum::Int(1_772_375_106_000)).unwrap().iso(), "2026-03-01T14:25:06Z");
        for no in ["", "soon", "2026-13-01", "2026-02-30", "2026", "2026-03", "2026-03-01T25:00"] {
            let moment = Moment::of(&Datum::text(no));
            assert!(moment.is_none() || no == "2026", "{no}");
        }
        assert_eq!(Moment::of(&Datum::Float(f64::MAX)), None);
        assert_eq!(Moment::of(&Datum::Null), None);
    }

    #[test]
    fn patterns() {
        let date = || Datum::text("2026-03-01T14:05:06+01:00");
        for (pattern, expected) in [
            ("", "2026-03-01"),
            ("MMMM D, YYYY", "March 1, 2026"),
            ("ddd DD.MM.YY HH:mm:ss.SSS Z", "Sun 01.03.26 14:05:06.000 +01:00"),
            ("h:mm a [on] dddd", "2:05 pm on Sunday"),
            ("%Y-%m-%dT%H:%M:%S%z %j %%q", "2026-03-01T14:05:06+01:00 060 %q"),
            ("%B %e, %I %p", "March 1, 02 PM"),
        ] {
            assert_eq!(formatted(date(), pattern, "en"), expected, "{pattern}");
        }
        assert_eq!(formatted(date(), "dddd, D. MMMM", "de-DE"), "Sonntag, 1. März");
    }

    #[test]
    fn distances_from_now() {
        let now = 1_772_375_106_000;
        let told = |seconds: i64, locale: &str| {
            relative(Moment::of(&Datum::Int(1_772_375_106 + seconds)).unwrap(), now, Locale::of(locale))
        };
        for (seconds, expected) in [
            (-7200, "2 hours ago"),
            (-59, "just now"),
            (90, "in 1 minute"),
            (3 * 86_400, "in 3 days"),
            (-45 * 86_400, "1 month ago"),
            (-800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(told(seconds, "en"), expected, "{seconds}");
        }
        assert_eq!(told(-7200, "de"), "vor 2 Stunden");
        assert_eq!(told(86_400, "fr"), "dans 1 jour");
        assert_eq!(told(60, "xx"), "in 1 minute");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,40}", number in any::<i64>(), float in any::<f64>(), now in any::<u64>()) {
            for date in [Datum::text(&text), Datum::Int(number), Datum::Float(float)] {
                if let Some(moment) = Moment::of(&date) {
                    let _ = moment.format(&text, Locale::of("en"), &mut Budget::default());
                    let _ = relative(moment, now, Locale::of("de"));
                }
            }
        }
    }
}
