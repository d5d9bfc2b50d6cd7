//! Learning curves: the target's metric on the validation split, over submission time or steps.

use crate::picture::{
    self, Area, Chart, DrawError, Drawn, Frame, GRID, INK, Look, draw, frame, label, legend_height,
    text, within,
};
use crate::units;
use bench_core::run::SplitName;
use bench_core::spec::workload::Direction;
use bench_score::statistics::quantile;
use bench_score::{CurvePoint, Trial};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

pub use crate::picture::PictureError as CurveError;

/// What the horizontal axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Submission time in seconds.
    Time,
    /// Steps.
    Steps,
}

/// Curves of one workload, whoever logged them.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePlot {
    /// Its name.
    pub workload: String,
    /// The target's metric.
    pub metric: String,
    /// Whether lower is better.
    pub direction: Direction,
    /// On the validation split.
    pub target: f64,
    /// Names of the groups, for the legend.
    pub groups: Vec<String>,
    /// In the order in which they are drawn.
    pub curves: Vec<Curve>,
    /// How many there were to choose from.
    pub of: usize,
}

/// One trial's evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Position in [`CurvePlot::groups`]: one look each.
    pub group: usize,
    /// Which trial of its group, for a reader who points at it.
    pub name: String,
    /// In order; no value that is not finite.
    pub points: Vec<Place>,
    /// Where the target was met.
    pub hit: Option<Place>,
}

/// One evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Steps done.
    pub step: f64,
    /// Submission time.
    pub seconds: f64,
    /// Of the metric.
    pub value: f64,
}

const SIZE: (u32, u32) = (760, 460);
/// Share of the evaluations, the worst, that may leave the picture, and below which part of the height the others would lie otherwise.
const OFF_SCALE: f64 = 0.08;
const FLAT: f64 = 0.35;

/// An SVG picture of these trials, which are of one workload: each in its own colour, and with its passage in the legend.
///
/// # Errors
/// When they are not, or when nothing was evaluated.
pub fn curves(trials: &[Trial], axis: Axis) -> Result<String, CurveError> {
    let first = trials.first().ok_or(CurveError::NoCurves)?;
    let workload = &first.record.run.workload_name;
    if let Some(other) = trials
        .iter()
        .find(|trial| trial.record.run.workload_name != *workload)
    {
        let other = other.record.run.workload_name.clone();
        return Err(CurveError::Workloads(workload.clone(), other));
    }
    let mut plot = CurvePlot::of(first);
    for (group, trial) in trials.iter().enumerate() {
        plot.of += 1;
        plot.groups.push(legend(trial));
        plot.curves.push(Curve::of(trial, group));
    }
    Ok(plot.draw(axis)?.svg)
}

impl CurvePlot {
    /// The empty plot of a trial's workload.
    pub fn of(trial: &Trial) -> CurvePlot {
        let run = &trial.record.run;
        let target = &run.workload.target;
        CurvePlot {
            workload: run.workload_name.clone(),
            metric: target.metric.name().to_owned(),
            direction: target.metric.direction(),
            target: target.validation,
            groups: Vec::new(),
            curves: Vec::new(),
            of: 0,
        }
    }

    /// Draws it.
    ///
    /// # Errors
    /// When nothing was evaluated.
    pub fn draw(&self, axis: Axis) -> Result<Drawn, CurveError> {
        if self.curves.iter().all(|curve| curve.points.is_empty()) {
            return Err(CurveError::NoCurves);
        }
        let about = format!(
            "Learning curves of {}: validation {} over {}, target {}",
            self.workload,
            self.metric,
            axis.words(),
            units::significant(self.target)
        );
        let height = SIZE.1 + legend_height(self.groups.len());
        draw((SIZE.0, height), &about, |area| self.paint(area, axis))
    }

    /// With at most about this many points a curve: of every stretch its lowest and highest.
    #[must_use]
    pub fn thinned(mut self, points: usize) -> CurvePlot {
        for curve in &mut self.curves {
            let stretch = (curve.points.len() * 2).div_ceil(points.max(1)).max(1);
            if stretch > 2 {
                curve.points = curve.points.chunks(stretch).flat_map(ends).collect();
            }
        }
        self
    }

