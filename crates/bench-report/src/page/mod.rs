//! One self-contained HTML page: a ranking, what it rests on, and everything needed to run any of it again.
//!
//! Tables and pictures are in the HTML and make sense without scripts; the trials are compact JSON, of which a script draws what is looked at.

mod choice;
mod embedded;

pub use choice::{log_plots, record_plots};
pub use embedded::{Embedded, EmbeddedError, Entry};

use crate::curves::{Axis, CurvePlot};
use crate::grid::Grid;
use crate::html::{escape, script, table};
use crate::leaderboard::Titled;
use crate::picture::{Drawn, Frame, PictureError};
use crate::standing::{claims, frozen, sensitivity, standing};
use crate::{pairs, profiles, units};
use bench_score::Ranking;
use serde::Serialize;
use serde_json::{Value, json};

/// What a page shows.
#[derive(Debug)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// Where it comes from, and what a reader must know.
    pub notes: Vec<String>,
    /// Each with a title.
    pub rankings: Vec<(String, Ranking)>,
    /// One a workload, or one for all.
    pub tables: Vec<Titled>,
    /// One a workload.
    pub plots: Vec<CurvePlot>,
    /// Every trial.
    pub trials: Trials,
    /// What was odd.
    pub findings: Vec<String>,
}

/// Every trial, as it was logged.
#[derive(Debug)]
pub enum Trials {
    /// Our own, with what runs them again.
    Records(Embedded),
    /// Another program's: a row each.
    Logs(Grid),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A picture failed.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A record has no JSON.
    #[error("cannot write the trials as JSON")]
    Json(#[from] serde_json::Error),
}

/// A picture's data, for who points at it.
#[derive(Serialize)]
struct Hover {
    frame: Frame,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Page {
    /// The page. The same contents give the same bytes.
    ///
    /// # Errors
    /// When a picture or the JSON fails.
    pub fn html(&self) -> Result<String, PageError> {
        let mut hovers = Vec::new();
        let title = escape(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the tables</a>\n<header>\n<h1>{title}</h1>\n",
            include_str!("page.css")
        );
        for note in &self.notes {
            html.push_str(&format!("<p>{}</p>\n", escape(note)));
        }
        html.push_str(
            "<nav aria-label=\"Sections\"><a href=\"#tables\">Workloads</a> <a href=\"#rankings\">Rankings</a> <a href=\"#workloads\">Curves</a> \
             <a href=\"#trials\">Trials</a> <a href=\"#findings\">Findings</a></nav>\n</header>\n<main id=\"main\">\n",
        );
        html.push_str(&self.tables_html());
        html.push_str("<section id=\"rankings\" aria-label=\"Rankings\">\n");
        for (title, ranking) in &self.rankings {
            html.push_str(&ranked(title, ranking, &mut hovers)?);
        }
        html.push_str("</section>\n");
        html.push_str(&self.curves_html(&mut hovers)?);
        html.push_str(&self.trials_html()?);
        html.push_str(&self.findings_html());
        html.push_str("</main>\n<footer><p>Made by bench from records alone. Nothing on this page is loaded from elsewhere.</p></footer>\n");
        html.push_str(&script("bench-hovers", &hovers)?);
        html.push_str(&script("bench-trials", &self.trials_json()?)?);
        html.push_str(&format!(
            "<script>\n{}</script>\n</body>\n</html>\n",
            include_str!("page.js")
        ));
        Ok(html)
    }

    /// What was measured comes before what it adds up to.
    fn tables_html(&self) -> String {
        let mut html = "<section id=\"tables\">\n<h2>Workload by workload</h2>\n".to_owned();
        for titled in &self.tables {
            html.push_str(&format!("<h3>{}</h3>\n", escape(&titled.title)));
            html.push_str(&table(&titled.grid, &titled.title));
            for remark in &titled.remarks {
                html.push_str(&format!("<p class=\"remark\">{}</p>\n", escape(remark)));
            }
        }
        html.push_str("</section>\n");
        html
    }

    fn curves_html(&self, hovers: &mut Vec<Hover>) -> Result<String, PageError> {
        let mut html = "<section id=\"workloads\">\n<h2>Learning curves</h2>\n".to_owned();
        for plot in &self.plots {
            html.push_str(&format!(
                "<h3>Learning curves of {}</h3>\n<div class=\"pictures\">\n",
                escape(&plot.workload)
            ));
            for axis in [Axis::Time, Axis::Steps] {
                match plot.draw(axis) {
                    Ok(drawn) => html.push_str(&figure(drawn, lines(plot, axis), hovers)),
                    Err(PictureError::NoCurves) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            html.push_str("</div>\n");
            if plot.curves.len() < plot.of {
                html.push_str(&format!(
                    "<p class=\"remark\">{} of {} studies are drawn, the first of each submission: more cannot be told apart. Every trial is in the table below.</p>\n",
                    plot.curves.len(),
                    plot.of
                ));
            }
        }
        html.push_str("</section>\n");
        Ok(html)
    }

    fn trials_html(&self) -> Result<String, PageError> {
        let count = match &self.trials {
            Trials::Records(embedded) => embedded.trials.len(),
            Trials::Logs(grid) => grid.rows.len(),
        };
        Ok(format!(
            "<section id=\"trials\">\n<h2>Every trial</h2>\n<p id=\"trials-count\" role=\"status\">{}.</p>\n\
             <noscript><p>The table of trials needs JavaScript; trials.csv beside this page holds all of them.</p></noscript>\n\
             <div id=\"trials-view\"></div>\n</section>\n",
            units::counted(count as u64, "trial")
        ))
    }

    fn trials_json(&self) -> Result<Value, PageError> {
        Ok(match &self.trials {
            Trials::Records(embedded) => serde_json::to_value(embedded)?,
            Trials::Logs(grid) => {
                let columns = grid.columns.iter().map(|column| {
                    json!({ "key": column.key, "name": column.name, "number": column.is_number() })
                });
                let rows = grid
                    .rows
                    .iter()
                    .map(|row| -> Value { row.iter().map(|cell| cell.raw.as_str()).collect() });
                json!({ "columns": columns.collect::<Value>(), "rows": rows.collect::<Value>() })
            }
        })
    }

    fn findings_html(&self) -> String {
        let mut html = "<section id=\"findings\">\n<h2>Findings</h2>\n".to_owned();
        if self.findings.is_empty() {
            html.push_str("<p>Nothing odd was found.</p>\n");
        } else {
            html.push_str(&format!(
                "<details><summary>{} in what was read</summary>\n<ul>\n",
                self.findings.len()
            ));
            for finding in &self.findings {
                html.push_str(&format!("<li>{}</li>\n", escape(finding)));
            }
            html.push_str("</ul></details>\n");
        }
        html + "</section>\n"
    }
}

fn ranked(title: &str, ranking: &Ranking, hovers: &mut Vec<Hover>) -> Result<String, PageError> {
    let mut html = format!("<h2>{}</h2>\n", escape(title));
    html.push_str(&table(&standing(ranking), &format!("Scores, {title}")));
    html.push_str(
        "<p class=\"remark\">Score: area below the performance profile. Interval: 90 %, studies drawn again within each workload. \
         Members of a tie group cannot be told apart from its first (stratified rank test, Holm-adjusted at 5 %).</p>\n",
    );
    for remark in ranking.frozen.iter().map(frozen).chain(claims(ranking)) {
        html.push_str(&format!("<p class=\"remark\">{}</p>\n", escape(&remark)));
    }
    html.push_str("<div class=\"pictures\">\n");
    let named = |index: usize| ranking.submissions[index].clone();
    let points = |line: &Vec<f64>| {
        ranking
            .taus
            .iter()
            .copied()
            .zip(line.iter().copied())
            .collect()
    };
    let lines = ranking.profiles.iter().enumerate();
    let lines = lines
        .map(|(index, line)| (named(index), points(line)))
        .collect();
    html.push_str(&figure(profiles(ranking, title)?, lines, hovers));
    if ranking.submissions.len() > 1 {
        html.push_str(&figure(pairs(ranking, title)?, Vec::new(), hovers));
    }
    html.push_str("</div>\n");
    if !ranking.flips.is_empty() {
        html.push_str("<h3>What moves the order</h3>\n");
        let caption =
            format!("Sensitivity, {title}: what leaving one out, or other targets, would change");
        html.push_str(&table(&sensitivity(ranking), &caption));
    }
    Ok(html)
}

/// A picture; one with axes can be pointed at.
fn figure(drawn: Drawn, lines: Vec<(String, Vec<(f64, f64)>)>, hovers: &mut Vec<Hover>) -> String {
    match drawn.frame {
        None => format!("<figure>{}</figure>\n", drawn.svg),
        Some(frame) => {
            let index = hovers.len();
            hovers.push(Hover { frame, lines });
            format!("<figure data-hover=\"{index}\">{}</figure>\n", drawn.svg)
        }
    }
}

fn lines(plot: &CurvePlot, axis: Axis) -> Vec<(String, Vec<(f64, f64)>)> {
    let line = |curve: &crate::curves::Curve| {
        let points = curve.points.iter();
        let points = points.map(|place| (short(axis.of(place)), short(place.value)));
        let name = format!("{}, {}", plot.groups[curve.group], curve.name);
        (name, points.collect())
    };
    plot.curves.iter().map(line).collect()
}

/// Five digits are more than a screen shows.
fn short(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
