//! Colour, where a person sees it and wants it: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).

use greentic_host::config::environment;
use std::io::IsTerminal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    coloured: bool,
}

impl Paint {
    pub fn of_stdout() -> Paint {
        Paint::of(std::io::stdout().is_terminal())
    }

    pub fn of_stderr() -> Paint {
        Paint::of(std::io::stderr().is_terminal())
    }

    fn of(is_terminal: bool) -> Paint {
        let wanted = environment("NO_COLOR").is_none_or(|value| value.is_empty());
        let able = environment("TERM").is_none_or(|terminal| terminal != "dumb");
        Paint { coloured: wanted && able && is_terminal }
    }

    #[cfg(test)]
    pub fn plain() -> Paint {
        Paint { coloured: false }
    }

    pub fn is_coloured(self) -> bool {
        self.coloured
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// By an attribute of ANSI's `SGR`.
    fn with(self, attribute: &str, text: &str) -> String {
        if self.coloured { format!("\u{1b}[{attribute}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// What a flow or a user wrote, so that it can't steer the terminal that shows it.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_where_it_is_wanted() {
        assert_eq!(Paint { coloured: false }.red("x"), "x");
        assert_eq!(Paint { coloured: true }.red("x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(harmless("a\u{1b}[2Jb\tc"), "a\u{fffd}[2Jb\tc");
    }
}