    fn paint<'b>(&self, area: &Area<'b>, axis: Axis) -> Result<Option<Frame>, DrawError<'b>> {
        let (across, up) = self.ranges(axis);
        let (above, below) = area.split_vertically(SIZE.1);
        let mut chart = ChartBuilder::on(&above)
            .caption(
                format!("{}: time to target", self.workload),
                ("sans-serif", 22).into_font().color(&INK),
            )
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(across.clone(), up.clone())?;
        self.draw_axes(&mut chart, axis)?;
        self.draw_target(&mut chart, across.clone())?;
        for curve in &self.curves {
            draw_curve(&mut chart, curve, axis, &up)?;
        }
        let frame = frame(&chart, &across, &up);
        picture::legend(&below, frame.pixels[0], &self.groups)?;
        Ok(Some(frame))
    }

    fn draw_axes<'b>(&self, chart: &mut Chart<'_, 'b>, axis: Axis) -> Result<(), DrawError<'b>> {
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .label_style(text())
            .axis_desc_style(text())
            .x_desc(axis.words())
            .y_desc(format!("validation {}", self.metric))
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

    /// Both axes' ranges, with a margin for labels.
    fn ranges(&self, axis: Axis) -> (Range<f64>, Range<f64>) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let right = points().map(|place| axis.of(place)).fold(0.0, f64::max);
        let values: Vec<f64> = points().map(|place| place.value).collect();
        let worst = match self.direction {
            Direction::Min => quantile(&values, 1.0 - OFF_SCALE),
            Direction::Max => quantile(&values, OFF_SCALE),
        };
        let (mut low, mut high) = (self.target, self.target);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        // Where the first evaluations are far off, the rest would be one flat line.
        if let Some(worst) = worst {
            match self.direction {
                Direction::Min if worst - low < FLAT * (high - low) => high = worst,
                Direction::Max if high - worst < FLAT * (high - low) => low = worst,
                _ => {}
            }
        }
        let margin = ((high - low) * 0.08).max(1e-9);
        (0.0..right.max(1e-9) * 1.05, low - margin..high + margin)
    }
}

impl Axis {
    /// Where an evaluation stands on it.
    pub fn of(self, place: &Place) -> f64 {
        match self {
            Axis::Time => place.seconds,
            Axis::Steps => place.step,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Axis::Time => "submission time (s)",
            Axis::Steps => "steps",
        }
    }
}

impl Curve {
    /// A trial's curve.
    pub fn of(trial: &Trial, group: usize) -> Curve {
        let seed = &trial.record.run.seed;
        let metric = trial.record.run.workload.target.metric.name();
        let place = |point: &CurvePoint| {
            let value = point.metric(SplitName::Validation, metric)?;
            value.is_finite().then_some(Place {
                step: point.step as f64,
                seconds: point.submission_ns as f64 / 1e9,
                value,
            })
        };
        let hit = trial.summary.hit().map(|hit| hit.at);
        Curve {
            group,
            name: format!("study {}, trial {}", seed.study, seed.trial),
            points: trial.summary.curve.iter().filter_map(place).collect(),
            hit: hit.map(|at| Place {
                step: at.step as f64,
                seconds: at.submission_ns as f64 / 1e9,
                value: at.value,
            }),
        }
    }
}

/// The lowest and the highest of a stretch, in its order.
fn ends(stretch: &[Place]) -> Vec<Place> {
    let by_value = |a: &&Place, b: &&Place| a.value.total_cmp(&b.value);
    let (low, high) = (
        stretch.iter().min_by(by_value),
        stretch.iter().max_by(by_value),
    );
    let mut ends: Vec<Place> = low.into_iter().chain(high).copied().collect();
    ends.sort_by(|a, b| a.step.total_cmp(&b.step));
    ends.dedup();
    ends
}

fn draw_curve<'b>(
    chart: &mut Chart<'_, 'b>,
    curve: &Curve,
    axis: Axis,
    up: &Range<f64>,
) -> Result<(), DrawError<'b>> {
    let look = Look::of(curve.group);
    let points = curve.points.iter();
    let points: Vec<_> = points.map(|place| (axis.of(place), place.value)).collect();
    for part in within(&points, up) {
        look.line(chart, part)?;
    }
    chart.draw_series(curve.hit.map(|place| {
        let at = (axis.of(&place), place.value);
        Circle::new(at, 5, look.colour.filled())
    }))?;
    Ok(())
}

/// A line of the legend: which trial, and when it met the target.
fn legend(trial: &Trial) -> String {
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
