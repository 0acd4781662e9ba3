//! Findings: what a flow's author is told, where, and what to do about it.
//!
//! Every code stands in [`CODES`] with what it means; `docs/flow-diagnostics.md` is made from that table. A code never
//! changes its meaning and has one severity, so that machines can rely on it.

use serde_json::{Value as Json, json};

/// How bad it is. A flow with an error is not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub hint: Option<String>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// A place in a flow's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Position = Position { line: 1, column: 1 };

    /// Of what stands in no text.
    pub(crate) const NOWHERE: Position = Position { line: 0, column: 0 };
}

/// What a code means, for the reference.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub name: &'static str,
    pub severity: Severity,
    /// What is wrong, and what to do.
    pub about: &'static str,
}

const fn error(name: &'static str, about: &'static str) -> Code {
    Code { name, severity: Severity::Error, about }
}

const fn warning(name: &'static str, about: &'static str) -> Code {
    Code { name, severity: Severity::Warning, about }
}

/// Every code there is, in the order of the reference.
pub const CODES: &[Code] = &[
    error(
        "yaml",
        "The text is not one YAML document within the limits: a syntax error, a tag, a second document, nesting or aliases beyond the limit.",
    ),
    error(
        "too-large",
        "There is more of something than a flow may have: nodes, triggers, questions, buttons. Split the flow; one flow can call another.",
    ),
    error("shape", "A value has the wrong shape: a map where a list belongs, a list where text belongs."),
    error("duplicate-key", "A map has the same key twice, or two keys that mean the same."),
    error("missing-key", "A key that is required is absent."),
    error("unknown-key", "A map has a key that means nothing there. The hint names the nearest known one."),
    error("bad-value", "A value is outside what its key takes: a word of a fixed set, a number within bounds."),
    error(
        "bad-id",
        "A name can't be used: it has characters that a path can't have, is too long, or means something else already.",
    ),
    error("duplicate-id", "Two nodes, slots or questions have the same name."),
    error("unknown-target", "An edge leads to a node that the flow does not have."),
    error("unknown-type", "There is no node type, trigger type or flow type of that name."),
    error(
        "unknown-component",
        "The pack has no component of that name, or the flow's `.resolve.json` binds none to the node.",
    ),
    error("unknown-operation", "The component has no operation of that name."),
    error(
        "operation-count",
        "A node of the map dialect has exactly one operation key beside the reserved keys; this one has none, or several.",
    ),
    error(
        "bad-expression",
        "An expression can't be parsed. The column is that of the first character that does not fit.",
    ),
    error("bad-template", "A template can't be parsed, or calls a helper that does not exist."),
    error("bad-script", "A Rhai script can't be parsed."),
    error("bad-pattern", "A regular expression can't be parsed, or its automaton would be too large."),
    error("bad-cron", "A cron expression or the name of its time zone is wrong."),
    error(
        "bad-card",
        "A card is not an Adaptive Card: no JSON, an element without a required member, a member of the wrong type.",
    ),
    error("missing-asset", "The flow names an asset that the pack does not have, or that can't be read as text."),
    error("no-successor", "A node that waits for the user's answer leads nowhere, so the answer would be lost."),
    error("missing-flow", "The flow calls a flow that the pack does not have."),
    error("flow-recursion", "Flows call each other in a circle. `flow.goto` does not return and may go round."),
    error(
        "not-supported",
        "A form of the public language that has no meaning in this runtime. The hint says what to write in its place.",
    ),
    error("bad-sidecar", "The `.resolve.json` beside the flow is not what it should be."),
    error("not-convertible", "The other dialect has no way to say this."),
    warning(
        "alias",
        "A key is read as another one that it is often mistaken for. `greentic-edge flow fmt` writes the right one.",
    ),
    warning(
        "bare-path",
        "A bare path, as in `in.question`, is read as the template `{{in.question}}`. Write the template.",
    ),
    warning(
        "misplaced-key",
        "A key that belongs beside the operation stands inside its payload, where it is only data.",
    ),
    warning("no-effect", "A key of the language that changes nothing in this runtime."),
    warning(
        "unverified",
        "The flow was checked without its pack, so it can't be said whether the component, flow or asset exists.",
    ),
    warning("unreachable", "No trigger leads to the node."),
    warning(
        "endless-cycle",
        "A circle of nodes has no node in it that waits. It ends only by a branch, or by the limit of nodes for one message.",
    ),
    warning("shadowed-trigger", "An earlier trigger takes every message that this one would."),
    warning("unset-variable", "A template or expression reads a name that nothing in the flow sets. It is null there."),
    warning("unread-output", "A node keeps its result under a name that nothing in the flow reads."),
    warning(
        "unknown-element",
        "A card has an element or action that Adaptive Cards 1.6 does not define; channels may leave it out.",
    ),
];

