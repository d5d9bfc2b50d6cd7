//! What all pictures share: colours, fonts, errors, and an SVG that suits light and dark pages and paper.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use serde::Serialize;
use std::ops::Range;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Nothing was given, or nothing was evaluated.
    #[error("none of these runs was ever evaluated, so there is no curve to draw")]
    NoCurves,
    /// Curves do not share a vertical axis or a target.
    #[error("the runs are of different workloads: `{0}` and `{1}`")]
    Workloads(String, String),
    /// Nobody to compare.
    #[error("there is no submission with a finished study, so there is nothing to compare")]
    NoField,
    /// The plotting library failed.
    #[error("cannot draw the picture: {0}")]
    Draw(String),
}

/// A picture, and where its data lie in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The whole picture.
    pub svg: String,
    /// Its data's rectangle; none without axes.
    pub frame: Option<Frame>,
}

/// Where a picture's data lie: what turns a place on the screen into a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Frame {
    /// Left, top, right and bottom, in the picture's units.
    pub pixels: [i32; 4],
    /// Values at the left and at the right.
    pub across: [f64; 2],
    /// Values at the bottom and at the top.
    pub up: [f64; 2],
}

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
/// On a dark page ink and grid change places; an SVG picture sees its page's scheme. Paper is always light.
pub(crate) const DARK: &str = "<style>@media screen and (prefers-color-scheme: dark){\
[fill=\"#222222\"]{fill:#DDDDDD}[stroke=\"#222222\"]{stroke:#DDDDDD}[stroke=\"#DDDDDD\"]{stroke:#444444}}</style>\n";

pub(crate) type DrawError<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
pub(crate) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws a picture of this size. It grows and shrinks with its page, and its first words tell a screen reader what it shows.
pub(crate) fn draw(
    size: (u32, u32),
    about: &str,
    picture: impl for<'a> FnOnce(&Area<'a>) -> Result<Option<Frame>, DrawError<'a>>,
) -> Result<Drawn, PictureError> {
    let mut svg = String::new();
    let frame = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let frame = picture(&area);
        let presented = frame.and_then(|frame| area.present().map(|()| frame));
        presented.map_err(|error| PictureError::Draw(error.to_string()))?
    };
    let about = crate::html::escape(about);
    let body = svg.find('>').map_or(0, |end| end + 1);
    svg.insert_str(body, &format!("\n<title>{about}</title>{DARK}"));
    let svg = svg.replacen("<svg ", "<svg role=\"img\" ", 1);
    Ok(Drawn {
        // XML has no control characters at all.
        svg: crate::visible::lines(&svg).into_owned(),
        frame,
    })
}

/// Where a chart's data lie.
pub(crate) fn frame(chart: &Chart<'_, '_>, across: &Range<f64>, up: &Range<f64>) -> Frame {
    let (x, y) = chart.plotting_area().get_pixel_range();
    Frame {
        pixels: [x.start, y.start, x.end, y.end],
        across: [across.start, across.end],
        up: [up.start, up.end],
    }
}

pub(crate) fn text() -> TextStyle<'static> {
    ("sans-serif", 14).into_font().color(&INK)
}

