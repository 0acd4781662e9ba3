//! What a user's words mean as the answer to a question, or why they can't be its answer.

use crate::budget::RenderError;
use crate::ir::{AnswerType, Question};
use crate::pattern;
use greentic_types::Value;

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    Empty,
    NoNumber,
    NoInteger,
    NoYesOrNo,
    NoDate,
    NoEmail,
    /// The values there are.
    NoChoice(Vec<String>),
    TooSmall(f64),
    TooLarge(f64),
    TooShort(u32),
    TooLong(u32),
    TooManyWords(u32),
    /// Not of the form that the question wants.
    Form,
}

/// The inner error is the user's, the outer one the compiled flow's.
pub fn read(question: &Question<'_>, given: &str) -> Result<Result<Value, Refusal>, RenderError> {
    let text = given.trim();
    if text.is_empty() {
        let left_out = question.default.clone().or((!question.required).then_some(Value::Null));
        return Ok(left_out.ok_or(Refusal::Empty));
    }
    if let Some(automaton) = &question.pattern
        && !pattern::found(automaton, text)?
    {
        return Ok(Err(Refusal::Form));
    }
    Ok(lengths(question, text).and_then(|()| typed(question, text)))
}

fn lengths(question: &Question<'_>, text: &str) -> Result<(), Refusal> {
    let characters = text.chars().count() as u64;
    let words = text.split_whitespace().count() as u64;
    match (question.min_length, question.max_length, question.max_words) {
        (Some(min), ..) if characters < u64::from(min) => Err(Refusal::TooShort(min)),
        (_, Some(max), _) if characters > u64::from(max) => Err(Refusal::TooLong(max)),
        (.., Some(max)) if words > u64::from(max) => Err(Refusal::TooManyWords(max)),
        _ => Ok(()),
    }
}

fn typed(question: &Question<'_>, text: &str) -> Result<Value, Refusal> {
    match question.answer_type {
        AnswerType::Text if question.choices.is_some() => choice(question, text),
        AnswerType::Text => Ok(Value::Text(text.to_owned())),
        AnswerType::Choice => choice(question, text),
        AnswerType::Integer => {
            let number: i64 = text.parse().map_err(|_| Refusal::NoInteger)?;
            within(question, number as f64).map(|()| Value::Int(number))
        }
        AnswerType::Number => match (text.parse::<i64>(), number(text)) {
            (Ok(whole), _) => within(question, whole as f64).map(|()| Value::Int(whole)),
            (Err(_), Some(broken)) => within(question, broken).map(|()| Value::Float(broken)),
            (Err(_), None) => Err(Refusal::NoNumber),
        },
        AnswerType::Boolean => yes_or_no(text).map(Value::Bool).ok_or(Refusal::NoYesOrNo),
        AnswerType::Date => is_date(text).then(|| Value::Text(text.to_owned())).ok_or(Refusal::NoDate),
        AnswerType::Email => is_email(text).then(|| Value::Text(text.to_owned())).ok_or(Refusal::NoEmail),
    }
}

/// A decimal point, or a comma where there is no point. Neither `inf` nor `nan`, which are words.
fn number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E'));
    let number = if text.contains('.') { text.parse() } else { text.replacen(',', ".", 1).parse() };
    number.ok().filter(|number: &f64| plain && number.is_finite())
}

fn within(question: &Question<'_>, number: f64) -> Result<(), Refusal> {
    match (question.min, question.max) {
        (Some(min), _) if number < min => Err(Refusal::TooSmall(min)),
        (_, Some(max)) if number > max => Err(Refusal::TooLarge(max)),
        _ => Ok(()),
    }
}

/// By its value, in any case, as a user may write what the button would have said.
fn choice(question: &Question<'_>, text: &str) -> Result<Value, Refusal> {
    let choices = question.choices.as_deref().unwrap_or_default();
    let lower = text.to_lowercase();
    match choices.iter().find(|choice| choice.value.to_lowercase() == lower) {
        Some(choice) => Ok(Value::Text(choice.value.as_str().to_owned())),
        None => Err(Refusal::NoChoice(choices.iter().map(|choice| choice.value.as_str().to_owned()).collect())),
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "y" | "true" | "1" | "ja" | "oui" | "si" | "sí" | "sì" | "sim" => Some(true),
        "no" | "n" | "false" | "0" | "nein" | "non" | "nee" | "não" => Some(false),
        _ => None,
    }
}

