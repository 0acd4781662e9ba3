//! Commands: `/name@BotName arguments` at the beginning of a text, deep links (`/start payload`) among them.

use super::update::Entity;

/// Longest name Telegram marks as a command, and longer than any username.
const NAME_LIMIT: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub struct Command<'t> {
    /// Without the slash, in the case the user typed.
    pub name: &'t str,
    /// The bot it is meant for, when it names one.
    pub bot: Option<&'t str>,
    pub arguments: &'t str,
}

/// Telegram marks a command with an entity; where there are entities and none is a command at the very beginning, it
/// is none (in a block of code, for one). Telegram's own sample updates carry no entities at all: then the words decide.
pub fn parse<'t>(text: &'t str, entities: &[Entity<'_>]) -> Option<Command<'t>> {
    let (name, rest) = word(text.strip_prefix('/')?)?;
    let (bot, rest) = match rest.strip_prefix('@').and_then(word) {
        Some((bot, rest)) => (Some(bot), rest),
        None => (None, rest),
    };
    let is_command = if entities.is_empty() {
        rest.is_empty() || rest.starts_with(char::is_whitespace)
    } else {
        entities.iter().any(|entity| entity.kind.0 == "bot_command" && entity.offset == 0)
    };
    is_command.then_some(Command { name, bot, arguments: rest.trim() })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| (1..=NAME_LIMIT).contains(&word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient::Text;

    fn entity(kind: &'static str, offset: u64) -> Entity<'static> {
        Entity { kind: Text(kind.into()), offset }
    }

    #[test]
    fn name_bot_and_arguments() {
        let command = |name, bot, arguments| Some(Command { name, bot, arguments });
        assert_eq!(parse("/start", &[]), command("start", None, ""));
        assert_eq!(parse("/start  abc-1_2 ", &[]), command("start", None, "abc-1_2"));
        assert_eq!(parse("/Help@TestBot\nme", &[]), command("Help", Some("TestBot"), "me"));
        assert_eq!(parse("/help, please", &[entity("bot_command", 0)]), command("help", None, ", please"));
    }

    #[test]
    fn what_is_no_command() {
        for text in ["", "/", "start", " /start", "/usr/bin", "/grün", "/@TestBot", &format!("/{}", "a".repeat(65))] {
            assert_eq!(parse(text, &[]), None, "{text:?}");
        }
        assert_eq!(parse("/start", &[entity("code", 0)]), None);
        assert_eq!(parse("/start /stop", &[entity("bot_command", 7)]), None);
    }
}
