//! The pairwise matrix: how much slower each submission is than each other, and whether they can be told apart.

use crate::picture::{Area, DrawError, Drawn, INK, PictureError, draw, text};
use bench_score::{Duel, Ranking};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Side of a cell.
const CELL: (i32, i32) = (64, 34);
/// Of the names.
const LEFT: i32 = 230;
const TOP: i32 = 76;
/// Text on coloured cells: not the ink, which turns light on dark pages.
const ON_COLOUR: RGBColor = RGBColor(0x11, 0x11, 0x11);
const FASTER: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
const SLOWER: RGBColor = RGBColor(0xE6, 0x9F, 0x00);

/// All pairs of a ranking: time of the row's submission over that of the column's.
///
/// # Errors
/// When there are fewer than two.
pub fn pairs(ranking: &Ranking, title: &str) -> Result<Drawn, PictureError> {
    let n = ranking.submissions.len() as i32;
    if n < 2 {
        return Err(PictureError::NoField);
    }
    let size = ((LEFT + CELL.0 * n + 24).max(600), TOP + CELL.1 * n + 64);
    let about = format!("Pairs, {title}: time to target of the row's submission over the column's");
    draw((size.0 as u32, size.1 as u32), &about, |area| {
        paint(area, ranking, title).map(|()| None)
    })
}

fn paint<'a>(area: &Area<'a>, ranking: &Ranking, title: &str) -> Result<(), DrawError<'a>> {
    let heading = ("sans-serif", 17).into_font().color(&INK);
    area.draw(&Text::new(format!("Pairs, {title}"), (16, 14), heading))?;
    let centred = text().pos(Pos::new(HPos::Center, VPos::Center));
    for (index, name) in ranking.submissions.iter().enumerate() {
        let at = index as i32;
        let row = (16, TOP + at * CELL.1 + CELL.1 / 2 - 7);
        area.draw(&Text::new(format!("{}  {name}", at + 1), row, text()))?;
        let column = (LEFT + at * CELL.0 + CELL.0 / 2, TOP - 14);
        area.draw(&Text::new((at + 1).to_string(), column, centred.clone()))?;
    }
    for duel in &ranking.duels {
        let (a, b) = (duel.first as i32, duel.second as i32);
        let ratio = duel.shift.ratio();
        cell(area, (b, a), duel, ratio)?;
        cell(area, (a, b), duel, ratio.map(|ratio| 1.0 / ratio))?;
    }
    let n = ranking.submissions.len() as i32;
    let foot = (16, TOP + n * CELL.1 + 14);
    let words = "time of the row over time of the column: blue is faster, orange slower";
    area.draw(&Text::new(words, foot, text()))?;
    let words =
        "* differ by the stratified rank test, Holm-adjusted at 5 %; \u{221e}: never reached";
    area.draw(&Text::new(words, (16, foot.1 + 20), text()))
}

fn cell<'a>(
    area: &Area<'a>,
    (row, column): (i32, i32),
    duel: &Duel,
    ratio: Option<f64>,
) -> Result<(), DrawError<'a>> {
    let (x, y) = (LEFT + column * CELL.0, TOP + row * CELL.1);
    let corners = [(x + 1, y + 1), (x + CELL.0 - 1, y + CELL.1 - 1)];
    area.draw(&Rectangle::new(corners, colour(ratio).filled()))?;
    let words = match ratio {
        // One side never reached a target that the other did.
        Some(ratio) if ratio.is_infinite() => "\u{221e}".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(ratio) if (0.01..100.0).contains(&ratio) => format!("{ratio:.2}"),
        Some(ratio) if ratio < 1.0 => "< 0.01".to_owned(),
        Some(_) => "> 100".to_owned(),
        None => "-".to_owned(),
    };
    let mark = if duel.adjusted <= 0.05 { " *" } else { "" };
    let style = ("sans-serif", 14).into_font().color(&ON_COLOUR);
    let style = style.pos(Pos::new(HPos::Center, VPos::Center));
    let centre = (x + CELL.0 / 2, y + CELL.1 / 2);
    area.draw(&Text::new(format!("{words}{mark}"), centre, style))
}

/// From blue (half the time or less) over white to orange (twice or more).
fn colour(ratio: Option<f64>) -> RGBColor {
    let Some(ratio) = ratio else {
        return RGBColor(0xEE, 0xEE, 0xEE);
    };
    let doublings = ratio.log2().clamp(-1.0, 1.0);
    let end = if doublings < 0.0 { FASTER } else { SLOWER };
    let mix = |channel: u8| {
        let white = 255.0;
        (white + (f64::from(channel) - white) * doublings.abs()).round() as u8
    };
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}
