//! The page: small enough with ten thousand trials, complete enough to run any again, and alive in a browser.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod browser;

use bench_core::run::Seed;
use bench_report::leaderboard;
use bench_report::page::{Embedded, EmbeddedError, Page, Trials, record_plots};
use bench_score::statistics::Certainty;
use bench_score::{Field, Leaderboard, Measure, Trial};
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> Vec<Trial> {
    let runs =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-cli/tests/fixtures/runs/single");
    let mut folders = vec![runs];
    let mut trials = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        if folder.join("run.json").is_file() {
            let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
            trials.push(Trial::parse(&text("run.json"), &text("events.jsonl")).unwrap());
        } else {
            folders.extend(entries.into_iter().filter(|path| path.is_dir()));
        }
    }
    trials
}

/// The fixtures over and over, each time other studies, points and hashes.
fn many(count: usize) -> Vec<Trial> {
    let fixtures = fixtures();
    let of = |index: usize| {
        let mut trial = fixtures[index % fixtures.len()].clone();
        let run = &mut trial.record.run;
        let (study, number) = ((index / 60) as u32 % 20, (index / 1200) as u32);
        run.seed = Seed::new(run.seed.purpose, 0, study + 1, number + 1);
        run.submission.name = format!("{}-{}", run.submission.name, index % 60 / 6);
        trial.record.config_hash = trial.record.run.config_hash().unwrap();
        trial
    };
    (0..count).map(of).collect()
}

fn page(trials: &[Trial]) -> Page {
    let ids: Vec<String> = (0..trials.len())
        .map(|index| format!("{index:012x}"))
        .collect();
    let board = Leaderboard::of(trials);
    let field = Field::of(&board, Measure::Steps).remove(0);
    let certainty = Certainty {
        resamples: 50,
        ..Certainty::default()
    };
    Page {
        title: "A board & its trials".to_owned(),
        notes: vec!["notes are <escaped>".to_owned()],
        rankings: vec![(field.title.clone(), field.ranking(certainty, None))],
        tables: leaderboard(&board),
        plots: record_plots(trials),
        trials: Trials::Records(
            Embedded::of(ids.iter().map(String::as_str).zip(trials), &[]).unwrap(),
        ),
        findings: vec!["one <finding>".to_owned()],
    }
}

#[test]
fn ten_thousand_trials_fit_and_every_time_alike() {
    let trials = many(10_000);
    let html = page(&trials).html().unwrap();
    assert!(html.len() < 5 << 20, "{} bytes", html.len());
    assert_eq!(html, page(&trials).html().unwrap());
    assert!(html.contains("notes are &lt;escaped&gt;") && html.contains("one &lt;finding&gt;"));
    let outside = ["src=\"", "href=\"http", "@import", "url(", "fetch("];
    assert!(outside.iter().all(|request| !html.contains(request)));
    if let Some(folder) = std::env::var_os("BENCH_PICTURES") {
        fs::write(Path::new(&folder).join("page.html"), html).unwrap();
    }
}

#[test]
fn a_trial_in_the_page_is_its_whole_configuration() {
    let trials = many(70);
    let html = page(&trials).html().unwrap();
    let embedded = Embedded::read(&html).unwrap();
    for (entry, trial) in embedded.trials.iter().zip(&trials) {
        assert_eq!(embedded.run(entry).unwrap(), trial.record.run);
    }
    let forged = html.replacen("\"batch-size\":32", "\"batch-size\":33", 1);
    let embedded = Embedded::read(&forged).unwrap();
    let forged = embedded
        .trials
        .iter()
        .find_map(|entry| embedded.run(entry).err());
    assert!(matches!(forged, Some(EmbeddedError::Changed { .. })));
    assert!(matches!(
        Embedded::read("<html></html>"),
        Err(EmbeddedError::NoTrials)
    ));
}

