//! Numbers as people write them: grouped, with their locale's decimal point, as an amount of money or a percentage.

use super::locale::Locale;
use crate::data::Datum;

/// Digits behind the point at most: what a 64-bit float can tell apart, and no more text than a number is worth.
const MAX_DECIMALS: usize = 15;

/// Digits behind the point where nobody said how many.
const USUAL_DECIMALS: usize = 3;

/// Beyond it a float has no digit left for units; it is shown as it is.
const MAX_WRITTEN: f64 = 1e18;

/// The sign of a currency, and the digits behind its point where these are not two. Others show their code.
const CURRENCIES: [(&str, &str, usize); 8] = [
    ("USD", "$", 2),
    ("EUR", "€", 2),
    ("GBP", "£", 2),
    ("JPY", "¥", 0),
    ("INR", "₹", 2),
    ("KRW", "₩", 0),
    ("CHF", "CHF", 2),
    ("ISK", "ISK", 0),
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// Also of a text that is a number, as forms and services send them.
    pub fn of(value: &Datum<'_>) -> Option<Number> {
        match value {
            Datum::Int(number) => Some(Number::Int(*number)),
            Datum::Float(number) => Some(Number::Float(*number)),
            Datum::Text(text) => {
                let text = text.trim();
                // Rust would also read `inf`, `nan` and `+1`.
                if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
                    return None;
                }
                let float = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Float);
                text.parse().ok().map(Number::Int).or_else(float)
            }
            _ => None,
        }
    }
}

/// With so many decimals, or as many as are needed.
pub fn decimal(number: Number, decimals: Option<usize>, locale: &Locale) -> String {
    let exact = decimals.map(|decimals| decimals.min(MAX_DECIMALS));
    let written = match number {
        Number::Int(number) => {
            let zeros = exact.filter(|zeros| *zeros > 0).map(|zeros| format!(".{}", "0".repeat(zeros)));
            format!("{number}{}", zeros.unwrap_or_default())
        }
        Number::Float(number) if number.abs() < MAX_WRITTEN => match exact {
            Some(decimals) => format!("{number:.decimals$}"),
            None => {
                let written = format!("{number:.USUAL_DECIMALS$}");
                written.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        },
        Number::Float(number) => return number.to_string(),
    };
    grouped(&written, locale)
}

/// An amount in the currency of that code, US dollars when there is none.
pub fn currency(number: Number, code: &str, locale: &Locale) -> String {
    let code = code.trim().to_ascii_uppercase();
    let code = if code.is_empty() { "USD" } else { &code };
    let known = CURRENCIES.iter().find(|(known, ..)| *known == code);
    let (sign, decimals) = known.map_or((code, 2), |(_, sign, decimals)| (*sign, *decimals));
    let amount = decimal(number, Some(decimals), locale);
    if !locale.sign_first {
        return format!("{amount}{}{sign}", locale.gap);
    }
    let gap = if sign.ends_with(|c: char| c.is_ascii_alphabetic()) { "\u{a0}" } else { "" };
    match amount.strip_prefix('-') {
        Some(amount) => format!("-{sign}{gap}{amount}"),
        None => format!("{sign}{gap}{amount}"),
    }
}

pub fn percent(fraction: Number, decimals: usize, locale: &Locale) -> String {
    let hundredths = match fraction {
        Number::Int(fraction) => fraction.checked_mul(100).map_or(Number::Float(fraction as f64 * 100.0), Number::Int),
        Number::Float(fraction) => Number::Float(fraction * 100.0),
    };
    format!("{}{}%", decimal(hundredths, Some(decimals), locale), locale.gap)
}

/// `written` is what Rust writes: digits, perhaps a sign before and a point between them.
fn grouped(written: &str, locale: &Locale) -> String {
    let (sign, digits) = match written.strip_prefix('-') {
        // Rounded to nothing, it is below zero no more.
        Some(digits) if digits.contains(|c: char| ('1'..='9').contains(&c)) => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", written),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(locale.group_separator);
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push(locale.decimal_point);
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_follow_their_locale() {
        let (en, de) = (Locale::of("en-US"), Locale::of("de_AT"));
        assert_eq!(decimal(Number::Float(1234.56), None, en), "1,234.56");
        assert_eq!(decimal(Number::Float(1234.56), None, de), "1.234,56");
        assert_eq!(decimal(Number::Int(-1_234_567), None, en), "-1,234,567");
        assert_eq!(decimal(Number::Int(3), Some(2), en), "3.00");
        assert_eq!(decimal(Number::Float(2.0), None, en), "2");
        assert_eq!(decimal(Number::Float(-0.001), Some(2), en), "0.00");
        assert_eq!(decimal(Number::Float(1e300), Some(2), en), 1e300.to_string());
        assert_eq!(decimal(Number::Int(999), None, Locale::of("xx")), "999");
    }

    #[test]
    fn money_and_shares() {
        let (en, de) = (Locale::of("en"), Locale::of("de"));
        assert_eq!(currency(Number::Float(99.99), "", en), "$99.99");
        assert_eq!(currency(Number::Int(-1234), "eur", en), "-€1,234.00");
        assert_eq!(currency(Number::Int(1234), "EUR", de), "1.234,00\u{a0}€");
        assert_eq!(currency(Number::Float(1234.5), "JPY", en), "¥1,234");
        assert_eq!(currency(Number::Int(5), "CHF", en), "CHF\u{a0}5.00");
        assert_eq!(currency(Number::Int(5), "PLN", de), "5,00\u{a0}PLN");
        assert_eq!(percent(Number::Float(0.85), 0, en), "85%");
        assert_eq!(percent(Number::Float(0.256), 1, de), "25,6\u{a0}%");
        assert_eq!(percent(Number::Int(1), 0, en), "100%");
    }

    #[test]
    fn texts_that_are_numbers() {
        assert_eq!(Number::of(&Datum::text(" 12 ")), Some(Number::Int(12)));
        assert_eq!(Number::of(&Datum::text("-1.5")), Some(Number::Float(-1.5)));
        for no in ["", "x", "1x", "inf", "NaN", "-inf", "+1"] {
            assert_eq!(
                Number::of(&Datum::text(no)).filter(|n| !matches!(n, Number::Float(f) if f.is_infinite())),
                None
            );
        }
    }

    proptest! {
        #[test]
        fn no_number_panics(whole in any::<i64>(), float in any::<f64>(), decimals in any::<usize>()) {
            for locale in [Locale::of("en"), Locale::of("fr")] {
                for number in [Number::Int(whole), Number::Float(float)] {
                    prop_assert!(decimal(number, Some(decimals), locale).len() < 400);
                    prop_assert!(currency(number, "x", locale).len() < 400);
                    prop_assert!(percent(number, decimals, locale).len() < 400);
                }
            }
        }
    }
}
