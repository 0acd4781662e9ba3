//! What helpers make of their arguments. Every one makes text, and none can fail for what data holds: an argument of
//! the wrong type shows a user what is there, which serves better than nothing.

use super::dates::{self, Moment};
use super::locale::Locale;
use super::numbers::{self, Number};
use crate::budget::{Budget, RenderError};
use crate::data::{Data, Datum, json};
use crate::expr::Helper;

pub fn call(
    helper: Helper,
    arguments: &[Datum<'_>],
    data: &dyn Data,
    budget: &mut Budget,
) -> Result<String, RenderError> {
    let first = arguments.first().unwrap_or(&Datum::Null);
    let second = arguments.get(1).unwrap_or(&Datum::Null);
    let locale = || Locale::of(data.locale());
    // JSON is made of the value itself, all else of its text.
    let plain = if helper == Helper::Json { String::new() } else { text(first, budget)? };
    Ok(match helper {
        Helper::Json => json(&first.to_value(budget)?)?,
        Helper::Uppercase => plain.to_uppercase(),
        Helper::Lowercase => plain.to_lowercase(),
        Helper::Capitalize => capitalize(&plain),
        Helper::Truncate => truncate(&plain, second),
        Helper::FormatNumber => match Number::of(first) {
            Some(number) => numbers::decimal(number, whole(second), locale()),
            None => plain,
        },
        Helper::Currency => match Number::of(first) {
            Some(number) => numbers::currency(number, &text(second, budget)?, locale()),
            None => plain,
        },
        Helper::Percent => match Number::of(first) {
            Some(number) => numbers::percent(number, whole(second).unwrap_or(0), locale()),
            None => plain,
        },
        Helper::FormatDate => match Moment::of(first) {
            Some(moment) => moment.format(&text(second, budget)?, locale(), budget)?,
            None => plain,
        },
        Helper::RelativeTime => match Moment::of(first) {
            Some(moment) => dates::relative(moment, data.now_ms(), locale()),
            None => plain,
        },
        Helper::Now => match Moment::at(data.now_ms()) {
            Some(now) if plain.is_empty() => now.iso(),
            Some(now) => now.format(&plain, locale(), budget)?,
            None => String::new(),
        },
        // The key says more than nothing about what is missing.
        Helper::Translate => data.translated(&plain).map(str::to_owned).unwrap_or(plain),
    })
}

fn text(value: &Datum<'_>, budget: &mut Budget) -> Result<String, RenderError> {
    let mut text = String::new();
    value.write(&mut text, budget)?;
    Ok(text)
}

fn whole(value: &Datum<'_>) -> Option<usize> {
    match value {
        Datum::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A length that is no number, or below zero, cuts nothing: a text too long serves a user better than none.
fn truncate(text: &str, size: &Datum<'_>) -> String {
    match whole(size) {
        Some(size) if text.chars().count() > size => {
            text.chars().take(size.saturating_sub(1)).chain((size > 0).then_some('…')).collect()
        }
        _ => text.to_owned(),
    }
}
