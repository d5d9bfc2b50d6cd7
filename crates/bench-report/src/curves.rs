//! Learning curves: the target's metric on the validation split, or what training looked like meanwhile, over submission time or steps.

mod groups;

use crate::picture::{
    self, Area, Chart, DrawError, Drawn, Frame, GRID, INK, Look, draw, frame, label, legend_height,
    text, within,
};
use crate::units;
use bench_core::passage::Point;
use bench_core::run::SplitName;
use bench_core::spec::workload::Direction;
use bench_score::statistics::quantile;
use bench_score::{CurvePoint, TrainingPoint, Trial};
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

/// What the vertical axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The target's metric on the validation split, at evaluations.
    Validation,
    /// The training loss of an interval's last step.
    TrainLoss,
    /// The learning rate of an interval's last step: as the algorithm logged it, else as its schedule gives it.
    LearningRate,
    /// The norm of the gradients of an interval's last step, before clipping.
    GradientNorm,
}

impl Quantity {
    fn words(self, metric: &str) -> String {
        match self {
            Quantity::Validation => format!("validation {metric}"),
            Quantity::TrainLoss => "training loss".to_owned(),
            Quantity::LearningRate => "learning rate".to_owned(),
            Quantity::GradientNorm => "gradient norm".to_owned(),
        }
    }
}

/// Curves of one workload, whoever logged them.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePlot {
    /// Its name.
    pub workload: String,
    /// What is drawn.
    pub quantity: Quantity,
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
    /// Whether others of its group are what matters: it is drawn thin and pale.
    pub behind: bool,
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

/// An SVG picture of these trials, which are of one workload: each in its own colour, and with its passage in the legend. A search has one colour, and
/// its best point stands out.
///
/// # Errors
/// When they are not, or when nothing was evaluated, or recorded of what is to be drawn.
pub fn curves(trials: &[Trial], axis: Axis, quantity: Quantity) -> Result<String, CurveError> {
    let first = trials.first().ok_or(CurveError::NoCurves)?;
    let workload = &first.record.run.workload_name;
    if let Some(other) = trials
        .iter()
        .find(|trial| trial.record.run.workload_name != *workload)
    {
        let other = other.record.run.workload_name.clone();
        return Err(CurveError::Workloads(workload.clone(), other));
    }
    let mut plot = CurvePlot::of(first, quantity);
    plot.of = trials.len();
    for (group, members) in groups::of(trials).into_iter().enumerate() {
        plot.groups.push(members.legend());
        let curves = members.all.iter().map(|&(trial, behind)| Curve {
            behind,
            ..Curve::of(trial, group, quantity)
        });
        plot.curves.extend(curves);
    }
    // What stands out is drawn last.
    plot.curves.sort_by_key(|curve| !curve.behind);
    Ok(plot.draw(axis)?.svg)
}

impl CurvePlot {
    /// The empty plot of a trial's workload.
    pub fn of(trial: &Trial, quantity: Quantity) -> CurvePlot {
        let run = &trial.record.run;
        let target = &run.workload.target;
        CurvePlot {
            workload: run.workload_name.clone(),
            quantity,
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
        let target = match self.quantity {
            Quantity::Validation => format!(", target {}", units::significant(self.target)),
            _ => String::new(),
        };
        let about = format!(
            "Learning curves of {}: {} over {}{target}",
            self.workload,
            self.quantity.words(&self.metric),
            axis.words(),
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
                match self.quantity {
                    Quantity::Validation => format!("{}: time to target", self.workload),
                    other => format!("{}: {}", self.workload, other.words(&self.metric)),
                },
                ("sans-serif", 22).into_font().color(&INK),
            )
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(across.clone(), up.clone())?;
        self.draw_axes(&mut chart, axis)?;
        if self.quantity == Quantity::Validation {
            self.draw_target(&mut chart, across.clone())?;
        }
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
            .y_desc(self.quantity.words(&self.metric))
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
        // What is no metric of the target's is better low.
        let direction = match self.quantity {
            Quantity::Validation => self.direction,
            _ => Direction::Min,
        };
        let worst = match direction {
            Direction::Min => quantile(&values, 1.0 - OFF_SCALE),
            Direction::Max => quantile(&values, OFF_SCALE),
        };
        let within = match self.quantity {
            Quantity::Validation => self.target,
            _ => values.first().copied().unwrap_or(0.0),
        };
        let (mut low, mut high) = (within, within);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        // Where the first evaluations are far off, the rest would be one flat line.
        if let Some(worst) = worst {
            match direction {
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
    pub fn of(trial: &Trial, group: usize, quantity: Quantity) -> Curve {
        let seed = &trial.record.run.seed;
        let points = match quantity {
            Quantity::Validation => Curve::evaluated(trial),
            _ => Curve::trained(trial, quantity),
        };
        let hit = trial.summary.hit().map(|hit| hit.at);
        let met = |at: Point| match quantity {
            Quantity::Validation => Some(at.value),
            _ => {
                let same = |place: &&Place| place.step == at.step as f64;
                points.iter().find(same).map(|place| place.value)
            }
        };
        Curve {
            group,
            behind: false,
            name: format!("study {}, trial {}", seed.study, seed.trial),
            hit: hit.and_then(|at| {
                Some(Place {
                    step: at.step as f64,
                    seconds: at.submission_ns as f64 / 1e9,
                    value: met(at)?,
                })
            }),
            points,
        }
    }

    fn evaluated(trial: &Trial) -> Vec<Place> {
        let metric = trial.record.run.workload.target.metric.name();
        let place = |point: &CurvePoint| {
            let value = point.metric(SplitName::Validation, metric)?;
            value.is_finite().then_some(Place {
                step: point.step as f64,
                seconds: point.submission_ns as f64 / 1e9,
                value,
            })
        };
        trial.summary.curve.iter().filter_map(place).collect()
    }

    fn trained(trial: &Trial, quantity: Quantity) -> Vec<Place> {
        let places = training(trial).map(|(point, rate)| {
            let value = match quantity {
                Quantity::TrainLoss => point.loss,
                Quantity::GradientNorm => point.gradient_norm,
                Quantity::LearningRate | Quantity::Validation => rate,
            };
            let value = value.filter(|value| value.is_finite())?;
            Some(Place {
                step: point.step as f64,
                seconds: point.submission_ns as f64 / 1e9,
                value,
            })
        });
        places.flatten().collect()
    }
}

/// The ends of a trial's intervals, each with the learning rate of its last step: as it was logged, else as the schedule gives it.
pub(crate) fn training(trial: &Trial) -> impl Iterator<Item = (&TrainingPoint, Option<f64>)> {
    let scheduled = trial.record.run.scheduled_rate();
    trial.summary.training.iter().map(move |point| {
        let last = point.step.saturating_sub(1);
        let scheduled = scheduled.as_ref().map(|rate| rate(last));
        (point, point.learning_rate.or(scheduled))
    })
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
    let look = match curve.behind {
        true => Look::of(curve.group).behind(),
        false => Look::of(curve.group),
    };
    let points = curve.points.iter();
    let points: Vec<_> = points.map(|place| (axis.of(place), place.value)).collect();
    for part in within(&points, up) {
        look.line(chart, part)?;
    }
    let hit = curve.hit.filter(|_| !curve.behind);
    chart.draw_series(hit.map(|place| {
        let at = (axis.of(&place), place.value);
        Circle::new(at, 5, look.colour.filled())
    }))?;
    Ok(())
}