/// `YYYY-MM-DD`, a day there is.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u32>(), month.parse::<u32>(), day.parse::<u32>()) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether it looks like an address; whether there is one, only a mail can tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c == '@');
    plain(local) && plain(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Choice;
    use proptest::prelude::*;

    fn question(answer_type: AnswerType) -> Question<'static> {
        Question { id: "q".into(), required: true, answer_type, ..Question::default() }
    }

    fn read_as(answer_type: AnswerType, given: &str) -> Result<Value, Refusal> {
        read(&question(answer_type), given).unwrap()
    }

    #[test]
    fn answers_have_their_type() {
        let text = |text: &str| Ok(Value::Text(text.to_owned()));
        assert_eq!(read_as(AnswerType::Text, " a b "), text("a b"));
        assert_eq!(read_as(AnswerType::Integer, "42"), Ok(Value::Int(42)));
        assert_eq!(read_as(AnswerType::Integer, "4.2"), Err(Refusal::NoInteger));
        assert_eq!(read_as(AnswerType::Number, "4,5"), Ok(Value::Float(4.5)));
        assert_eq!(read_as(AnswerType::Number, "-3"), Ok(Value::Int(-3)));
        assert_eq!(read_as(AnswerType::Number, "nan"), Err(Refusal::NoNumber));
        assert_eq!(read_as(AnswerType::Number, "1e999"), Err(Refusal::NoNumber));
        assert_eq!(read_as(AnswerType::Boolean, "Ja"), Ok(Value::Bool(true)));
        assert_eq!(read_as(AnswerType::Boolean, "perhaps"), Err(Refusal::NoYesOrNo));
        assert_eq!(read_as(AnswerType::Date, "2024-02-29"), text("2024-02-29"));
        for bad in ["2023-02-29", "2024-13-01", "2024-1-1", "2024-04-31", "20240401", "2024-04-01-", "２０24-04-01"] {
            assert_eq!(read_as(AnswerType::Date, bad), Err(Refusal::NoDate), "{bad}");
        }
        assert_eq!(read_as(AnswerType::Email, "a@b.example"), text("a@b.example"));
        for bad in ["a", "@b.c", "a@b", "a@b..c", "a b@c.d", "a@@b.c"] {
            assert_eq!(read_as(AnswerType::Email, bad), Err(Refusal::NoEmail), "{bad}");
        }
    }

    #[test]
    fn limits_hold_and_what_may_be_left_out_may() {
        let bounded = Question { min: Some(1.0), max: Some(9.0), ..question(AnswerType::Number) };
        assert_eq!(read(&bounded, "0.5").unwrap(), Err(Refusal::TooSmall(1.0)));
        assert_eq!(read(&bounded, "10").unwrap(), Err(Refusal::TooLarge(9.0)));
        let short =
            Question { min_length: Some(2), max_length: Some(5), max_words: Some(2), ..question(AnswerType::Text) };
        assert_eq!(read(&short, "é").unwrap(), Err(Refusal::TooShort(2)));
        assert_eq!(read(&short, "éééééé").unwrap(), Err(Refusal::TooLong(5)));
        assert_eq!(read(&short, "a b c").unwrap(), Err(Refusal::TooManyWords(2)));
        assert_eq!(read_as(AnswerType::Text, " "), Err(Refusal::Empty));
        let free = Question { required: false, ..question(AnswerType::Text) };
        assert_eq!(read(&free, "").unwrap(), Ok(Value::Null));
        let given = Question { default: Some(Value::Int(3)), ..question(AnswerType::Integer) };
        assert_eq!(read(&given, "").unwrap(), Ok(Value::Int(3)));
    }

    #[test]
    fn a_choice_is_one_of_its_values() {
        let choices = ["Small", "Large"].map(|value| Choice { label: Vec::new().into(), value: value.into() });
        let sized = Question { choices: Some(choices.to_vec()), ..question(AnswerType::Choice) };
        assert_eq!(read(&sized, "large").unwrap(), Ok(Value::Text("Large".into())));
        let expected = Err(Refusal::NoChoice(vec!["Small".into(), "Large".into()]));
        assert_eq!(read(&sized, "huge").unwrap(), expected);
    }

    proptest! {
        #[test]
        fn no_words_panic(words in ".{0,30}", kind in 0u8..7) {
            let types = [
                AnswerType::Text, AnswerType::Number, AnswerType::Integer, AnswerType::Boolean, AnswerType::Date,
                AnswerType::Email, AnswerType::Choice,
            ];
            let _ = read_as(types[usize::from(kind)], &words);
        }
    }
}
