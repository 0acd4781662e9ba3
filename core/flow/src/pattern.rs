//! Trigger patterns: regular expressions, made into automata at build and searched from bytes at run.
//!
//! Unicode throughout, with one exception: word boundaries (`\b` and its kin) are those of ASCII, because an automaton
//! of bytes can't look at a whole character beside it. `\bhallo\b` works as expected; beside a letter such as `é` a
//! boundary is seen where a reader would see none.
//!
//! The bytes are a sparse automaton of `regex-automata`, little endian (wasm and every host we run on), valid at any
//! alignment. Loading one checks it, so damaged bytes are an error and never a wrong memory access.

use crate::budget::RenderError;
use regex_automata::Input;
use regex_automata::dfa::{Automaton, sparse};

/// Whether the pattern is found anywhere in `text`.
pub fn found(automaton: &[u8], text: &str) -> Result<bool, RenderError> {
    let malformed = |error: &dyn std::fmt::Display| RenderError::Malformed(format!("pattern: {error}"));
    let (automaton, _) = sparse::DFA::from_bytes(automaton).map_err(|error| malformed(&error))?;
    let input = Input::new(text).earliest(true);
    let end = automaton.try_search_fwd(&input).map_err(|error| malformed(&error))?;
    Ok(end.is_some())
}

#[cfg(feature = "compile")]
pub use build::pattern;

#[cfg(feature = "compile")]
mod build {
    use crate::expr::SyntaxError;
    use crate::ir::Program;
    use regex_automata::dfa::{StartKind, dense};
    use regex_automata::nfa::thompson;
    use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};
    use std::fmt::Display;

    /// Bytes of the automaton while it is made, and again for the work of making it. A build may spend a moment on a
    /// pattern, not a machine.
    const MAX_WORK: usize = 1024 * 1024;

    /// Bytes of the automaton as it is kept: it is checked once a message, which takes longer the larger it is.
    const MAX_STORED: usize = 128 * 1024;

    /// Minimising takes much longer than it saves above this size.
    const MAX_MINIMISED: usize = 128 * 1024;

    pub fn pattern(text: &str) -> Result<Program<'static>, SyntaxError> {
        let hir =
            regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(text).map_err(|error| match error {
                regex_syntax::Error::Parse(error) => {
                    SyntaxError::new(error.span().start.offset, error.kind().to_string())
                }
                regex_syntax::Error::Translate(error) => {
                    SyntaxError::new(error.span().start.offset, error.kind().to_string())
                }
                other => SyntaxError::new(0, other.to_string()),
            })?;
        let config =
            thompson::Config::new().which_captures(thompson::WhichCaptures::None).nfa_size_limit(Some(MAX_WORK));
        let nfa = thompson::Compiler::new()
            .configure(config)
            .build_from_hir(&ascii_boundaries(hir))
            .map_err(|error| too_large(&error))?;
        let mut dense = automaton(&nfa, false)?;
        if dense.memory_usage() <= MAX_MINIMISED {
            dense = automaton(&nfa, true)?;
        }
        let bytes = dense.to_sparse().map_err(|error| too_large(&error))?.to_bytes_little_endian();
        if bytes.len() > MAX_STORED {
            return Err(too_large(&format_args!("{} bytes", bytes.len())));
        }
        Ok(bytes.into())
    }

    fn automaton(nfa: &thompson::NFA, minimise: bool) -> Result<dense::DFA<Vec<u32>>, SyntaxError> {
        let config = dense::Config::new()
            .accelerate(false)
            .minimize(minimise)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(MAX_WORK))
            .determinize_size_limit(Some(MAX_WORK));
        dense::Builder::new().configure(config).build_from_nfa(nfa).map_err(|error| too_large(&error))
    }

    fn too_large(why: &dyn Display) -> SyntaxError {
        SyntaxError::new(0, format!("this pattern makes too large an automaton ({why})"))
            .hint("use fewer counted repetitions, or `[0-9]` and `[a-z]` in place of `\\d` and `\\w`")
    }

    /// The same expression with boundaries that a byte automaton can see, and without the groups it has no use for.
    fn ascii_boundaries(hir: Hir) -> Hir {
        match hir.into_kind() {
            HirKind::Empty => Hir::empty(),
            HirKind::Literal(literal) => Hir::literal(literal.0),
            HirKind::Class(class) => Hir::class(class),
            HirKind::Look(look) => Hir::look(match look {
                Look::WordUnicode => Look::WordAscii,
                Look::WordUnicodeNegate => Look::WordAsciiNegate,
                Look::WordStartUnicode => Look::WordStartAscii,
                Look::WordEndUnicode => Look::WordEndAscii,
                Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
                Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
                other => other,
            }),
            HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
                Hir::repetition(Repetition { min, max, greedy, sub: Box::new(ascii_boundaries(*sub)) })
            }
            HirKind::Capture(Capture { sub, .. }) => ascii_boundaries(*sub),
            HirKind::Concat(subs) => Hir::concat(subs.into_iter().map(ascii_boundaries).collect()),
            HirKind::Alternation(subs) => Hir::alternation(subs.into_iter().map(ascii_boundaries).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(regex: &str, text: &str) -> bool {
        found(&pattern(regex).unwrap(), text).unwrap()
    }

    #[test]
    fn what_is_found() {
        for (regex, text, expected) in [
            ("^/start", "/start now", true),
            ("^/start", "x /start", false),
            ("(?i)^(hi|hello)$", "HELLO", true),
            ("(?i)^(hi|hello)$", "hello!", false),
            (r"\border\b", "my order please", true),
            (r"\border\b", "reorder", false),
            (r"(?i)grüße", "GRÜSSE", false),
            (r"(?i)grüße", "GRÜßE", true),
            (r"^\d{3,4}$", "1234", true),
            ("", "anything", true),
            (r"\p{Cyrillic}+", "да", true),
            ("a.c", "a\u{1f600}c", true),
        ] {
            assert_eq!(matches(regex, text), expected, "{regex} in {text}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        assert_eq!(pattern("ab(c").unwrap_err().offset, 2);
        assert_eq!(pattern("a**{").unwrap_err().offset, 3);
        assert!(pattern(r"(\w{50}){50}").unwrap_err().message.contains("too large"));
    }

    #[test]
    fn the_same_pattern_makes_the_same_bytes() {
        assert_eq!(pattern(r"(?i)^\s*(yes|no|maybe)\b"), pattern(r"(?i)^\s*(yes|no|maybe)\b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_panics(regex in "[a-c(|)*+?\\[\\]^$.\\\\{}0-9-]{0,10}", text in ".{0,20}") {
            if let Ok(automaton) = pattern(&regex) {
                let _ = found(&automaton, &text);
            }
        }

        #[test]
        fn damage_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), text in ".{0,20}") {
            let mut automaton = pattern("(?i)^(yes|no)").unwrap().0.into_owned();
            let at = at.index(automaton.len());
            automaton[at] = byte;
            let _ = found(&automaton, &text);
        }
    }
}
