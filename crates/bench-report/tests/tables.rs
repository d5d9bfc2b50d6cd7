//! What tables and pictures look like, on committed records.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bench_core::spec::submission::Value;
use bench_report::curves::{Axis, CurveError, Quantity, curves};
use bench_report::{
    Ranked, Titled, aggregates, evaluations, facts, leaderboard, leaderboard_rows, trials,
    wall_time,
};
use bench_score::statistics::Certainty;
use bench_score::{Field, Leaderboard, Measure, TrainingPoint, Trial};
use std::path::Path;

fn records() -> Vec<Trial> {
    let runs =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-cli/tests/fixtures/runs/single");
    let mut folders: Vec<_> = ["adamw", "heavy-ball"]
        .iter()
        .flat_map(|submission| {
            (1..=3).map(move |study| format!("{submission}/blobs/study-{study}"))
        })
        .map(|study| {
            std::fs::read_dir(runs.join(study))
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .path()
        })
        .collect();
    folders.sort();
    let text = |folder: &Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    folders
        .iter()
        .map(|folder| {
            Trial::parse(&text(folder, "run.json"), &text(folder, "events.jsonl")).unwrap()
        })
        .collect()
}

#[test]
fn the_table_at_the_end_of_a_run() {
    let grid = trials(&records());
    for width in [80, 120, 200] {
        insta::assert_snapshot!(format!("trials-{width}"), grid.terminal(width));
    }
}

#[test]
fn the_leaderboard() {
    let board = Leaderboard::of(&records());
    let table = leaderboard(&board).remove(0);
    for width in [80, 120, 200] {
        let text = format!(
            "{}\n{}\n{}",
            table.title,
            table.grid.terminal(width),
            table.remarks.join("\n")
        );
        insta::assert_snapshot!(format!("leaderboard-{width}"), text);
    }
    insta::assert_snapshot!("leaderboard-markdown", table.grid.markdown());
    let fields = Field::all(&board).into_iter();
    let ranked: Vec<Ranked> = fields
        .map(|field| Ranked::of(field, None, Certainty::default()))
        .collect();
    let rows = leaderboard_rows(&board, &ranked);
    insta::assert_snapshot!("leaderboard-csv", rows.csv().unwrap());
}

/// Every mark there is, on the second of two rows.
#[test]
fn marks_are_readable_at_any_width() {
    let records = records();
    let machine = records[0].record.machine.fingerprint.clone();
    let mut board = Leaderboard::of(&records).pinned(&[machine]);
    let rows = &mut board.tables[0].rows;
    rows[0].result.resumed = 0;
    rows[1].by = Measure::Steps;
    let result = &mut rows[1].result;
    result.pinned = false;
    (result.resumed, result.throttled, result.timing_suspect) = (2, 3, 1);
    (result.unfinished, result.superseded, result.loosened) = (1, 4, 1);
    let table = leaderboard(&board).remove(0);
    let marks = "unpinned; 1 unfinished; 1 timing-suspect; 3 throttled; 1 under looser limits; 2 resumed; 4 older left out";
    for width in [80, 120, 200] {
        let text = table.grid.terminal(width);
        insta::assert_snapshot!(format!("marks-{width}"), text);
        assert!(text.lines().all(|line| line.chars().count() <= width));
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains(marks), "{text}");
    }
}

/// Where somebody vouches for the seconds, these decide, and steps stand beside.
#[test]
fn a_pinned_machine_ranks_by_time_first() {
    let records = records();
    let machine = records[0].record.machine.fingerprint.clone();
    let rank = |board: &Leaderboard| -> Vec<Ranked> {
        let fields = Field::all(board).into_iter();
        fields
            .map(|field| Ranked::of(field, None, Certainty::default()))
            .collect()
    };
    let unpinned = Leaderboard::of(&records);
    let titles = |ranked: &[Ranked]| -> Vec<String> {
        let tables = aggregates(ranked).into_iter();
        tables.map(|table| table.title).collect()
    };
    assert_eq!(
        titles(&rank(&unpinned)),
        ["all 1 workload under ruleset external-tuning, by steps to target"]
    );
    let pinned = unpinned.pinned(&[machine]);
    let ranked = rank(&pinned);
    let tables = aggregates(&ranked);
    let text = |table: &Titled| {
        let remarks = table.remarks.join("\n");
        format!("{}\n{}\n{remarks}", table.title, table.grid.terminal(120))
    };
    let texts: Vec<String> = tables.iter().map(text).collect();
    insta::assert_snapshot!("aggregate-pinned", texts.join("\n\n"));
    let csv = leaderboard_rows(&pinned, &ranked).csv().unwrap();
    assert!(
        csv.lines()
            .skip(1)
            .all(|line| line.contains(",time,blobs,")),
        "{csv}"
    );
}

