//! A calibration as a table and a picture.

use crate::grid::{Cell, Column, Grid};
use crate::picture::{
    self, Area, COLOURS, Chart, DrawError, GRID, INK, PictureError, label, text, within,
};
use crate::units;
use bench_core::number::Measured;
use bench_core::spec::workload::Direction;
use bench_score::calibration::{CalibrationRecord, CalibrationTrial, Evaluation};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

const SIZE: (u32, u32) = (900, 500);

/// How each baseline does on its best point.
pub fn standings(record: &CalibrationRecord) -> Grid {
    let metric = record.metric.name();
    let rows = record.finding.standings.iter().map(|row| {
        let point: Vec<String> = row
            .point
            .iter()
            .map(|(name, value)| format!("{name} {}", crate::trial::hyperparameter(value)))
            .collect();
        vec![
            Cell::plain(&row.submission),
            Cell::plain(&record.workload),
            Cell::optional(row.median_steps, |steps| units::count(steps as u64)),
            Cell::plain(format!("{} of {}", row.reached, row.seeds)),
            Cell::optional(row.value, units::significant),
            Cell::plain(row.number),
            Cell::plain(point.join(", ")),
        ]
    });
    Grid {
        columns: vec![
            Column::words("baseline", "submission", 0),
            Column::words("workload", "workload", 1),
            Column::numbers("steps to target", "median-steps", 0),
            Column::words("reached", "reached", 0),
            Column {
                name: format!("{metric} at the end").into(),
                ..Column::numbers("", "value", 0)
            },
            Column::numbers("point", "point-number", 1),
            Column::words("hyperparameters", "point", 2),
        ],
        rows: rows.collect(),
    }
}

/// All curves over steps: seeds of the best points in strong lines, the search behind them, and the target.
///
/// # Errors
/// When nothing was evaluated.
pub fn picture(record: &CalibrationRecord) -> Result<String, PictureError> {
    let points = || record.trials.iter().flat_map(points);
    if points().next().is_none() {
        return Err(PictureError::NoCurves);
    }
    let shown = Picture { record };
    let up = shown.up(points());
    let about = format!("Learning curves of the calibration of {}", record.workload);
    let height = SIZE.1 + picture::legend_height(record.finding.standings.len());
    let size = (SIZE.0, height);
    let drawn = picture::draw(size, &about, |area| shown.draw(area, up).map(|()| None))?;
    Ok(drawn.svg)
}

struct Picture<'a> {
    record: &'a CalibrationRecord,
}

impl Picture<'_> {
    /// The vertical range: around the target, since early evaluations and points that fail are far from it.
    fn up(&self, points: impl Iterator<Item = (f64, f64)>) -> Range<f64> {
        let target = self.record.finding.validation;
        let mut far: Vec<f64> = points.map(|point| (point.1 - target).abs()).collect();
        far.sort_by(f64::total_cmp);
        let near = far.get(far.len() * 3 / 5).copied().unwrap_or(0.0);
        let reach = (near * 1.5).max(target.abs() * 1e-3);
        match self.record.metric.direction() {
            Direction::Min => target - reach / 3.0..target + reach,
            Direction::Max => target - reach..target + reach / 3.0,
        }
    }

    fn draw<'b>(&self, area: &Area<'b>, up: Range<f64>) -> Result<(), DrawError<'b>> {
        let right = self.record.step_hint as f64 * 1.02;
        let title = format!("{}: calibration", self.record.workload);
        let (above, below) = area.split_vertically(SIZE.1);
        let mut chart = ChartBuilder::on(&above)
            .caption(title, ("sans-serif", 22).into_font().color(&INK))
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..right, up.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .label_style(text())
            .axis_desc_style(text())
            .x_desc("steps")
            .y_desc(format!("validation {}", self.record.metric.name()))
            .x_label_formatter(&|x| label(*x))
            .y_label_formatter(&|y| label(*y))
            .draw()?;
        let target = self.record.finding.validation;
        let ends = [(0.0, target), (right, target)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 4, INK.stroke_width(1)))?;
        let words = format!("target {}", units::significant(target));
        let above = text().pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([EmptyElement::at(ends[0]) + Text::new(words, (6, -3), above)])?;
        self.draw_trials(&mut chart, &up)?;
        let rows = self.record.finding.standings.iter();
        let words = rows.map(|row| {
            let (reached, seeds) = (row.reached, row.seeds);
            format!("{}: {reached} of {seeds} seeds reach it", row.submission)
        });
        picture::legend(&below, 80, words)
    }

    /// The search in thin lines first, so that the seeds lie above it.
    fn draw_trials<'b>(
        &self,
        chart: &mut Chart<'_, 'b>,
        up: &Range<f64>,
    ) -> Result<(), DrawError<'b>> {
        let rows = self
            .record
            .finding
            .standings
            .iter()
            .zip(COLOURS.iter().cycle());
        for tunes in [true, false] {
            for (row, colour) in rows.clone() {
                let line = match tunes {
                    true => colour.mix(0.35).stroke_width(1),
                    false => colour.stroke_width(2),
                };
                let own = |trial: &&CalibrationTrial| {
                    trial.submission == row.submission && trial.tunes() == tunes
                };
                for trial in self.record.trials.iter().filter(own) {
                    let all: Vec<_> = points(trial).collect();
                    let parts = within(&all, up)
                        .into_iter()
                        .map(|part| PathElement::new(part, line));
                    chart.draw_series(parts)?;
                }
            }
        }
        Ok(())
    }
}

/// Steps and finite validation values.
fn points(trial: &CalibrationTrial) -> impl Iterator<Item = (f64, f64)> {
    let all = trial.evaluations.iter();
    all.map(|&Evaluation(step, Measured(value), _)| (step as f64, value))
        .filter(|point| point.1.is_finite())
}
