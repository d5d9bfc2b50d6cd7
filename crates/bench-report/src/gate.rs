//! A comparison in words: one line to quote, a table of workloads, why, and what the runs could have seen.

use crate::grid::{Cell, Column, Grid};
use crate::scores::TOO_FEW;
use crate::units;
use bench_score::gate::{By, Judgement, NoiseSource, Row, Side, Sight};
use bench_score::statistics::Verdict;

/// Seconds a step that differ by more than this share are worth a word.
const NOTABLE: f64 = 0.05;

/// The line that a person quotes, verdict first.
pub fn headline(judgement: &Judgement) -> String {
    let over = over(judgement);
    let margin = percent(judgement.rule.margin);
    if judgement.workloads.is_empty() {
        return "nothing to compare: the two have no workload in common".to_owned();
    }
    if judgement.identical && judgement.rule.by == By::Steps {
        return format!("identical: every evaluation equals the other's, bit for bit, {over}");
    }
    let change = change(judgement);
    match judgement.verdict {
        Verdict::ReachRateFell => format!(
            "reach rate fell: missed {} of {} studies, the base {} of {} (p = {}) {over}",
            judgement.candidate_misses,
            studies(judgement, |row| &row.candidate),
            judgement.base_misses,
            studies(judgement, |row| &row.base),
            p_value(judgement.p_fell),
        ),
        Verdict::Mixed => format!(
            "mixed: slower on {}, faster on {}; {change} {over}",
            names(judgement, |row| row.slower),
            names(judgement, |row| row.faster),
        ),
        Verdict::Equivalent => format!("equivalent within {margin}: {change} {over}"),
        Verdict::Faster => format!("{change} {over}; {}", excluded(judgement)),
        Verdict::Regression => format!("regression: {change} {over}; a speed-up is excluded"),
        Verdict::Inconclusive => match judgement.sight.studies_for_margin {
            Some(n) if n > judgement.sight.studies as u64 => {
                format!("inconclusive: {change} {over}; finding {margin} takes n = {n}")
            }
            _ => format!("inconclusive: {change} {over}"),
        },
        Verdict::ReachInDoubt => format!(
            "inconclusive, reach rate in doubt: {change} {over}, but {} misses against {} (p = {})",
            judgement.candidate_misses,
            judgement.base_misses,
            p_value(judgement.p_fell),
        ),
    }
}

/// `6.1 % faster in steps [3.0, 9.1]`, or in words that there is no number. Positive ends are in the direction of the word.
fn change(judgement: &Judgement) -> String {
    let by = match judgement.rule.by {
        By::Steps => "in steps",
        By::Time => "in time",
    };
    let Some(ratio) = judgement.ratio else {
        return format!("too many misses for a ratio {by}");
    };
    let faster = ratio < 1.0;
    let change = |ratio: f64| 100.0 * if faster { 1.0 - ratio } else { ratio - 1.0 };
    let word = if faster { "faster" } else { "slower" };
    // Half of all pairs and more have a miss on one side: there is no number.
    if ratio <= 0.0 || !ratio.is_finite() {
        return format!(
            "{word} {by}, by misses alone: base missed {} of {}, candidate {} of {}",
            judgement.base_misses,
            studies(judgement, |row| &row.base),
            judgement.candidate_misses,
            studies(judgement, |row| &row.candidate),
        );
    }
    let number = format!("{:.1} % {word} {by}", change(ratio));
    match (judgement.lower, judgement.upper) {
        (Some(lower), Some(upper)) if lower == upper => {
            format!("{number} ({TOO_FEW} for an interval)")
        }
        (None, None) => format!(
            "{number} (no interval at this level with n = {})",
            judgement.studies()
        ),
        (lower, upper) => {
            let (from, to) = if faster {
                (upper, lower)
            } else {
                (lower, upper)
            };
            let open = if faster {
                ("-inf", "100")
            } else {
                ("-100", "inf")
            };
            let end = |end: Option<f64>, none: &str| {
                end.map_or(none.to_owned(), |x| {
                    format!("{:.1}", unsigned_zero(change(x)))
                })
            };
            format!("{number} [{}, {}]", end(from, open.0), end(to, open.1))
        }
    }
}

/// A change that rounds to nothing has no sign.
fn unsigned_zero(x: f64) -> f64 {
    if x.abs() < 0.05 { 0.0 } else { x }
}

fn excluded(judgement: &Judgement) -> String {
    let margin = judgement.rule.margin;
    match judgement.upper {
        Some(upper) if upper <= 1.0 + margin => {
            format!("a regression above {} is excluded", percent(margin))
        }
        _ => "a regression is excluded".to_owned(),
    }
}

