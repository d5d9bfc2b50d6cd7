//! `bench new`, with the real cargo on a workspace without dependencies.

use crate::support::Checkout;
use bench_core::record::RunRecord;
use bench_core::spec::submission::Value;
use std::path::Path;

const ROOT: &str = "[workspace]
resolver = \"3\"
members = [
    \"crates/bench-sdk\",
    \"submissions/heavy-ball\",
]

[workspace.package]
version = \"0.1.0\"
edition = \"2024\"
rust-version = \"1.95\"
license = \"Apache-2.0\"
publish = false

[workspace.dependencies]
bench-sdk = { path = \"crates/bench-sdk\" }

[workspace.lints.rust]
unsafe_code = \"deny\"

[profile.release]
debug = \"line-tables-only\"
";
const SDK: &str = "[package]\nname = \"bench-sdk\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const HEAVY_BALL: &str = "[package]\nname = \"heavy-ball\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nbench-sdk.workspace = true\n";
const LOCK: &str = "version = 4

[[package]]
name = \"bench-sdk\"
version = \"0.1.0\"

[[package]]
name = \"heavy-ball\"
version = \"0.1.0\"
dependencies = [
 \"bench-sdk\",
]
";
const SETTINGS: &str = "schema: 1
about: Polyak's momentum
rulesets: [external-tuning]
batch-size: { default: 32 }
search-space: { learning-rate: 0.1 }
";

fn checkout() -> Checkout {
    Checkout::new()
        .with("Cargo.toml", ROOT)
        .with("Cargo.lock", LOCK)
        .with("crates/bench-sdk/Cargo.toml", SDK)
        .with("crates/bench-sdk/src/lib.rs", "")
        .with("submissions/heavy-ball/Cargo.toml", HEAVY_BALL)
        .with("submissions/heavy-ball/submission.yaml", SETTINGS)
        .with(
            "submissions/heavy-ball/src/lib.rs",
            "pub struct HeavyBall;\n",
        )
        .with(
            "submissions/heavy-ball/src/main.rs",
            "fn main() {\n    let _ = heavy_ball::HeavyBall;\n}\n",
        )
}

/// What the command says, with this toolchain's cargo on its path.
fn says(checkout: &Checkout, line: &str) -> String {
    let cargo = Path::new(env!("CARGO")).parent().unwrap();
    let mut command = checkout.bench(line);
    command.env("PATH", format!("{}:/usr/bin:/bin", cargo.display()));
    checkout.told(command.output().unwrap())
}

fn text(checkout: &Checkout, path: &str) -> String {
    let text = std::fs::read_to_string(checkout.path().join(path)).unwrap();
    text.replace(checkout.path().to_str().unwrap(), "[checkout]")
}

#[test]
fn a_name_becomes_a_member() {
    let checkout = checkout();
    insta::assert_snapshot!("new-member", says(&checkout, "new my-algo"));
    assert!(
        text(&checkout, "Cargo.toml").contains("heavy-ball\",\n    \"submissions/my-algo\",\n]")
    );
    assert!(text(&checkout, "Cargo.lock").contains("name = \"my-algo\""));
    let listed = says(&checkout, "list submissions");
    assert!(listed.contains("my-algo, which began as"), "{listed}");
}

#[test]
fn a_copy_has_names_of_its_own() {
    let checkout = checkout();
    let told = says(
        &checkout,
        "new submissions/mine --from submissions/heavy-ball",
    );
    assert!(told.starts_with("exit 0"), "{told}");
    assert_eq!(
        text(&checkout, "submissions/mine/src/lib.rs"),
        "pub struct Mine;\n"
    );
    assert!(text(&checkout, "submissions/mine/src/main.rs").contains("mine::Mine;"));
    // A variant stays one: settings alone, and nothing for cargo to know.
    let told = says(&checkout, "new steady --from constant");
    assert!(
        told.contains("made [checkout]/submissions/steady: submission.yaml\n\nnext:"),
        "{told}"
    );
}

#[test]
fn a_path_becomes_a_workspace_of_its_own() {
    let checkout = checkout();
    insta::assert_snapshot!("new-outside", says(&checkout, "new ./elsewhere/my-algo"));
    insta::assert_snapshot!(
        "new-outside-manifest",
        text(&checkout, "elsewhere/my-algo/Cargo.toml")
    );
    insta::assert_snapshot!(
        "new-outside-lock",
        text(&checkout, "elsewhere/my-algo/Cargo.lock")
    );
    assert_eq!(text(&checkout, "Cargo.toml"), ROOT);
}

/// A copy of a copy, out of the checkout and into it again, is what a copy made at once would be.
#[test]
fn copies_of_what_lies_elsewhere_are_settled_anew() {
    let checkout = checkout();
    for line in [
        "new ./elsewhere/p --from heavy-ball",
        "new ./elsewhere/q --from heavy-ball",
        "new ./elsewhere/again --from ./elsewhere/p",
        "new back --from ./elsewhere/p",
        "new here --from heavy-ball",
    ] {
        let told = says(&checkout, line);
        assert!(told.starts_with("exit 0"), "bench {line}: {told}");
    }
    let manifest = |path: &str, name: &str| {
        let text = text(&checkout, &format!("{path}/Cargo.toml"));
        text.replace(&format!("name = \"{name}\""), "name = \"q\"")
    };
    let out = manifest("elsewhere/q", "q");
    assert_eq!(manifest("elsewhere/again", "again"), out);
    let member = manifest("submissions/back", "back");
    assert!(!member.contains("[workspace]"), "{member}");
    assert!(member.contains("bench-sdk.workspace = true"), "{member}");
    let about = text(&checkout, "submissions/back/submission.yaml");
    assert!(about.contains("about: back, which began as p, which began as"));
}

/// What a variant extends is found from wherever its copy lies.
#[test]
fn variants_are_copied_anywhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().canonicalize().unwrap();
    let checkout = checkout();
    let out = elsewhere.join("out");
    let out = out.to_str().unwrap();
    let other = elsewhere.join("other");
    let other = other.to_str().unwrap();
    for (to, from, extends) in [
        (out, "constant", "[checkout]/submissions/adamw"),
        (other, out, "[checkout]/submissions/adamw"),
        ("./results/mine", "constant", "../../submissions/adamw"),
        ("back", out, "../adamw"),
        ("moved", "./results/mine", "../adamw"),
    ] {
        let told = says(&checkout, &format!("new {to} --from {from}"));
        assert!(told.contains(": submission.yaml\n\nnext:"), "{to}: {told}");
        let folder = match to.contains('/') {
            true => to.to_owned(),
            false => format!("submissions/{to}"),
        };
        let text = text(&checkout, &format!("{folder}/submission.yaml"));
        assert!(text.contains(&format!("\nextends: {extends}\n")), "{text}");
        for line in ["spec check", "spec show blobs"] {
            let told = says(&checkout, &format!("{line} {folder}"));
            assert!(told.starts_with("exit 0"), "{line} {folder}: {told}");
        }
    }
}

