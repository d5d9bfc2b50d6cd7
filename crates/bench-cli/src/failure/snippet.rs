//! Mistakes in specs with the lines they are in, as rustc draws them.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bench_core::spec::diagnostic::Diagnostic;

/// All of them, one after the other, and their number.
pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    let renderer = match console::colors_enabled_stderr() {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let shown = diagnostics
        .iter()
        .map(|diagnostic| one(&renderer, diagnostic));
    let count = match diagnostics.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    shown.collect::<Vec<_>>().join("\n\n") + "\n\n" + &count
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let source = &diagnostic.source;
    let start = diagnostic.span.start.min(source.text.len());
    let end = (start + diagnostic.span.length).min(source.text.len());
    let snippet = Snippet::source(source.text.as_str())
        .path(source.path.to_string_lossy())
        .annotation(AnnotationKind::Primary.span(start..end));
    let title = Level::ERROR.primary_title(diagnostic.message.as_str());
    let mut group = title.element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}
