//! Inputs that people have: marks and encodings, numbers in other spellings, names that steer terminals, machines without a home.

use crate::support::Checkout;

#[test]
fn a_variants_mistake_is_its_own() {
    let checkout = Checkout::new()
        .with(
            "workloads/broken.yaml",
            "schema: 1\nextends: blobs\nmetrics: [cross-entropy]\n",
        )
        .with(
            "workloads/right.yaml",
            "schema: 1\nextends: blobs\nstep-hint: 1000\n",
        );
    insta::assert_snapshot!("variant", checkout.says("spec check"));
    for sound in ["blobs", "right"] {
        let told = checkout.says(&format!("spec check workloads/{sound}.yaml"));
        assert!(told.starts_with("exit 0"), "{told}");
    }
    let told = checkout.says("spec check workloads/broken.yaml");
    assert!(
        told.starts_with("exit 2") && told.contains("broken.yaml:3:1"),
        "{told}"
    );
}

#[test]
fn what_can_be_run_and_is_not_meant_is_remarked() {
    let checkout = Checkout::new()
        .with(
            "workloads/paper.yaml",
            "schema: 1\nextends: blobs\ntarget: { validation: 0.2, source: a paper }\n",
        )
        .with(
            "workloads/noisy.yaml",
            "schema: 1\nextends: paper\nlabel-noise: 10%\n",
        )
        .with(
            "submissions/odd/submission.yaml",
            "schema: 1\nextends: ../adamw\nsearch-space: { beta1: 1.0 }\n",
        );
    insta::assert_snapshot!("remarks", checkout.says("spec check"));
    let told = checkout.says("spec check workloads/paper.yaml");
    assert!(told.contains("no mistakes in 1 file\n"), "{told}");
}

#[test]
fn values_of_ones_own_are_judged_before_anything_is_built() {
    let checkout = Checkout::new()
        .with("comma.yaml", "learning-rate: 0,001\nbeta1: \"0.9\"\n")
        .with("empty.yaml", "# learning-rate: 1e-3\n")
        .with("mark.yaml", "\u{feff}learning-rate: 1e-3\n")
        .with("mark.json", "\u{feff}{\"learning-rate\": 1e-3}")
        .with("odd.yaml", "learning-rate: -0.1\n");
    let run =
        |options: &str| checkout.says(&format!("run adamw --workload blobs --dry-run {options}"));
    let told: Vec<String> = [
        "--hyperparameters comma.yaml",
        "--hyperparameters empty.yaml",
        "--hyperparameters odd.yaml",
        "--set learning-rate=0,001",
        "--set learning-rat=0.1",
        "--set learning-rate",
        "--set beta1=-1 --set beta1=0.5",
    ]
    .iter()
    .map(|options| {
        format!(
            "$ {options}\n{}",
            run(options).replace(env!("CARGO_PKG_VERSION"), "")
        )
    })
    .collect();
    insta::assert_snapshot!("own-values", told.join("\n"));
    for file in ["mark.yaml", "mark.json"] {
        let told = run(&format!("--hyperparameters {file} --set beta1=0.95"));
        assert!(
            told.starts_with("exit 0") && !told.contains("stderr"),
            "{told}"
        );
    }
}

#[test]
fn a_byte_order_mark_says_nothing_anywhere() {
    let mut checkout = Checkout::new().with_records();
    let told = ["spec check", "status", "leaderboard"].map(|line| checkout.says(line));
    let mut files = vec![checkout.path()];
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(
                std::fs::read_dir(file)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if file
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "json" || ending == "jsonl")
        {
            let text = std::fs::read_to_string(&file).unwrap();
            let path = file
                .strip_prefix(checkout.path())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            checkout = checkout.with(&path, &format!("\u{feff}{text}"));
        }
    }
    assert_eq!(
        ["spec check", "status", "leaderboard"].map(|line| checkout.says(line)),
        told
    );
}