#[test]
fn what_cannot_be_made_says_why_and_leaves_nothing() {
    let checkout = checkout();
    let lines = [
        "new MyAlgo",
        "new async",
        "new bench-sdk",
        "new heavy-ball",
        "new ./elsewhere/adamw",
        "new mine --from heavy-bal",
        "new mine --from submissions/heavy-bal",
    ];
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("$ bench {line}\n{}", says(&checkout, line)))
        .collect();
    insta::assert_snapshot!("new-errors", told.join("\n"));
    let checkout = checkout.with("Cargo.toml", "[workspace]\nmembers = [\"submissions/*\"]\n");
    let told = says(&checkout, "new mine");
    insta::assert_snapshot!("new-no-list", told);
    // Cargo refuses a workspace whose member is missing; what was written is gone again.
    let checkout = checkout.with(
        "Cargo.toml",
        &ROOT.replace("crates/bench-sdk\",", "crates/none\","),
    );
    let told = says(&checkout, "new mine");
    assert!(
        told.starts_with("exit 4") || told.starts_with("exit 3"),
        "{told}"
    );
    assert!(!checkout.path().join("submissions/mine").exists());
    assert!(!text(&checkout, "Cargo.toml").contains("mine"));
}

/// A search's record with another value.
fn with_rate(checkout: &Checkout, folder: &str, rate: f64) {
    let path = checkout.path().join("results/runs/single").join(folder);
    let path = path.join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: RunRecord = serde_json::from_str(&text).unwrap();
    let values = &mut record.run.hyperparameters;
    values.insert("learning-rate".to_owned(), Value::Number(rate));
    let identity = record.run.identity().unwrap();
    record.config_hash = identity.config_hash;
    record.comparability_key = identity.comparability_key;
    std::fs::write(path, serde_json::to_string_pretty(&record).unwrap()).unwrap();
}

