//! Learning curves: the target's metric on the validation split, over submission time or steps.

use crate::units;
use bench_core::run::SplitName;
use bench_core::spec::workload::{Direction, Metric};
use bench_score::{CurvePoint, Trial};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// What the horizontal axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Submission time in seconds.
    Time,
    /// Steps.
    Steps,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum CurveError {
    /// Nothing was given, or nothing was evaluated.
    #[error("none of these runs was ever evaluated, so there is no curve to draw")]
    Empty,
    /// Their curves do not share a vertical axis or a target.
    #[error("the runs are of different workloads: `{0}` and `{1}`")]
    Workloads(String, String),
    /// The plotting library failed.
    #[error("cannot draw the curves: {0}")]
    Draw(String),
}

const SIZE: (u32, u32) = (900, 500);
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// Okabe and Ito's colours, told apart by colour-blind readers too; black and yellow are left out, for the two backgrounds.
pub(crate) const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
];
/// On a dark page ink and grid change places; an SVG picture sees its page's scheme.
pub(crate) const DARK: &str = "<style>@media (prefers-color-scheme: dark){\
[fill=\"#222222\"]{fill:#DDDDDD}[stroke=\"#222222\"]{stroke:#DDDDDD}[stroke=\"#DDDDDD\"]{stroke:#444444}}</style>\n";

/// An SVG picture of these trials, which are of one workload.
///
/// # Errors
/// When they are not, or when nothing was evaluated.
pub fn curves(trials: &[Trial], axis: Axis) -> Result<String, CurveError> {
    let first = trials.first().ok_or(CurveError::Empty)?;
    let workload = &first.record.run.workload_name;
    if let Some(other) = trials
        .iter()
        .find(|trial| trial.record.run.workload_name != *workload)
    {
        let other = other.record.run.workload_name.clone();
        return Err(CurveError::Workloads(workload.clone(), other));
    }
    let picture = Picture {
        axis,
        target: first.record.run.workload.target.validation,
        metric: first.record.run.workload.target.metric,
        trials,
    };
    if trials.iter().all(|trial| picture.points(trial).is_empty()) {
        return Err(CurveError::Empty);
    }
    let mut svg = String::new();
    picture
        .draw(SVGBackend::with_string(&mut svg, SIZE), workload)
        .map_err(|error| CurveError::Draw(error.to_string()))?;
    let body = svg.find('>').map_or(0, |end| end + 1);
    svg.insert_str(body, DARK);
    Ok(svg)
}

struct Picture<'a> {
    axis: Axis,
    target: f64,
    metric: Metric,
    trials: &'a [Trial],
}

type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Picture<'_> {
    fn draw<'b>(&self, backend: SVGBackend<'b>, workload: &str) -> Result<(), DrawError<'b>> {
        let (across, up) = self.ranges();
        let area = backend.into_drawing_area();
        let title = format!("{workload}: time to target");
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 22).into_font().color(&INK))
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(across.clone(), up)?;
        self.draw_axes(&mut chart)?;
        self.draw_target(&mut chart, across)?;
        for (trial, &colour) in self.trials.iter().zip(COLOURS.iter().cycle()) {
            self.draw_trial(&mut chart, trial, colour)?;
        }
        chart
            .configure_series_labels()
            .position(match self.metric.direction() {
                Direction::Min => SeriesLabelPosition::UpperRight,
                Direction::Max => SeriesLabelPosition::LowerRight,
            })
            .label_font(text())
            .border_style(TRANSPARENT)
            .draw()?;
        area.present()
    }

    fn draw_axes<'b>(&self, chart: &mut Chart<'_, 'b>) -> Result<(), DrawError<'b>> {
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .label_style(text())
            .axis_desc_style(text())
            .x_desc(match self.axis {
                Axis::Time => "submission time (s)",
                Axis::Steps => "steps",
            })
            .y_desc(format!("validation {}", self.metric.name()))
            .x_label_formatter(&|x| label(*x))
            .y_label_formatter(&|y| label(*y))
            .draw()
    }

    fn draw_target<'b>(
        &self,
        chart: &mut Chart<'_, 'b>,
        across: Range<f64>,
    ) -> Result<(), DrawError<'b>> {
        let ends = [(across.start, self.target), (across.end, self.target)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 4, INK.stroke_width(1)))?;
        let words = format!("target {}", units::significant(self.target));
        let above = text().pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([EmptyElement::at(ends[0]) + Text::new(words, (6, -3), above)])?;
        Ok(())
    }

    fn draw_trial<'b>(
        &self,
        chart: &mut Chart<'_, 'b>,
        trial: &Trial,
        colour: RGBColor,
    ) -> Result<(), DrawError<'b>> {
        let line = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(self.points(trial), line))?
            .label(name(trial))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], line));
        let hits = trial.summary.hit().map(|hit| hit.at);
        chart.draw_series(hits.map(|at| {
            let place = (self.across(at.step, at.submission_ns), at.value);
            Circle::new(place, 6, colour.filled())
        }))?;
        Ok(())
    }

    fn across(&self, step: u64, ns: u64) -> f64 {
        match self.axis {
            Axis::Time => ns as f64 / 1e9,
            Axis::Steps => step as f64,
        }
    }

    fn points(&self, trial: &Trial) -> Vec<(f64, f64)> {
        let place = |point: &CurvePoint| {
            let value = point.metric(SplitName::Validation, self.metric.name())?;
            let across = self.across(point.step, point.submission_ns);
            value.is_finite().then_some((across, value))
        };
        trial.summary.curve.iter().filter_map(place).collect()
    }

    /// Both axes' ranges, with a margin for labels.
    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points: Vec<_> = self
            .trials
            .iter()
            .flat_map(|trial| self.points(trial))
            .collect();
        let right = points.iter().map(|point| point.0).fold(0.0, f64::max);
        let values = points.iter().map(|point| point.1).chain([self.target]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
            (low.min(y), high.max(y))
        });
        let margin = ((high - low) * 0.08).max(1e-9);
        (0.0..right.max(1e-9) * 1.05, low - margin..high + margin)
    }
}

pub(crate) fn text() -> TextStyle<'static> {
    ("sans-serif", 14).into_font().color(&INK)
}

/// An axis label, as short as it can be.
pub(crate) fn label(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A line of the legend: which trial, and when it met the target.
fn name(trial: &Trial) -> String {
    let run = &trial.record.run;
    let passage = match trial.summary.hit() {
        Some(hit) => format!(
            "{}, {} steps",
            units::seconds(hit.at.submission_ns as f64 / 1e9),
            units::count(hit.at.step)
        ),
        None => "target missed".to_owned(),
    };
    let (study, trial) = (run.seed.study, run.seed.trial);
    format!(
        "{}, study {study}, trial {trial}: {passage}",
        run.submission.name
    )
}