/// `over 3 workloads, n = 5`.
fn over(judgement: &Judgement) -> String {
    let workloads = match judgement.workloads.as_slice() {
        [one] => format!("on {}", one.workload),
        many => format!("over {} workloads", many.len()),
    };
    format!("{workloads}, n = {}", judgement.studies())
}

fn studies(judgement: &Judgement, side: fn(&Row) -> &Side) -> usize {
    let rows = judgement.workloads.iter();
    rows.map(|row| side(row).studies.len()).sum()
}

fn names(judgement: &Judgement, which: impl Fn(&Row) -> bool) -> String {
    let rows = judgement.workloads.iter().filter(|row| which(row));
    let names: Vec<&str> = rows.map(|row| row.workload.as_str()).collect();
    names.join(", ")
}

/// `5 %`, `2.5 %`.
pub fn percent(share: f64) -> String {
    let number = format!("{:.1}", 100.0 * share);
    format!("{} %", number.strip_suffix(".0").unwrap_or(&number))
}

fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "below .001".to_owned(),
        p => format!("{p:.3}"),
    }
}

/// One row a workload: both sides, and the ratio with its interval.
pub fn comparison(judgement: &Judgement) -> Grid {
    let columns = vec![
        Column::words("workload", "workload", 0),
        Column::words("base reached", "base-reached", 2),
        Column::words("candidate reached", "candidate-reached", 2),
        Column::numbers("base steps", "base-median-steps", 0),
        Column::numbers("candidate steps", "candidate-median-steps", 0),
        Column::numbers("base time", "base-median-seconds", 1),
        Column::numbers("candidate time", "candidate-median-seconds", 1),
        Column::numbers("ratio", "ratio", 0),
        Column::words("interval", "interval", 0),
        Column::numbers("confidence", "confidence", 4),
        Column::words("alone", "alone", 3),
    ];
    Grid {
        columns,
        rows: judgement.workloads.iter().map(cells).collect(),
    }
}

fn cells(row: &Row) -> Vec<Cell> {
    let reached = |side: &Side| {
        Cell::new(
            format!("{} of {}", side.reached, side.studies.len()),
            side.reached,
        )
    };
    let steps = |side: &Side| median(side.median_steps, |n| units::count(n.round() as u64));
    let seconds = |side: &Side| median(side.median_seconds, units::seconds);
    let end = |end: Option<f64>, none: &str| end.map_or(none.to_owned(), |x| format!("{x:.3}"));
    let interval = match (row.lower, row.upper) {
        (None, None) => Cell::new("none", ""),
        (Some(lower), Some(upper)) if lower == upper => Cell::new(TOO_FEW, ""),
        (lower, upper) => Cell::plain(format!("{} .. {}", end(lower, "0"), end(upper, "inf"))),
    };
    let alone = match (row.identical, row.slower, row.faster) {
        (true, ..) => "identical",
        (_, true, _) => "slower",
        (_, _, true) => "faster",
        _ => "open",
    };
    vec![
        Cell::plain(&row.workload),
        reached(&row.base),
        reached(&row.candidate),
        steps(&row.base),
        steps(&row.candidate),
        seconds(&row.base),
        seconds(&row.candidate),
        Cell::optional(row.ratio, |ratio| format!("{ratio:.3}")),
        interval,
        Cell::optional(
            (row.lower.is_some() || row.upper.is_some()).then_some(row.confidence),
            |c| format!("{:.1} %", 100.0 * c),
        ),
        Cell::plain(alone),
    ]
}

fn median(value: Option<f64>, text: fn(f64) -> String) -> Cell {
    match value {
        Some(value) => Cell::new(text(value), value),
        None => Cell::new("missed", ""),
    }
}

/// Why: steps and seconds a step of each workload, misses, and what is true of the comparison as a whole.
pub fn reasons(judgement: &Judgement) -> Vec<String> {
    let mut lines: Vec<String> = judgement.workloads.iter().filter_map(reason).collect();
    if judgement.base_misses + judgement.candidate_misses > 0 {
        lines.push(format!(
            "misses: base {}, candidate {}; p of as many if both reach equally often: {}",
            judgement.base_misses,
            judgement.candidate_misses,
            p_value(judgement.p_fell)
        ));
    }
    let missing = |side: &Side| 2 * side.reached < side.studies.len();
    let hard = names(judgement, |row| {
        missing(&row.base) && missing(&row.candidate)
    });
    if !hard.is_empty() {
        lines.push(format!(
            "most studies of both miss the target of {hard}, and say little about speed there"
        ));
    }
    lines.extend(marks(judgement));
    lines.extend(loosened(judgement));
    let slower = names(judgement, |row| row.slower);
    if !slower.is_empty() {
        lines.push(format!("slower by itself: {slower}"));
    }
    if let Some(p) = judgement.prob_candidate_faster {
        lines.push(format!(
            "of two studies the candidate's is the faster one in {:.0} of 100 cases",
            100.0 * p
        ));
    }
    if judgement.lower.is_some() || judgement.upper.is_some() {
        lines.push(format!(
            "the interval covers {:.1} % (asked for: {:.0} %)",
            100.0 * judgement.confidence,
            100.0 * (1.0 - 2.0 * judgement.rule.alpha)
        ));
    }
    lines.extend(
        judgement
            .left_out
            .iter()
            .map(|line| format!("left out: {line}")),
    );
    lines
}

