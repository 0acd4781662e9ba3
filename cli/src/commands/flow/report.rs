//! Findings as a good compiler shows them: the line, a mark below the place, what is wrong and what to do.

use super::paint::Paint;
use crate::flow_sources::Checked;
use greentic_flow::{Finding, Severity};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use std::fmt::{self, Display};

/// All findings of one file, each with what stands there.
pub fn render(checked: &Checked, paint: Paint) -> Result<String, fmt::Error> {
    let styles = if paint.is_coloured() { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    // Wrapped by the terminal, not here: a message that is searched for stays in one line.
    let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_context_lines(1);
    let name = checked.file.display().to_string();
    let starts = line_starts(&checked.text);
    let mut out = String::new();
    for finding in &checked.findings {
        let span = span(finding, &checked.text, &starts);
        let source = Source { name: &name, text: &checked.text, column: finding.column };
        handler.render_report(&mut out, &Shown { finding, source, span })?;
        out.push('\n');
    }
    Ok(out)
}

/// `2 errors, 1 warning in 3 files`.
pub fn summary(files: &[Checked]) -> String {
    let count = |severity: Severity| {
        files.iter().flat_map(|file| &file.findings).filter(|finding| finding.severity == severity).count()
    };
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(counted(errors, "error"));
    }
    if warnings > 0 {
        parts.push(counted(warnings, "warning"));
    }
    let found = if parts.is_empty() { "nothing to report".to_owned() } else { parts.join(", ") };
    format!("{found} in {}", counted(files.len(), "file"))
}

#[derive(Debug)]
struct Shown<'f> {
    finding: &'f Finding,
    source: Source<'f>,
    span: SourceSpan,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(format!("{}[{}]", self.finding.severity.as_str(), self.finding.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.finding.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, self.span))))
    }
}

/// The text under its file's name. It counts columns in characters, as findings do, where miette counts bytes.
#[derive(Debug)]
struct Source<'f> {
    name: &'f str,
    text: &'f str,
    column: u32,
}

impl SourceCode for Source<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        // Without lines before it, the contents begin at the span itself.
        let column = if before == 0 { column_index(self.column) } else { contents.column() };
        let (data, span) = (contents.data(), *contents.span());
        let named = MietteSpanContents::new_named(
            self.name.to_owned(),
            data,
            span,
            contents.line(),
            column,
            contents.line_count(),
        );
        Ok(Box::new(named))
    }
}

fn column_index(column: u32) -> usize {
    usize::try_from(column.saturating_sub(1)).unwrap_or_default()
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The word at the finding's place; one character of what is no word.
fn span(finding: &Finding, text: &str, starts: &[usize]) -> SourceSpan {
    let line = usize::try_from(finding.line.saturating_sub(1)).unwrap_or_default();
    let start = starts.get(line).copied().unwrap_or(text.len());
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let offset = line.char_indices().nth(column_index(finding.column)).map_or(line.len(), |(at, _)| at);
    let rest = line.get(offset..).unwrap_or_default();
    let word = rest.find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).unwrap_or(rest.len());
    let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    (start + offset, length).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_flow::{Context, compile};
    use std::path::PathBuf;

    fn shown(text: &str) -> String {
        let findings = compile(text, &Context::default()).unwrap_err();
        let checked = Checked { file: PathBuf::from("flows/a.ygtc"), text: text.to_owned(), findings };
        let paint = Paint::plain();
        format!("{}{}", render(&checked, paint).unwrap(), summary(&[checked]))
    }

    #[test]
    fn the_mark_is_below_the_word() {
        let text = "name: a\nversion: 1\ntriggers: [{type: default, target: hi}]\nnodes:\n  - {id: hi, type: reply, config: {message: 'Grüße'}, next: hii}\n";
        let shown = shown(text);
        assert!(shown.contains("error[unknown-target]"), "{shown}");
        // In characters: two letters before it have two bytes.
        assert!(shown.contains("[flows/a.ygtc:5:61]"), "{shown}");
        assert!(shown.contains("help: did you mean `hi`?"), "{shown}");
        assert!(shown.ends_with("1 error in 1 file"), "{shown}");
    }

    #[test]
    fn places_at_the_edges_of_a_text_can_be_shown() {
        for text in ["", "\n", "a", "a: [", "é: {{", "name: a\r\nversion: 1\r\nnodes: x\r\n"] {
            assert!(shown(text).contains("error["), "{text:?}");
        }
    }
}
