//! Records and published pages, damaged in every way: a reader panics at nothing, and what it takes in it can show.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bench_report::page::Embedded;
use bench_report::{evaluations, facts, html, trials};
use bench_score::{Trial, parse_events};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// `run.json` and `events.jsonl` of each fixture.
static RECORDS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-cli/tests/fixtures/runs/single")];
    let mut records = Vec::new();
    while let Some(folder) = folders.pop() {
        if folder.join("run.json").is_file() {
            let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
            records.push((text("run.json"), text("events.jsonl")));
            continue;
        }
        let entries = fs::read_dir(&folder).unwrap();
        let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        folders.extend(entries.into_iter().filter(|path| path.is_dir()));
    }
    records
});

/// What replaces a part of a text: nothing, odd numbers, odd words.
fn scraps() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        "\u{feff}",
        "null",
        "true",
        "-1",
        "0",
        "1e400",
        "1e-400",
        "18446744073709551615",
        "18446744073709551616",
        "9007199254740993",
        "NaN",
        "\"nan\"",
        "\"inf\"",
        "\u{1b}[31m",
        "\u{202e}",
        "</script>",
        "|",
        "é",
    ])
}

/// A text with some of its parts replaced: whole JSON words, or bytes anywhere.
fn damaged(text: &str, damage: &[(Index, usize, &str)]) -> String {
    let mut text = text.to_owned();
    for (at, length, scrap) in damage {
        let start = text.floor_char_boundary(at.index(text.len().max(1)).min(text.len()));
        // Of a word, all of it: so that numbers become other numbers.
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        let word = text[start..].find(|c| !is_word(c)).unwrap_or(0);
        let end = text.floor_char_boundary((start + word.max(*length)).min(text.len()));
        text.replace_range(start..end, scrap);
    }
    text
}

fn damage() -> impl Strategy<Value = Vec<(Index, usize, &'static str)>> {
    prop::collection::vec((any::<Index>(), 0usize..8, scraps()), 1..4)
}

/// What is taken in can be shown.
fn shown(trial: &Trial) {
    let _ = facts(trial);
    for grid in [trials(std::slice::from_ref(trial)), evaluations(trial)] {
        let drawn = grid.terminal(60);
        assert!(!drawn.contains('\u{1b}') && !drawn.contains('\u{202e}'));
        let _ = (
            grid.markdown(),
            grid.csv().unwrap(),
            grid.json(),
            html::table(&grid, "x"),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_to_a_record_breaks_its_reader(
        record in any::<Index>(),
        run in prop_oneof![Just(Vec::new()), damage()],
        events in prop_oneof![Just(Vec::new()), damage()],
    ) {
        let (sound_run, sound_events) = &RECORDS[record.index(RECORDS.len())];
        let (run, events) = (damaged(sound_run, &run), damaged(sound_events, &events));
        match Trial::parse(&run, &events) {
            Ok(trial) => shown(&trial),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        // Whatever the record says of them: all lines are read, or one of them is named, but for torn ones where a kill leaves them.
        if let Ok(lines) = parse_events(&events) {
            let given = events.lines().filter(|line| !line.trim().is_empty()).count();
            let resumed = lines.iter().filter(|line| matches!(line.event, bench_core::record::TrialEvent::Started { .. })).count();
            prop_assert!(lines.len() + resumed + 1 >= given, "{} of {given}", lines.len());
        }
    }

    #[test]
    fn no_line_of_events_is_lost_in_silence(
        record in any::<Index>(),
        line in any::<Index>(),
        scrap in scraps(),
    ) {
        let (_, events) = &RECORDS[record.index(RECORDS.len())];
        let mut lines: Vec<&str> = events.lines().collect();
        // Neither the last, nor one before a start: those may be torn.
        let line = line.index(lines.len() - 1);
        let torn = format!("{{\"t\":{scrap}");
        let may_be_torn = lines[line + 1].replace(' ', "").contains("\"event\":\"started\"");
        lines[line] = &torn;
        let is_blank = torn.trim().is_empty();
        match parse_events(&lines.join("\n")) {
            Ok(read) => prop_assert!(may_be_torn || is_blank || read.len() == lines.len()),
            Err(error) => prop_assert!(error.to_string().contains(&format!(":{}", line + 1)), "{error}"),
        }
    }

    #[test]
    fn no_damage_to_a_page_breaks_its_reader(damage in damage()) {
        let sound = page();
        let text = damaged(&sound, &damage);
        if let Ok(embedded) = Embedded::read(&text) {
            let grid = embedded.grid();
            prop_assert_eq!(grid.rows.len(), embedded.trials.len());
            for entry in &embedded.trials {
                let _ = embedded.run(entry);
            }
        }
    }
}

/// A page of all fixtures, but for what no reader looks at.
fn page() -> String {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        let read = |(run, events): &(String, String)| Trial::parse(run, events).unwrap();
        let trials: Vec<Trial> = RECORDS.iter().map(read).collect();
        let ids: Vec<String> = (0..trials.len()).map(|id| format!("{id:012x}")).collect();
        let embedded = Embedded::of(ids.iter().map(String::as_str).zip(&trials), &[]).unwrap();
        let page = html::script("bench-trials", &embedded).unwrap();
        assert_eq!(Embedded::read(&page).unwrap(), embedded);
        page
    });
    PAGE.clone()
}