/// Trials whose seconds are worth less.
fn marks(judgement: &Judgement) -> Option<String> {
    let all = |count: fn(&Side) -> usize| -> usize {
        let sides = judgement
            .workloads
            .iter()
            .flat_map(|row| [&row.base, &row.candidate]);
        sides.map(count).sum()
    };
    let counts = [
        (all(|side| side.resumed), "resumed"),
        (all(|side| side.throttled), "whose processors were held up"),
        (
            all(|side| side.timing_suspect),
            "with a clock that is not trusted",
        ),
    ];
    let marks = counts.iter().filter(|(count, _)| *count > 0);
    let marks: Vec<String> = marks
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!marks.is_empty()).then(|| {
        format!(
            "trials whose steps say more than their seconds: {}",
            marks.join(", ")
        )
    })
}

/// Trials that were allowed more than others'.
fn loosened(judgement: &Judgement) -> Option<String> {
    let all = |side: fn(&Row) -> &Side| -> usize {
        let rows = judgement.workloads.iter();
        rows.map(|row| side(row).loosened).sum()
    };
    let (base, candidate) = (all(|row| &row.base), all(|row| &row.candidate));
    (base + candidate > 0).then(|| {
        format!(
            "trials under limits or tolerances looser than the built-in ones: {base} of the base, {candidate} of the candidate"
        )
    })
}

/// Where a difference in time is from; nothing for a workload without one.
fn reason(row: &Row) -> Option<String> {
    let change = |ratio: f64| match unsigned_zero(100.0 * (ratio - 1.0)) {
        0.0 => "0.0 %".to_owned(),
        change => format!("{change:+.1} %"),
    };
    let mut parts = Vec::new();
    if let Some(steps) = row.steps_ratio {
        parts.push(format!("steps {}", change(steps)));
    }
    if let Some(each) = row.seconds_per_step_ratio {
        let notable = (each - 1.0).abs() > NOTABLE;
        let note = if notable {
            " (look at the machine, or at the code of a step)"
        } else {
            ""
        };
        parts.push(format!("seconds a step {}{note}", change(each)));
    }
    (!parts.is_empty()).then(|| format!("{}: {}", row.workload, parts.join(", ")))
}

/// What these runs could have seen at all.
pub fn sight(sight: &Sight, margin: f64) -> Vec<String> {
    let n = sight.studies;
    let mut lines = vec![match sight.detectable {
        Some(least) => format!(
            "n = {n} finds a slowdown of {} or more in 8 of 10 cases",
            percent(round_up(least))
        ),
        None => format!(
            "{n} {} cannot find a slowdown of any size reliably",
            if n == 1 { "study" } else { "studies" }
        ),
    }];
    let needed =
        |n: Option<u64>| n.map_or("no number of studies".to_owned(), |n| format!("n = {n}"));
    lines.push(format!(
        "{} finds one of {} as often; {} shows that equals are equivalent within it",
        needed(sight.studies_for_margin),
        percent(margin),
        needed(sight.studies_for_equivalence)
    ));
    let noise = |noise: &bench_score::gate::Noise| {
        let source = match noise.source {
            NoiseSource::Records => "seen",
            NoiseSource::Calibration => "assumed, as between the seeds of its calibration",
            NoiseSource::Prior => "assumed, as measured in AlgoPerf",
        };
        format!("{} {} ({source})", noise.workload, percent(noise.sd))
    };
    let noise: Vec<String> = sight.noise.iter().map(noise).collect();
    if !noise.is_empty() {
        lines.push(format!("noise between studies: {}", noise.join(", ")));
    }
    lines
}

/// To the next tenth of a per cent, so that no promise is rounded into.
fn round_up(share: f64) -> f64 {
    (share * 1000.0 - 1e-6).ceil() / 1000.0
}

/// All of it.
pub fn comparison_text(judgement: &Judgement, width: usize) -> String {
    let list = |title: &str, lines: Vec<String>| {
        let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
        (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
    };
    let mut parts = vec![headline(judgement)];
    if !judgement.workloads.is_empty() {
        parts.push(comparison(judgement).terminal(width));
    }
    parts.extend(list("Why", reasons(judgement)));
    parts.extend(list(
        "What these runs could have seen",
        sight(&judgement.sight, judgement.rule.margin),
    ));
    parts.join("\n\n")
}
