//! Performance profiles: the share of workloads that each submission solves within a ratio of the fastest time, with bands.

use crate::picture::{
    Area, DrawError, Drawn, Frame, GRID, INK, Look, PictureError, draw, frame, label, text,
};
use bench_score::{Band, Ranking};
use plotters::prelude::*;

/// Height of a line of the legend.
const LINE: i32 = 20;
const SIZE: (u32, u32) = (780, 460);
/// Of the legend, at the right.
const LEGEND: i32 = 230;

/// The profiles of a ranking, best first in the legend.
///
/// # Errors
/// When nobody is in it.
pub fn profiles(ranking: &Ranking, title: &str) -> Result<Drawn, PictureError> {
    if ranking.submissions.is_empty() {
        return Err(PictureError::NoField);
    }
    let about = format!(
        "Performance profiles, {title}: share of {} workloads solved within a ratio of the fastest time",
        ranking.workloads.len()
    );
    let lines = ranking.submissions.len() as u32 * LINE as u32 + 90;
    let size = (SIZE.0, SIZE.1.max(lines));
    draw(size, &about, |area| picture(area, ranking, title))
}

fn picture<'a>(
    area: &Area<'a>,
    ranking: &Ranking,
    title: &str,
) -> Result<Option<Frame>, DrawError<'a>> {
    let (left, legend) = area.split_horizontally(SIZE.0 as i32 - LEGEND);
    let last = ranking.taus.last().copied().unwrap_or(1.0).max(1.01);
    let (across, up) = (1.0..last, -0.02..1.03);
    let mut chart = ChartBuilder::on(&left)
        .caption(
            format!("Performance profiles, {title}"),
            ("sans-serif", 17).into_font().color(&INK),
        )
        .margin(16)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(across.clone(), up.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(text())
        .axis_desc_style(text())
        .y_labels(6)
        .x_desc("time to target over the fastest")
        .y_desc("share of workloads")
        .x_label_formatter(&|x| label(*x))
        .y_label_formatter(&|y| label(*y))
        .draw()?;
    for (index, band) in ranking.bands.iter().enumerate() {
        if let Some(band) = band {
            let ring = ring(&ranking.taus, band);
            let fill = Look::of(index).colour.mix(0.10).filled();
            chart.draw_series([Polygon::new(ring, fill)])?;
        }
    }
    for (index, line) in ranking.profiles.iter().enumerate() {
        Look::of(index).line(&mut chart, stairs(&ranking.taus, line))?;
    }
    for (index, name) in ranking.submissions.iter().enumerate() {
        let words = format!("{name}  {:.3}", ranking.scores[index]);
        Look::of(index).key(&legend, (0, 50 + index as i32 * LINE), &words)?;
    }
    if ranking.bands.iter().any(Option::is_some) {
        let place = (0, 62 + ranking.submissions.len() as i32 * LINE);
        let words = "bands: 90 % of redrawn studies";
        legend.draw(&Text::new(words, place, text()))?;
    }
    Ok(Some(frame(&chart, &across, &up)))
}

/// A profile jumps where another workload comes within reach.
fn stairs(taus: &[f64], line: &[f64]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (&tau, &share) in taus.iter().zip(line) {
        if let Some(&(_, before)) = points.last().filter(|(_, before)| *before != share) {
            points.push((tau, before));
        }
        points.push((tau, share));
    }
    points
}

fn ring(taus: &[f64], band: &Band) -> Vec<(f64, f64)> {
    let mut ring = stairs(taus, &band.lower);
    ring.extend(stairs(taus, &band.upper).into_iter().rev());
    ring
}
