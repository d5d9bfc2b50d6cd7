//! Mistakes in specs with the lines they are in, as rustc draws them.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bench_core::spec::diagnostic::Diagnostic;
use bench_report::visible;

/// All of them, one after the other, and the number of mistakes.
pub(super) fn render(diagnostics: &[Diagnostic], level: &Level) -> String {
    let renderer = match console::colors_enabled_stderr() {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let shown = diagnostics
        .iter()
        .map(|diagnostic| one(&renderer, level, diagnostic));
    let shown = shown.collect::<Vec<_>>().join("\n\n");
    match (*level == Level::ERROR, diagnostics.len()) {
        (false, _) => shown,
        (true, 1) => shown + "\n\n1 mistake",
        (true, n) => format!("{shown}\n\n{n} mistakes"),
    }
}

fn one(renderer: &Renderer, level: &Level, diagnostic: &Diagnostic) -> String {
    let source = &diagnostic.source;
    let start = diagnostic.span.start.min(source.text.len());
    let end = (start + diagnostic.span.length).min(source.text.len());
    let snippet = Snippet::source(source.text.as_str())
        .path(visible::line(&source.path.to_string_lossy()).into_owned())
        .annotation(AnnotationKind::Primary.span(start..end));
    let title = level
        .clone()
        .primary_title(visible::lines(&diagnostic.message));
    let mut group = title.element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible::lines(help)));
    }
    renderer.render(&[group])
}
