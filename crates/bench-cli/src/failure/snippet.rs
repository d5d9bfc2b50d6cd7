//! Mistakes in specs with the lines they are in.

use bench_core::spec::diagnostic::Diagnostic;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;

const WIDTH: usize = 100;

/// All of them, one after the other, and their number.
pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    let mut theme = match console::colors_enabled_stderr() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    theme.characters.error = "error:".to_owned();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(1);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let shown = Shown::new(diagnostic);
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, &shown);
        text.push('\n');
    }
    let (count, ending) = (
        diagnostics.len(),
        if diagnostics.len() == 1 { "" } else { "s" },
    );
    text + &format!("{count} mistake{ending}")
}

/// A diagnostic as miette wants it.
#[derive(Debug)]
struct Shown {
    source: NamedSource<String>,
    label: LabeledSpan,
    message: String,
    help: Option<String>,
}

impl Shown {
    fn new(diagnostic: &Diagnostic) -> Shown {
        let source = &diagnostic.source;
        // An empty span at the very end would point at nothing.
        let start = diagnostic
            .span
            .start
            .min(source.text.len().saturating_sub(1));
        Shown {
            source: NamedSource::new(source.path.display().to_string(), source.text.clone()),
            label: LabeledSpan::new(None, start, diagnostic.span.length),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }
}
