//! Regular expressions for whoever tests a flow: the same ones, with the same meaning, as its triggers have.

use crate::ir::Program;
use crate::pattern;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Program<'static>);

impl Pattern {
    /// On failure, what is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        pattern::pattern(text).map(Pattern).map_err(|error| error.message)
    }

    /// Whether it is found anywhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        // The automaton was made above, so it can't be damaged.
        pattern::found(&self.0, text).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_anywhere() {
        assert!(Pattern::new("n[0-9]+").unwrap().is_in("order n42!"));
        assert!(!Pattern::new("^n").unwrap().is_in("order n42!"));
        assert!(Pattern::new("(").is_err());
    }
}