#[test]
fn one_trial_in_full() {
    let trial = &records()[2];
    let facts: String = facts(trial)
        .iter()
        .map(|(name, line)| format!("{name}: {line}\n"))
        .collect();
    let tables = [
        evaluations(trial).terminal(80),
        wall_time(&trial.summary).terminal(80),
    ];
    insta::assert_snapshot!("trial", facts + &tables.join("\n"));
}

#[test]
fn curves_are_svg_with_everything_a_reader_needs() {
    let records = records();
    let svg = curves(&records[..4], Axis::Time, Quantity::Validation).unwrap();
    for part in [
        "<svg",
        "</svg>",
        "submission time (s)",
        "validation error-rate",
        "target 0.1000",
        "adamw, study 2, trial 1: 2.54 s, 1,000 steps",
        "prefers-color-scheme",
    ] {
        assert!(
            svg.contains(part) || svg.replace('\n', "").contains(part),
            "no {part}"
        );
    }
    if let Some(folder) = std::env::var_os("BENCH_PICTURES") {
        std::fs::write(Path::new(&folder).join("curves.svg"), svg).unwrap();
    }
}

#[test]
fn curves_of_nothing_or_of_two_workloads_are_refused() {
    assert!(matches!(
        curves(&[], Axis::Steps, Quantity::Validation),
        Err(CurveError::NoCurves)
    ));
    let mut records = records();
    records[1].record.run.workload_name = "other".into();
    assert!(matches!(
        curves(&records, Axis::Steps, Quantity::Validation),
        Err(CurveError::Workloads(..))
    ));
    records.truncate(1);
    records[0].summary.curve.clear();
    assert!(matches!(
        curves(&records, Axis::Steps, Quantity::Validation),
        Err(CurveError::NoCurves)
    ));
}

#[test]
fn a_search_has_one_colour_and_its_best_stands_out() {
    let mut records = records();
    records.truncate(2);
    let mut points = [0.1, 0.2].iter();
    for record in &mut records {
        record.record.run.submission.name = "adamw".into();
        record.record.run.seed.study = 1;
        let rate = points.next().copied().map(Value::Number).unwrap();
        let values = &mut record.record.run.hyperparameters;
        values.insert("learning-rate".to_owned(), rate);
    }
    let svg = curves(&records, Axis::Steps, Quantity::Validation).unwrap();
    let one_line = svg.replace('\n', "");
    assert!(
        one_line.contains("adamw, best of 2, study 1, trial"),
        "{svg}"
    );
    let lines = svg.split("<polyline").skip(1);
    let faint = lines.filter(|line| line.contains("opacity=\"0.35\""));
    assert_eq!(faint.count(), 1, "{svg}");
    // The same point twice is no search: a line of the legend each.
    let rate = records[0].record.run.hyperparameters["learning-rate"].clone();
    let values = &mut records[1].record.run.hyperparameters;
    values.insert("learning-rate".to_owned(), rate);
    let svg = curves(&records, Axis::Steps, Quantity::Validation).unwrap();
    assert!(!svg.contains("best of"), "{svg}");
}

#[test]
fn training_is_drawn_and_exported_too() {
    let mut records = records();
    records.truncate(1);
    let training = [(500, 1.5, Some(0.25)), (1_000, 0.5, None)];
    let points = training.map(|(step, loss, rate)| TrainingPoint {
        step,
        submission_ns: step * 1_000_000,
        loss: Some(loss),
        learning_rate: rate,
        gradient_norm: None,
    });
    records[0].summary.training = points.to_vec();
    let svg = curves(&records, Axis::Steps, Quantity::TrainLoss).unwrap();
    assert!(
        svg.contains("training loss") && !svg.contains("target "),
        "{svg}"
    );
    // Nothing of it was recorded.
    let norm = curves(&records, Axis::Steps, Quantity::GradientNorm);
    assert!(matches!(norm, Err(CurveError::NoCurves)));
    let table = bench_report::export::intervals(&records).csv().unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
    let last = |row: usize| rows[row][rows[row].len() - 5..].join(",");
    assert_eq!(
        last(0),
        "step,submission-seconds,train-loss,learning-rate,gradient-norm"
    );
    // As logged, and where that is not, as scheduled.
    assert_eq!(last(1), "500,0.5,1.5,0.25,");
    let scheduled = records[0].record.run.scheduled_rate().unwrap()(999);
    assert_eq!(last(2), format!("1000,1,0.5,{scheduled},"));
}