#[test]
fn a_search_goes_on_as_a_variant_with_its_best_point() {
    let checkout = checkout().with_records();
    let none = says(&checkout, "new tuned --best-of adamw");
    assert!(none.contains("there is no search of adamw in"), "{none}");
    with_rate(
        &checkout,
        "adamw/blobs/study-2/trial-1-af914e427863",
        0.00314,
    );
    with_rate(&checkout, "adamw/blobs/study-3/trial-1-a33d8a59bd32", 0.005);
    let told = says(&checkout, "new tuned --best-of adamw");
    assert!(told.starts_with("exit 0"), "{told}");
    insta::assert_snapshot!(
        "new-best-of",
        text(&checkout, "submissions/tuned/submission.yaml")
    );
    for line in [
        "spec check submissions/tuned/submission.yaml",
        "spec show blobs tuned",
    ] {
        let told = says(&checkout, line);
        assert!(told.starts_with("exit 0"), "{line}: {told}");
    }
    let elsewhere = says(&checkout, "new other --best-of adamw --workload synthetic");
    assert!(
        elsewhere.contains("there is no search of adamw"),
        "{elsewhere}"
    );
    let missed = says(&checkout, "new slow --best-of heavy-ball");
    assert!(missed.contains("reached the target of blobs"), "{missed}");
}

#[test]
fn a_whole_algorithm_has_a_step_of_its_own() {
    let checkout = checkout();
    let told = says(&checkout, "new sam --wide");
    assert!(
        told.contains("src/lib.rs, src/rule.rs, src/main.rs"),
        "{told}"
    );
    let code = text(&checkout, "submissions/sam/src/lib.rs");
    assert!(code.contains("impl TrainingAlgorithm for Sam {"), "{code}");
}

#[test]
fn printed_commands_are_quoted_as_a_shell_wants_them() {
    let checkout = checkout();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("it's mine/quick");
    std::fs::create_dir(place.parent().unwrap()).unwrap();
    let mut command = checkout.bench("new --from constant");
    let told = checkout.told(command.arg(&place).output().unwrap());
    assert!(told.starts_with("exit 0"), "{told}");
    let (_, next) = told.split_once("\nnext:\n").unwrap();
    for line in next.lines().filter(|line| line.contains("bench ")) {
        let script = line.replacen("bench", "printf '%s\\n'", 1);
        let words = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let words = String::from_utf8(words.stdout).unwrap();
        assert!(
            words.lines().any(|word| Path::new(word) == place),
            "{line}: {words}"
        );
    }
    // What is there is what the command names.
    let mut command = checkout.bench("spec check");
    let told = checkout.told(command.arg(&place).output().unwrap());
    assert!(told.starts_with("exit 0"), "{told}");
}