#[test]
fn names_steer_no_terminal_and_break_no_row() {
    let name = "x\u{1b}[31m|\u{1b}]0;title\u{7}\nb\u{202e}c";
    let about = "about: \"\\e[31mred\\nblue | \\u202eback\"";
    let checkout = Checkout::new().with(
        &format!("submissions/{name}/submission.yaml"),
        &format!("schema: 1\nextends: ../adamw\n{about}\n"),
    );
    let plain = |text: &str| {
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!text.contains(steers), "{text:?}");
    };
    for line in [
        "list submissions",
        "list submissions --format markdown",
        "spec check",
        "run adamv",
    ] {
        let told = checkout.says(line);
        plain(&told);
    }
    let table = checkout.says("list submissions --format markdown");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    // Bars that are part of a cell are no ends of it.
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    let bars: Vec<usize> = rows.map(bars).collect();
    assert!(
        bars.len() >= 5 && bars.iter().all(|n| *n == bars[0]),
        "{table}"
    );
    let mut command = checkout.bench("show");
    let output = command.arg(name).output().unwrap();
    plain(&checkout.told(output));
    // A broken file of such a name is shown as such.
    let checkout = checkout.with(
        &format!("submissions/{name}/submission.yaml"),
        "schema: \"\u{1b}[31m\"\n",
    );
    let told = checkout.says("spec check");
    assert!(told.starts_with("exit 2"), "{told}");
    plain(&told);
}

#[test]
fn who_only_reads_needs_no_home() {
    let checkout = Checkout::new().with_records();
    for line in [
        "list workloads",
        "status",
        "leaderboard",
        "spec check",
        "show ec7ace9a944d",
    ] {
        let mut command = checkout.bench(line);
        command
            .env_remove("HOME")
            .env_remove("BENCH_CACHE")
            .env_remove("XDG_CACHE_HOME");
        let told = checkout.told(command.output().unwrap());
        assert_eq!(told, checkout.says(line));
    }
    let mut command = checkout.bench("list workloads");
    let told = checkout.told(command.env("BENCH_CACHE", "~/cache").output().unwrap());
    insta::assert_snapshot!("tilde", told);
}

#[test]
fn suggestions_are_near() {
    let checkout = Checkout::new();
    let told = |line: &str| checkout.says(line);
    for (line, near) in [
        ("run adamw --workloud blobs", Some("--workload")),
        (
            "run adamw --hyperparamters x.yaml",
            Some("--hyperparameters"),
        ),
        ("run adamw --lr 0.1", None),
        ("run adamw --epochs 3", None),
        ("run adamw --model mlp", None),
        ("leaderbord", Some("leaderboard")),
        ("trian", None),
        ("list workloads --format jsno", Some("json")),
        ("list workloads --format html", None),
    ] {
        let told = told(line);
        let tip = told
            .lines()
            .find(|line| line.contains("a similar") || line.contains("some similar"));
        assert_eq!(tip.is_some(), near.is_some(), "{line}: {told}");
        assert!(
            tip.is_none_or(|tip| tip.contains(near.unwrap())),
            "{line}: {told}"
        );
    }
}

#[test]
fn tables_fit_forty_columns() {
    let checkout = Checkout::new().with_records();
    for line in [
        "list workloads",
        "list submissions",
        "list suites",
        "status",
        "leaderboard",
        "show ec7ace9a944d",
        "show adamw",
    ] {
        let mut command = checkout.bench(line);
        let output = command.env("COLUMNS", "40").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}: {text}");
        for row in text
            .lines()
            .filter(|row| row.starts_with(['│', '╭', '├', '╰', '(']))
        {
            assert!(row.chars().count() <= 40, "{line}:\n{text}");
        }
    }
}

#[test]
fn names_of_records_match_whole() {
    let checkout = Checkout::new().with_records();
    let told = checkout.says("show single/adamw/blobs/study-1");
    assert!(told.starts_with("exit 0"), "{told}");
    for part in ["adam", "blob", "amw/blobs", "study"] {
        let told = checkout.says(&format!("show {part}"));
        assert!(told.starts_with("exit 5"), "{part}: {told}");
    }
}
