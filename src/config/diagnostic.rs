//! How an error in a configuration or mapping file reads: a code, what is wrong, where, and what to do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// A file that was read, for rendering the places in it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path or embedded name, as shown.
    pub name: Arc<str>,
    /// Its whole text.
    pub text: Arc<str>,
}

/// One problem at one place of a file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Stable code, `config::unknown_option`; each has a page in `docs/errors/`.
    pub code: &'static str,
    /// What is wrong, lower case, without full stop.
    pub message: String,
    /// The file, if the problem is in one.
    pub file: Option<SourceFile>,
    /// Byte range in the file; only this range is shown, because a neighbouring line can be a token.
    pub span: Option<Range<usize>>,
    /// What stands at the span.
    pub label: String,
    /// The next step.
    pub help: Option<String>,
    /// Whether the file can be used all the same.
    pub is_warning: bool,
    /// Whether what stands at the span must not be shown.
    pub is_masked: bool,
}

impl Diagnostic {
    /// An error without a place; see the `at` and `help` methods.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            file: None,
            span: None,
            label: String::new(),
            help: None,
            is_warning: false,
            is_masked: false,
        }
    }

    /// Adds the place and what stands there.
    pub fn at(mut self, file: &SourceFile, span: Range<usize>, label: impl Into<String>) -> Self {
        self.file = Some(file.clone());
        self.span = Some(span);
        self.label = label.into();
        self
    }

    /// Adds the next step.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows `***` in place of the text at the span.
    pub fn masked(mut self) -> Self {
        self.is_masked = true;
        self
    }

    /// Makes it a warning.
    pub fn warning(mut self) -> Self {
        self.is_warning = true;
        self
    }

    /// The problem in one line: `bridge.yaml:9: unknown option … (config::unknown_option)`.
    pub fn summary(&self) -> String {
        let line = |file: &SourceFile, span: &Range<usize>| {
            let before = &file.text[..floor_char_boundary(&file.text, span.start)];
            format!("{}:{}: ", file.name, before.matches('\n').count() + 1)
        };
        let place = self.file.as_ref().zip(self.span.as_ref());
        let place = place.map(|(file, span)| line(file, span)).unwrap_or_default();
        format!("{place}{} ({})", self.message, self.code)
    }

    /// Whether it says the same of the same place.
    fn is_same(&self, other: &Diagnostic) -> bool {
        let name = |diagnostic: &Diagnostic| diagnostic.file.as_ref().map(|file| Arc::clone(&file.name));
        self.code == other.code
            && self.span == other.span
            && self.message == other.message
            && name(self) == name(other)
    }

    /// Renders it for a terminal of `width` columns; colours only if `is_terminal`.
    pub fn render(&self, is_terminal: bool) -> String {
        let theme = if is_terminal {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .with_context_lines(0)
            .with_wrap_lines(true)
            .with_links(false);
        let mut text = String::new();
        let rendered = handler.render_report(&mut text, &Report::new(self));
        debug_assert!(rendered.is_ok(), "rendering into a String cannot fail");
        text
    }
}

/// Every problem of a load, in the order found.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds those that are not among them yet.
    pub fn add_new(&mut self, found: Vec<Diagnostic>) {
        for diagnostic in found {
            let is_known = self.0.iter().any(|known| known.is_same(&diagnostic));
            if !is_known {
                self.0.push(diagnostic);
            }
        }
    }

    /// Whether any of them makes the files unusable.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| !diagnostic.is_warning)
    }

    /// All of them, rendered one after another.
    pub fn render(&self, is_terminal: bool) -> String {
        self.0
            .iter()
            .map(|diagnostic| diagnostic.render(is_terminal))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostics {}

/// `, did you mean `x`?` material: the candidate nearest to `given`, if one is near enough to be a slip of the finger.
pub fn nearest<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Whoever is so much longer or shorter cannot be near; measuring is what costs.
    let can_be_near = |candidate: &&str| {
        candidate.len().abs_diff(given.len()) <= candidate.len().max(given.len()) / 3 + 1
            && given.len() <= 200
    };
    candidates
        .into_iter()
        .filter(can_be_near)
        .map(|candidate| (strsim::damerau_levenshtein(given, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(given.len()) / 3 + 1)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A [`Diagnostic`] as miette wants it: only the offending range is given as source, under its true line number.
struct Report<'d> {
    diagnostic: &'d Diagnostic,
    source: Option<NamedSource<Excerpt>>,
    span: Range<usize>,
}

impl<'d> Report<'d> {
    fn new(diagnostic: &'d Diagnostic) -> Self {
        let place = diagnostic.file.as_ref().zip(diagnostic.span.clone());
        let Some((file, span)) = place else {
            return Self {
                diagnostic,
                source: None,
                span: 0..0,
            };
        };
        let mut excerpt = Excerpt::new(&file.text, span);
        if diagnostic.is_masked {
            excerpt.text = "***".to_owned();
        }
        let span = 0..excerpt.text.len();
        Self {
            diagnostic,
            source: Some(NamedSource::new(&file.name, excerpt)),
            span,
        }
    }
}

/// The first line of the offending range, which knows where it stood in the whole file.
#[derive(Debug)]
struct Excerpt {
    text: String,
    line: usize,
    column: usize,
}

impl Excerpt {
    fn new(whole: &str, span: Range<usize>) -> Self {
        let start = floor_char_boundary(whole, span.start);
        let end = floor_char_boundary(whole, span.end.max(start));
        let before = &whole[..start];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |head| head.chars().count());
        let text = whole[start..end]
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end()
            // A terminal must not obey what stands in a file.
            .replace(char::is_control, "\u{fffd}");
        Self { text, line, column }
    }
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len()))
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        _context_lines_before: usize,
        _context_lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        Ok(Box::new(miette::MietteSpanContents::new(
            self.text.as_bytes(),
            *span,
            self.line,
            self.column,
            1,
        )))
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.diagnostic.is_warning {
            miette::Severity::Warning
        } else {
            miette::Severity::Error
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        let label = LabeledSpan::new_with_span(Some(self.diagnostic.label.clone()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a token stands beside the misspelt option. Guarantees: the rendering shows the option alone.
    #[test]
    fn shows_only_the_offending_range() {
        let text = "targets:\n  soc:\n    splunk_hec:\n      endpoint: [https://x]\n      token: s3cret\n";
        let file = SourceFile {
            name: "bridge.yaml".into(),
            text: text.into(),
        };
        let start = text.find("endpoint").expect("it is there");
        let diagnostic = Diagnostic::new(
            "config::unknown_option",
            "unknown option `endpoint` in target `soc`",
        )
        .at(&file, start..start + 8, "not an option of `splunk_hec`")
        .help("did you mean `endpoints`?");
        let rendered = diagnostic.render(false);
        assert!(rendered.contains("bridge.yaml:4:7"), "{rendered}");
        assert!(!rendered.contains("s3cret"), "{rendered}");
        assert_eq!(
            diagnostic.summary(),
            "bridge.yaml:4: unknown option `endpoint` in target `soc` (config::unknown_option)"
        );
        insta::assert_snapshot!(rendered);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let options = ["endpoints", "token", "acknowledgement"];
        assert_eq!(nearest("endpoint", options), Some("endpoints"));
        assert_eq!(nearest("acknowledgment", options), Some("acknowledgement"));
        assert_eq!(nearest("workers", options), None);
    }
}