/// The page's elements after its scripts ran, and what they complained about.
fn browse(page: &Path, fragment: &str) -> Option<(String, String)> {
    let profile = page.with_extension("profile");
    let output = Command::new(browser::chromium()?)
        .args(browser::QUIET)
        .args([
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}{fragment}", page.display()))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let complaints = text(output.stderr);
    let complaints: Vec<&str> = complaints
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    Some((text(output.stdout), complaints.join("\n")))
}

#[test]
fn a_browser_sorts_filters_and_opens() {
    let folder = std::env::temp_dir().join(format!("bench-page-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("index.html");
    fs::write(&file, page(&many(10_000)).html().unwrap()).unwrap();
    let rows = |dom: &str| {
        let (_, view) = dom.split_once("id=\"trials-view\"").unwrap();
        let (_, body) = view.split_once("<tbody>").unwrap();
        body.split_once("</tbody>").unwrap().0.to_owned()
    };
    if let Some((dom, complaints)) = browse(&file, "") {
        assert_eq!(complaints, "");
        assert!(dom.contains("10000 trials."), "no count");
        assert_eq!(rows(&dom).matches("<tr").count(), 100);
        assert!(dom.contains("Show 100 more of 9900"));
    }
    if let Some((dom, complaints)) =
        browse(&file, "#trials?filter=heavy-ball-3%20target&sort=-steps")
    {
        assert_eq!(complaints, "");
        let rows = rows(&dom);
        assert!(rows.contains("heavy-ball-3") && !rows.contains("adamw-"));
        assert!(dom.contains("aria-sort=\"descending\""));
    }
    if let Some((dom, complaints)) = browse(&file, "#000000000007") {
        assert_eq!(complaints, "");
        let rows = rows(&dom);
        assert!(rows.contains("bench rerun index.html#000000000007"));
        assert!(rows.contains("\"learning-rate\""));
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// Where a curve's picture is, once it has been scrolled to: left, top, width.
const FIGURE: &str = "(() => { const figure = document.querySelector('#workloads figure[data-hover]'); figure.scrollIntoView(); \
    const box = figure.querySelector('svg').getBoundingClientRect(); return [box.left, box.top, box.width]; })()";
const TIP: &str = "(() => { const tip = document.querySelector('#workloads figure[data-hover] .tip'); return tip.hidden ? '' : tip.textContent; })()";

#[test]
fn curves_answer_a_pointer_and_keys_and_a_screen_reader_is_told() {
    let folder = std::env::temp_dir().join(format!("bench-hover-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("index.html");
    let page = page(&many(120));
    fs::write(&file, page.html().unwrap()).unwrap();
    if let Some(mut browser) = browser::Browser::open(&file, 1300, 1000) {
        // Onto the last point of the first curve, wherever the picture put it.
        let place = browser.evaluate(FIGURE);
        let [left, top, width] = [0, 1, 2].map(|index| place[index].as_f64().unwrap());
        let target = browser.evaluate(
            "(() => { const { frame, lines } = JSON.parse(document.getElementById('bench-hovers').textContent)[document.querySelector('#workloads figure[data-hover]').dataset.hover]; \
             const [x, y] = lines[0][1].at(-1); const [l, t, r, b] = frame.pixels; \
             return [l + (x - frame.across[0]) / (frame.across[1] - frame.across[0]) * (r - l), b - (y - frame.up[0]) / (frame.up[1] - frame.up[0]) * (b - t)]; })()",
        );
        let drawn = browser.evaluate(
            "document.querySelector('#workloads figure[data-hover] svg').viewBox.baseVal.width",
        );
        let scale = width / drawn.as_f64().unwrap();
        let [x, y] = [0, 1].map(|index| target[index].as_f64().unwrap() * scale);
        browser.point(left + x, top + y);
        let tip = browser.evaluate(TIP);
        let tip = tip.as_str().unwrap();
        assert!(tip.contains("study") && tip.contains(" at "), "{tip:?}");
        browser.point(1.0, 1.0);
        assert_eq!(browser.evaluate(TIP), "");
        // The same without a pointer.
        browser.evaluate("document.querySelector('#workloads figure[data-hover]').focus()");
        browser.press("ArrowRight");
        let first = browser.evaluate(TIP);
        browser.press("ArrowRight");
        let second = browser.evaluate(TIP);
        assert!(
            first != "" && second != "" && first != second,
            "{first} {second}"
        );
        browser.press("ArrowDown");
        assert_ne!(browser.evaluate(TIP), second);
        let told = browser.accessible();
        let has = |role: &str, words: &str| {
            told.iter()
                .any(|(of, name)| of == role && name.contains(words))
        };
        assert!(has("heading", "Every trial") && has("navigation", "Sections"));
        assert!(has("table", "Every trial") && has("table", "Scores"));
        assert!(has("columnheader", "outcome") && has("searchbox", "Show rows with"));
        assert!(has("group", "Arrow keys"), "{told:?}");
        assert!(
            told.iter().any(
                |(role, name)| role == "image" && name.contains("Learning curves")
                    || role == "img" && name.contains("Learning curves")
            ),
            "pictures have names"
        );
        assert!(told.iter().any(|(role, _)| role == "status"));
        // By keyboard alone: the first thing that Tab reaches skips to the rankings; a heading's button sorts.
        browser.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)");
        browser.evaluate("document.querySelector('#trials-view th button').focus()");
        browser.press("Enter");
        let sorted =
            browser.evaluate("document.querySelector('#trials-view th').getAttribute('aria-sort')");
        assert_eq!(sorted, "ascending");
        browser.press("Tab");
        let next = browser.evaluate("document.activeElement.textContent");
        assert_eq!(next, "submission");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// Whether a column is in order as a person reads it: numbers by size, words by alphabet, what is missing last either way.
fn is_sorted(values: &[String], numbers: bool, down: bool) -> bool {
    let missing = |value: &String| value.is_empty() || value == "-" || value == "missed";
    let known = values.iter().take_while(|value| !missing(value)).count();
    let pairs = values[..known].windows(2);
    let in_order = |pair: &[String]| {
        let number = |index: usize| -> f64 {
            let number = pair[index].split(' ').next().unwrap();
            number.replace(',', "").parse().unwrap()
        };
        let order = match numbers {
            true => number(0).total_cmp(&number(1)),
            false => pair[0].cmp(&pair[1]),
        };
        order
            != if down {
                Ordering::Less
            } else {
                Ordering::Greater
            }
    };
    values[known..].iter().all(missing) && { pairs }.all(in_order)
}

/// What cells of a table's column hold, in the order in which they stand.
fn column(browser: &mut browser::Browser, table: &str, index: usize) -> Vec<String> {
    let cells = browser.evaluate(&format!(
        "[...{table}.tBodies[0].rows].map(row => row.cells[{index}].dataset.value ?? row.cells[{index}].textContent)"
    ));
    let cells = cells.as_array().unwrap().iter();
    cells
        .map(|cell| cell.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_click_on_a_heading_puts_rows_in_order() {
    let folder = std::env::temp_dir().join(format!("bench-sort-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("index.html");
    // More than the table of trials draws at once.
    fs::write(&file, page(&many(360)).html().unwrap()).unwrap();
    let Some(mut browser) = browser::Browser::open(&file, 1200, 900) else {
        return;
    };
    let tables = [
        (
            "document.querySelector('#tables table.sortable')",
            ["submission", "memory", "steps to target"],
        ),
        (
            "document.querySelector('#rankings table.sortable')",
            ["submission", "score", "tie group"],
        ),
        (
            "document.querySelector('#trials-view table')",
            ["outcome", "steps to target", "validation"],
        ),
    ];
    for (table, names) in tables {
        for name in names {
            let heads = format!("[...{table}.tHead.rows[0].cells]");
            let find = format!("{heads}.findIndex(head => head.textContent === '{name}')");
            let index = browser.evaluate(&find).as_u64().unwrap() as usize;
            let is_number = format!("{heads}[{index}].className.includes('number')");
            let is_number = browser.evaluate(&is_number) == true;
            for down in [false, true] {
                browser.click(&format!("{heads}[{index}].querySelector('button')"));
                let values = column(&mut browser, table, index);
                assert!(values.len() > 1, "{table}: {name}");
                assert!(
                    is_sorted(&values, is_number, down),
                    "{table}, {name}, {down}: {values:?}"
                );
            }
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn order_is_told_from_disorder() {
    let of = |words: &str| -> Vec<String> { words.split('|').map(str::to_owned).collect() };
    assert!(is_sorted(&of("2.5 s|1,000|-"), true, false));
    assert!(is_sorted(&of("1,000|2.5 s|missed|-"), true, true));
    assert!(!is_sorted(&of("1,000|2.5 s"), true, false));
    assert!(!is_sorted(&of("-|1"), true, false));
    assert!(!is_sorted(&of("b|a"), false, false));
}
