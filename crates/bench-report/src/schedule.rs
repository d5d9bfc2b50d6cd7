//! Learning-rate schedules as pictures.

use crate::picture::{COLOURS, DARK, GRID, INK, label, text};
use bench_core::schedule::Schedule;
use plotters::prelude::*;

const SIZE: (u32, u32) = (900, 400);

/// A schedule to be drawn.
#[derive(Debug, Clone)]
pub struct Named {
    /// What stands beside its line.
    pub name: String,
    /// The factors.
    pub schedule: Schedule,
    /// What they multiply; 1 where the factors themselves are drawn.
    pub rate: f64,
}

/// An SVG picture of schedules over a horizon and on to `end`, each under the name it is given with. `what` is written at the vertical axis.
///
/// # Errors
/// What the plotting library says.
pub fn schedules(
    named: &[Named],
    horizon: u64,
    end: u64,
    what: &str,
) -> Result<String, ScheduleDrawError> {
    let mut svg = String::new();
    let canvas = SVGBackend::with_string(&mut svg, SIZE);
    draw(canvas, named, (horizon, end), what)
        .map_err(|error| ScheduleDrawError(error.to_string()))?;
    let body = svg.find('>').map_or(0, |end| end + 1);
    svg.insert_str(body, DARK);
    Ok(svg)
}

/// The plotting library failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the schedules: {0}")]
pub struct ScheduleDrawError(String);

type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(
    backend: SVGBackend<'a>,
    named: &[Named],
    (horizon, end): (u64, u64),
    what: &str,
) -> Result<(), DrawError<'a>> {
    let area = backend.into_drawing_area();
    // Room for the names above the lines, which reach 1 times their rates.
    let highest = named.iter().map(|named| named.rate).fold(0.0, f64::max);
    let highest = if highest > 0.0 { highest } else { 1.0 };
    let top = highest * (1.05 + 0.09 * named.len() as f64);
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end.max(1) as f64, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(text())
        .axis_desc_style(text())
        .x_desc("step")
        .y_desc(what)
        .x_label_formatter(&|x| label(*x))
        .y_label_formatter(&|y| label(*y))
        .draw()?;
    let mark = [(horizon as f64, 0.0), (horizon as f64, top)];
    chart.draw_series(DashedLineSeries::new(mark, 6, 4, INK.stroke_width(1)))?;
    for (of, &colour) in named.iter().zip(COLOURS.iter().cycle()) {
        let (line, sequence) = (colour.stroke_width(2), of.schedule.over(horizon));
        // A thousand places are as many as the picture shows; of short horizons every step.
        let places = (0..=end).step_by((end / 1000).max(1) as usize);
        let points = places.map(|step| (step as f64, of.rate * sequence.at(step)));
        chart
            .draw_series(LineSeries::new(points, line))?
            .label(&of.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], line));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(text())
        .border_style(TRANSPARENT)
        .draw()?;
    area.present()
}
