//! The picture: a panel for fitness and for each hyperparameter, over the population's steps. The line that led to the fittest stands out.

use super::{FITNESS, Life, Lineage, LineageError};
use crate::picture::{COLOURS, DARK, GRID, INK, label, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::ops::Range;

const WIDTH: u32 = 900;
const HEAD: u32 = 44;
const PANEL: u32 = 240;
/// Members beside the line that won.
const OTHERS: RGBColor = RGBColor(0x99, 0x99, 0x99);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

impl Lineage {
    /// An SVG picture with this title.
    ///
    /// # Errors
    /// When the plotting library fails.
    pub fn svg(&self, title: &str) -> Result<String, LineageError> {
        let panels = self.panels();
        let size = (WIDTH, HEAD + PANEL * panels.len() as u32);
        let mut svg = String::new();
        self.draw(SVGBackend::with_string(&mut svg, size), title, &panels)
            .map_err(|error| LineageError::Draw(error.to_string()))?;
        let body = svg.find('>').map_or(0, |end| end + 1);
        svg.insert_str(body, DARK);
        Ok(svg)
    }

    fn draw<'a>(
        &self,
        backend: SVGBackend<'a>,
        title: &str,
        panels: &[&str],
    ) -> Result<(), DrawError<'a>> {
        let area = backend.into_drawing_area();
        let style = ("sans-serif", 22).into_font().color(&INK);
        let rest = area.titled(title, style)?;
        for (place, (panel, name)) in rest
            .split_evenly((panels.len(), 1))
            .iter()
            .zip(panels)
            .enumerate()
        {
            self.draw_panel(panel, name, place + 1 == panels.len())?;
        }
        area.present()
    }

    fn draw_panel<'a>(
        &self,
        area: &Area<'a>,
        name: &str,
        is_last: bool,
    ) -> Result<(), DrawError<'a>> {
        let scale = Scale::of(self.values(name));
        let across = 0.0..self.last_step().max(1) as f64 * 1.02;
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(16)
            .x_label_area_size(if is_last { 42 } else { 22 })
            .y_label_area_size(86)
            .build_cartesian_2d(across, scale.range.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .label_style(text())
            .axis_desc_style(text())
            .x_desc(if is_last {
                "steps of the population"
            } else {
                ""
            })
            .y_desc(name)
            .y_labels(5)
            .x_label_formatter(&|x| label(*x))
            .y_label_formatter(&|y| scale.label(*y))
            .draw()?;
        let winner = COLOURS[1].stroke_width(3);
        for (lives, style) in [
            (self.lives(), OTHERS.stroke_width(1)),
            (self.winner(), winner),
        ] {
            for life in lives {
                let points = self.points(name, life).into_iter();
                let points = points.map(|(step, value)| (step as f64, scale.place(value)));
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        Ok(())
    }

    fn lives(&self) -> Vec<Life> {
        let mut lives = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            let mut from = 0;
            let ends = member.copies.iter().map(|copy| copy.0);
            for to in ends.chain([self.last_step()]) {
                lives.push(Life { number, from, to });
                from = to;
            }
        }
        lives
    }

    /// What is drawn of a life: from where it was copied, at the decision before, through its own values.
    fn points(&self, name: &str, life: Life) -> Vec<(u64, f64)> {
        let Life { number, from, to } = life;
        let series = |number: usize| {
            let values = self
                .members
                .get(number)
                .and_then(|member| member.values.get(name));
            values.map_or(&[][..], Vec::as_slice)
        };
        // Fitness is measured before anybody copies, hyperparameters change after it.
        let is_fitness = name == FITNESS;
        let mut points = Vec::new();
        let copies = &self.members[number].copies;
        if let Some(&(_, parent)) = copies.iter().find(|(step, _)| *step == from) {
            let before = |(step, _): &&(u64, f64)| *step < from || (is_fitness && *step == from);
            points.extend(series(parent).iter().rfind(before));
        }
        let own = |(step, _): &&(u64, f64)| match is_fitness {
            true => (*step > from || from == 0) && *step <= to,
            false => *step >= from && *step < to,
        };
        points.extend(series(number).iter().filter(own));
        if let (false, Some(&(_, value))) = (is_fitness, points.last()) {
            points.push((to, value));
        }
        points.retain(|(_, value)| value.is_finite());
        points
    }

    fn values(&self, name: &str) -> Vec<f64> {
        let series = self
            .members
            .iter()
            .filter_map(|member| member.values.get(name));
        series
            .flatten()
            .map(|point| point.1)
            .filter(|value| value.is_finite())
            .collect()
    }
}

/// A vertical axis, by the logarithm where values spread over more than a factor of ten.
struct Scale {
    log: bool,
    range: Range<f64>,
}

impl Scale {
    fn of(mut values: Vec<f64>) -> Scale {
        values.sort_by(f64::total_cmp);
        // One member that diverged must not flatten all others.
        let low = values.get(values.len() / 50).copied().unwrap_or(0.0);
        let high = values.last().copied().unwrap_or(1.0);
        let log = low > 0.0 && high / low > 10.0;
        let place = |value: f64| if log { value.log10() } else { value };
        let (low, high) = (place(low), place(high));
        let margin = ((high - low) * 0.08).max(1e-9);
        Scale {
            log,
            range: low - margin..high + margin,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let place = if self.log { value.log10() } else { value };
        place.clamp(self.range.start, self.range.end)
    }

    fn label(&self, place: f64) -> String {
        match self.log {
            true => crate::units::significant(10_f64.powf(place)),
            false => label(place),
        }
    }
}