/// A number beside an axis, as short as it can be.
pub(crate) fn label(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The parts of a line that lie within the vertical range, cut where they leave it.
pub(crate) fn within(points: &[(f64, f64)], up: &Range<f64>) -> Vec<Vec<(f64, f64)>> {
    let inside = |y: f64| (up.start..=up.end).contains(&y);
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for &(x, y) in points {
        let edges = before.map_or_else(Vec::new, |(x0, y0)| {
            let crossed = [up.start, up.end]
                .into_iter()
                .filter(|edge| (y0 < *edge) != (y < *edge) && y0 != *edge && y != *edge);
            let mut edges: Vec<_> = crossed
                .map(|edge| (x0 + (edge - y0) / (y - y0) * (x - x0), edge))
                .collect();
            edges.sort_by(|a, b| a.0.total_cmp(&b.0));
            edges
        });
        let was_inside = before.is_some_and(|(_, y0)| inside(y0));
        if !was_inside && (!edges.is_empty() || inside(y)) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut()
            && (was_inside || inside(y) || !edges.is_empty())
        {
            part.extend(edges);
            part.extend(inside(y).then_some((x, y)));
        }
        before = Some((x, y));
    }
    parts
}

/// Height of a line of a legend.
const LINE: i32 = 20;

/// What a legend of so many lines takes below a picture.
pub(crate) fn legend_height(lines: usize) -> u32 {
    lines as u32 * LINE as u32 + 8
}

/// A legend, a line a group, from the left edge of the data on: below the picture, since curves may go anywhere in it.
pub(crate) fn legend<'b, S: AsRef<str>>(
    area: &Area<'b>,
    left: i32,
    groups: impl IntoIterator<Item = S>,
) -> Result<(), DrawError<'b>> {
    for (group, words) in groups.into_iter().enumerate() {
        let place = (left, 8 + group as i32 * LINE);
        Look::of(group).key(area, place, words.as_ref())?;
    }
    Ok(())
}

/// How a group of lines looks: its colour, and dashes once the colours are used up.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: RGBColor,
    /// Length of a dash and of a gap; none for a whole line.
    dash: Option<(i32, i32)>,
    opacity: f64,
    width: u32,
}

impl Look {
    pub(crate) fn of(group: usize) -> Look {
        Look {
            colour: COLOURS[group % COLOURS.len()],
            dash: match group / COLOURS.len() {
                0 => None,
                1 => Some((7, 4)),
                _ => Some((2, 3)),
            },
            opacity: 1.0,
            width: 2,
        }
    }

    /// Thin and pale: what only stands behind others of its group.
    pub(crate) fn behind(self) -> Look {
        Look {
            opacity: 0.35,
            width: 1,
            ..self
        }
    }

    /// The line through these points.
    pub(crate) fn line<'b>(
        self,
        chart: &mut Chart<'_, 'b>,
        points: Vec<(f64, f64)>,
    ) -> Result<(), DrawError<'b>> {
        let style = self.colour.mix(self.opacity).stroke_width(self.width);
        match self.dash {
            None => {
                chart.draw_series(LineSeries::new(points, style))?;
            }
            Some((dash, gap)) => {
                chart.draw_series(DashedLineSeries::new(points, dash, gap, style))?;
            }
        }
        Ok(())
    }

    /// A line of a legend, at this place of an area.
    pub(crate) fn key<'b>(
        self,
        area: &Area<'b>,
        (x, y): (i32, i32),
        words: &str,
    ) -> Result<(), DrawError<'b>> {
        let style = self.colour.stroke_width(2);
        let (dash, gap) = self.dash.unwrap_or((24, 0));
        let mut at = 0;
        while at < 24 {
            let end = (at + dash).min(24);
            area.draw(&PathElement::new([(x + at, y), (x + end, y)], style))?;
            at = end + gap;
        }
        area.draw(&Text::new(words.to_owned(), (x + 32, y - 7), text()))
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_line_is_cut_where_it_leaves_the_picture() {
        let up = 0.0..1.0;
        // From above into the picture, out below and in again.
        let line = [(0.0, 2.0), (1.0, 0.0), (2.0, -1.0), (3.0, 0.5), (4.0, 0.5)];
        let parts = within(&line, &up);
        let cut = 2.0 + 1.0 / 1.5;
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], [(0.5, 1.0), (1.0, 0.0)]);
        assert!((parts[1][0].0 - cut).abs() < 1e-12 && parts[1][0].1 == 0.0);
        assert_eq!(parts[1][1..], [(3.0, 0.5), (4.0, 0.5)]);
        // Right through, and never inside.
        assert_eq!(
            within(&[(0.0, 2.0), (3.0, -1.0)], &up),
            [[(1.0, 1.0), (2.0, 0.0)]]
        );
        assert!(within(&[(0.0, 2.0), (3.0, 3.0)], &up).is_empty());
        assert_eq!(within(&[(0.0, 0.5)], &up), [[(0.0, 0.5)]]);
    }
}
