//! Findings: what a flow's author is told, where, and what to do about it.

/// How bad it is. A flow with an error is not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One finding. `code` never changes its meaning, so machines can rely on it.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Finding {
    pub(crate) fn new(code: &'static str, severity: Severity, at: Position, message: String) -> Self {
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
}

/// `3:14: error[code]: message`, with the hint on a line of its own: what a file's name is put before.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}: {severity}[{}]: {}", self.line, self.column, self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  help: {hint}"),
            None => Ok(()),
        }
    }
}

/// In the order of the text, and within one place always the same.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (a.line, a.column, a.severity, a.code, &a.message).cmp(&(b.line, b.column, b.severity, b.code, &b.message))
    });
}

/// The known name that `name` was most likely meant to be. Two letters may be wrong, so that a swap is found; fewer in
/// a short name and more in a long one, so that a hint is worth reading.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..4 => 1,
        4..10 => 2,
        _ => 3,
    };
    let near = known.into_iter().map(|known| (distance(name, known), known));
    near.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, wanted) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (index, index + 1);
        let mut next = vec![left];
        for (found, above) in b.iter().zip(row.iter().skip(1)) {
            left = if *found == wanted { diagonal } else { 1 + diagonal.min(*above).min(left) };
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("reply", "repyl", 2), ("wait", "await", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_far_name_is_no_hint() {
        let known = ["reply", "template", "branch", "state", "wait"];
        assert_eq!(nearest("replay", known), Some("reply"));
        assert_eq!(nearest("tempalte", known), Some("template"));
        assert_eq!(nearest("http", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