fn severity_of(code: &str) -> Option<Severity> {
    CODES.iter().find(|known| known.name == code).map(|known| known.severity)
}

impl Finding {
    fn new(code: &'static str, severity: Severity, at: Position, message: String) -> Self {
        debug_assert_eq!(severity_of(code), Some(severity), "`{code}` in CODES");
        Finding { code, severity, message, hint: None, line: at.line, column: at.column }
    }

    pub(crate) fn error(code: &'static str, at: Position, message: String) -> Self {
        Finding::new(code, Severity::Error, at, message)
    }

    pub(crate) fn warning(code: &'static str, at: Position, message: String) -> Self {
        Finding::new(code, Severity::Warning, at, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// For machines: `code`, `severity`, `message`, `hint` (null where there is none), `line`, `column`.
    pub fn to_json(&self) -> Json {
        json!({
            "code": self.code,
            "severity": self.severity.as_str(),
            "message": self.message,
            "hint": self.hint,
            "line": self.line,
            "column": self.column,
        })
    }
}

/// `3:14: error[code]: message`, with the hint on a line of its own: what a file's name is put before.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = self.severity.as_str();
        write!(f, "{}:{}: {severity}[{}]: {}", self.line, self.column, self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  help: {hint}"),
            None => Ok(()),
        }
    }
}

/// Findings as they are made. More than [`Findings::MAX`] are counted but not kept: a megabyte of mistakes must not
/// become a gigabyte of messages.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    failed: bool,
    dropped: usize,
}

impl Findings {
    const MAX: usize = 1_000;

    pub fn push(&mut self, finding: Finding) {
        self.failed |= finding.severity == Severity::Error;
        if self.kept.len() < Findings::MAX {
            self.kept.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether any of them is an error.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// In the order of the text, and within one place always the same; the same finding once.
    pub fn into_sorted(self) -> Vec<Finding> {
        let mut findings = self.kept;
        findings.sort_by(|a, b| {
            (a.line, a.column, a.severity, a.code, &a.message).cmp(&(b.line, b.column, b.severity, b.code, &b.message))
        });
        findings.dedup();
        // The last one's place, so that the order holds.
        if let Some(last) = findings.last().filter(|_| self.failed && self.dropped > 0) {
            let at = Position { line: last.line, column: last.column };
            let message = format!("{} more findings are not shown", self.dropped);
            findings.push(Finding::error("too-large", at, message));
        }
        findings
    }
}

/// The reference of all codes, as `docs/flow-diagnostics.md` has it.
pub fn diagnostics_markdown() -> String {
    let mut text = String::from(DOCUMENT_HEAD);
    for (title, severity) in [("Errors", Severity::Error), ("Warnings", Severity::Warning)] {
        text.push_str(&format!("\n## {title}\n\n| code | meaning |\n|---|---|\n"));
        for code in CODES.iter().filter(|code| code.severity == severity) {
            text.push_str(&format!("| `{}` | {} |\n", code.name, code.about));
        }
    }
    text
}

const DOCUMENT_HEAD: &str = "\
# What `flow validate` finds

Made from the table in `core/flow/src/finding.rs`; a test compares the two.

Each finding has a code, a severity, a place (`file:line:column`, both from 1, the column in characters) and, where there is
something to suggest, a hint. All findings of a flow come at once, in the order of the text. A code keeps its meaning for
ever. A flow with an error is not compiled (exit code 4); warnings don't stop anything. `--json` prints a list of objects
with `code`, `severity`, `message`, `hint`, `line` and `column`.
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_stands_once_in_the_table() {
        let names: BTreeSet<_> = CODES.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), CODES.len());
        assert!(CODES.iter().all(|code| code.about.ends_with('.')));
    }

    #[test]
    fn a_finding_for_machines() {
        let finding = Finding::error("bad-id", Position { line: 3, column: 14 }, "no".to_owned()).hint("yes");
        assert_eq!(
            finding.to_json(),
            json!({ "code": "bad-id", "severity": "error", "message": "no", "hint": "yes", "line": 3, "column": 14 })
        );
        assert_eq!(finding.to_string(), "3:14: error[bad-id]: no\n  help: yes");
    }
}
