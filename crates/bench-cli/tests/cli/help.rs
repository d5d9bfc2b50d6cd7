//! `--help` of every verb.

use crate::support::Checkout;

#[test]
fn every_verb_has_help_with_examples() {
    let checkout = Checkout::new();
    let verbs = [
        "",
        "run",
        "calibrate",
        "list",
        "show",
        "status",
        "compare",
        "explain",
        "export",
        "merge",
        "plan",
        "leaderboard",
        "plot curves",
        "plot schedule",
        "plot calibration",
        "plot lineage",
        "spec check",
        "spec show",
        "schema",
        "new",
        "docs",
        "check",
        "data",
        "setup",
        "doctor",
        "clean",
        "completions",
    ];
    for verb in verbs {
        let help = checkout.says(&format!("{verb} --help"));
        assert!(help.starts_with("exit 0"), "{verb}: {help}");
        assert!(
            verb.is_empty() || help.contains("Examples:"),
            "{verb}: no examples"
        );
        insta::assert_snapshot!(format!("help {verb}").trim().replace(' ', "-"), help);
    }
}

#[test]
fn the_readme_lists_the_same_exit_codes() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let help = Checkout::new().says("--help");
    let codes = help.split("Exit codes:").nth(1).unwrap();
    for line in codes.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (code, meaning) = line.split_once("  ").unwrap();
        let readme = readme.replace('`', "");
        assert!(
            readme.contains(&format!("| {code} | {} |", meaning.trim())),
            "README lacks: {line}"
        );
    }
}

#[test]
fn completions_for_the_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Checkout::new().says(&format!("completions {shell}"));
        assert!(
            script.starts_with("exit 0") && script.contains("leaderboard"),
            "{shell}"
        );
    }
}
