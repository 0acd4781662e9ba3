//! What a user is told of an answer that was not taken, where the flow's author says nothing of their own.

use super::answer::Refusal;

/// In the language of the locale where there is a translation, else in English.
pub fn reason(refusal: &Refusal, locale: &str) -> String {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    if language.eq_ignore_ascii_case("de") { german(refusal) } else { english(refusal) }
}

fn english(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Empty => "Please answer the question.".to_owned(),
        Refusal::NoNumber => "Please answer with a number.".to_owned(),
        Refusal::NoInteger => "Please answer with a whole number.".to_owned(),
        Refusal::NoYesOrNo => "Please answer yes or no.".to_owned(),
        Refusal::NoDate => "Please answer with a date such as 2030-01-31.".to_owned(),
        Refusal::NoEmail => "Please answer with an e-mail address.".to_owned(),
        Refusal::NoChoice(values) => format!("Please choose one of: {}.", values.join(", ")),
        Refusal::TooSmall(min) => format!("The number must be at least {min}."),
        Refusal::TooLarge(max) => format!("The number must be at most {max}."),
        Refusal::TooShort(min) => format!("Please use at least {min} characters."),
        Refusal::TooLong(max) => format!("Please use at most {max} characters."),
        Refusal::TooManyWords(max) => format!("Please use at most {max} words."),
        Refusal::Form => "This answer does not have the expected form.".to_owned(),
    }
}

fn german(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Empty => "Bitte beantworten Sie die Frage.".to_owned(),
        Refusal::NoNumber => "Bitte antworten Sie mit einer Zahl.".to_owned(),
        Refusal::NoInteger => "Bitte antworten Sie mit einer ganzen Zahl.".to_owned(),
        Refusal::NoYesOrNo => "Bitte antworten Sie mit ja oder nein.".to_owned(),
        Refusal::NoDate => "Bitte antworten Sie mit einem Datum wie 2030-01-31.".to_owned(),
        Refusal::NoEmail => "Bitte antworten Sie mit einer E-Mail-Adresse.".to_owned(),
        Refusal::NoChoice(values) => format!("Bitte wählen Sie eines von: {}.", values.join(", ")),
        Refusal::TooSmall(min) => format!("Die Zahl muss mindestens {min} sein."),
        Refusal::TooLarge(max) => format!("Die Zahl darf höchstens {max} sein."),
        Refusal::TooShort(min) => format!("Bitte verwenden Sie mindestens {min} Zeichen."),
        Refusal::TooLong(max) => format!("Bitte verwenden Sie höchstens {max} Zeichen."),
        Refusal::TooManyWords(max) => format!("Bitte verwenden Sie höchstens {max} Wörter."),
        Refusal::Form => "Diese Antwort hat nicht die erwartete Form.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_users_where_there_is_one() {
        assert_eq!(reason(&Refusal::NoNumber, "de-AT"), "Bitte antworten Sie mit einer Zahl.");
        assert_eq!(reason(&Refusal::TooSmall(1.0), "fr"), "The number must be at least 1.");
        assert_eq!(reason(&Refusal::Empty, ""), "Please answer the question.");
    }
}
