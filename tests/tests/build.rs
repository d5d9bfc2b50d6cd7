//! Real builds by cargo, of tiny programs in a workspace that looks like a checkout.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::{FailureKind, Outcome};
use bench_core::run::{RunSpec, SubmissionIdentity};
use bench_harness::home::Home;
use bench_harness::interrupt::Interrupts;
use bench_harness::program::{Builder, CargoBuilder, KeepingBuilder, ProgramError, Programs};
use bench_harness::revision;
use bench_harness::session::{self, SessionEvent};
use bench_tests::fixture::{self, example, run_spec};
use bench_tests::script::Script;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Becomes the fake worker.
const GOOD: &str = r#"
use std::os::unix::process::CommandExt;
fn main() {
    let fake = std::env::var_os("FAKE_WORKER").unwrap();
    panic!("{}", std::process::Command::new(fake).exec());
}
"#;
const BROKEN: &str = "fn main() { let steps: u32 = \"many\"; }";

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn package(folder: &Path, name: &str, binary: &str, main: &str) {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[[bin]]\nname = \"{binary}\"\npath = \"src/main.rs\"\n"
    );
    write(&folder.join("Cargo.toml"), &manifest);
    write(&folder.join("src/main.rs"), main);
}

/// Two submissions in a workspace, one of them broken, and one outside of it.
fn checkout() -> (TempDir, CargoBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("checkout");
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/bench-workloads\", \"submissions/good\", \"submissions/broken\"]\n";
    write(&root.join("Cargo.toml"), members);
    package(
        &root.join("crates/bench-workloads"),
        "bench-workloads",
        "bench-evaluator",
        GOOD,
    );
    package(&root.join("submissions/good"), "good", "good", GOOD);
    package(&root.join("submissions/broken"), "broken", "broken", BROKEN);
    for name in ["bench-core", "bench-torch", "bench-sdk"] {
        write(&root.join("crates").join(name).join("src/lib.rs"), "");
    }
    let outside = folder.path().join("my-optimizer");
    package(&outside, "mine", "mine", GOOD);
    let manifest = std::fs::read_to_string(outside.join("Cargo.toml")).unwrap();
    write(
        &outside.join("Cargo.toml"),
        &format!("{manifest}\n[workspace]\n"),
    );
    for place in [&root, &outside] {
        lock(place);
    }
    let home = Home {
        cache: folder.path().join("cache"),
        user_data: None,
        user_libtorch: None,
        user_compiler: None,
        search_path: std::env::var_os("PATH").unwrap(),
        root,
    };
    let elsewhere = BTreeMap::from([("my-optimizer".to_owned(), outside)]);
    (folder, CargoBuilder::new(home, elsewhere))
}

fn lock(folder: &Path) {
    let status = Command::new("cargo")
        .args(["generate-lockfile", "--offline", "--quiet"])
        .current_dir(folder)
        .status();
    assert!(status.unwrap().success());
}

fn submission(name: &str) -> SubmissionIdentity {
    SubmissionIdentity {
        name: name.to_owned(),
        program: name.to_owned(),
        ..run_spec().submission
    }
}

fn run_of(name: &str) -> RunSpec {
    RunSpec {
        submission: submission(name),
        ..run_spec()
    }
}

#[test]
fn submissions_are_built_and_a_broken_one_stops_no_other() {
    let (folder, mut builder) = checkout();
    let runs = ["broken", "good", "my-optimizer"].map(run_of).to_vec();
    let mut session = fixture::session(folder.path(), &Script::good(), runs);
    let fake = example("fake-worker").into_os_string();
    session.environment.push(("FAKE_WORKER".into(), fake));
    let mut said = Vec::new();
    let reports = session::run(
        &session,
        &mut builder,
        &Interrupts::default(),
        &mut |event| {
            said.extend(match event {
                SessionEvent::Compiling { krate } => krate.split(' ').next().map(str::to_owned),
                SessionEvent::BuildFailed { error, .. } => Some(error.diagnostics().to_owned()),
                _ => None,
            });
        },
    )
    .unwrap();
    let outcome = |index: usize| reports[index].summary.outcome.as_ref();
    let Some(Outcome::Failed(failure)) = outcome(0) else {
        panic!("{:?}", outcome(0));
    };
    assert_eq!(failure.kind, FailureKind::Build);
    assert_eq!(
        failure.message,
        "submission `broken` does not compile: mismatched types, at submissions/broken/src/main.rs:1:30"
    );
    assert_eq!(outcome(1), Some(&Outcome::TargetReached));
    assert_eq!(outcome(2), Some(&Outcome::TargetReached));
    let said = said.join("\n");
    for expected in [
        "good",
        "bench-workloads",
        "mine",
        "expected `u32`, found `&str`",
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_cannot_be_built_says_why() {
    let (folder, mut builder) = checkout();
    let error = builder.source_hash(&submission("absent")).unwrap_err();
    assert!(matches!(error, ProgramError::NoCrate { .. }), "{error}");
    // A manifest that cargo cannot read stops every build of the workspace, and is named.
    let root = folder.path().join("checkout");
    write(&root.join("submissions/broken/Cargo.toml"), "[package\n");
    let error = builder.source_hash(&submission("good")).unwrap_err();
    let text = format!("{error}\n{}", error.diagnostics());
    assert!(text.contains("submissions/broken"), "{text}");
}

#[test]
fn an_interrupt_ends_a_build() {
    let (_folder, mut builder) = checkout();
    let interrupts = Interrupts::default();
    interrupts.raise();
    let error = builder.build(&submission("good"), &interrupts, &mut |_| {});
    assert!(matches!(error, Err(ProgramError::Interrupted)));
}

/// A program that says this.
fn saying(word: &str) -> String {
    format!("fn main() {{ println!(\"{word}\"); }}")
}

fn says(program: &Path) -> String {
    let output = Command::new(program).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn build(builder: &mut dyn Builder, name: &str) -> Programs {
    builder
        .build(&submission(name), &Interrupts::default(), &mut |_| {})
        .unwrap()
}

fn git(folder: &Path, line: &str) {
    let identity = [
        "-c",
        "user.name=n",
        "-c",
        "user.email=e",
        "-c",
        "commit.gpgsign=false",
    ];
    let status = Command::new("git")
        .args(identity)
        .args(line.split(' '))
        .current_dir(folder)
        .output();
    let status = status.unwrap();
    assert!(status.status.success(), "git {line}: {status:?}");
}

/// Cargo takes either for the other: same name, same place in its workspace, and the second one's files are older than the first one's build.
#[test]
fn two_folders_of_one_package_are_two_programs() {
    let (folder, mut first) = checkout();
    let copy = folder.path().join("copy");
    package(&copy, "mine", "mine", &saying("copy"));
    let manifest = std::fs::read_to_string(copy.join("Cargo.toml")).unwrap();
    write(
        &copy.join("Cargo.toml"),
        &format!("{manifest}\n[workspace]\n"),
    );
    lock(&copy);
    write(
        &folder.path().join("my-optimizer/src/main.rs"),
        &saying("original"),
    );
    let kept = folder.path().join("kept");
    let home = first.home().clone();
    let of_copy = CargoBuilder::new(home, BTreeMap::from([("my-optimizer".to_owned(), copy)]));
    let mut second = KeepingBuilder::new(of_copy, kept, false);
    for _ in 0..2 {
        let original = build(&mut first, "my-optimizer");
        assert_eq!(says(&original.worker), "original");
        let copy = build(&mut second, "my-optimizer");
        assert_eq!(says(&copy.worker), "copy");
    }
}

#[test]
fn a_revision_is_built_from_what_it_was() {
    let (folder, builder) = checkout();
    let root = folder.path().join("checkout");
    let main = root.join("submissions/good/src/main.rs");
    write(&main, &saying("then"));
    write(&root.join(".gitignore"), "/target\n");
    for line in ["init -q", "add -A", "commit -q -m then"] {
        git(&root, line);
    }
    write(&main, &saying("now"));
    git(&root, "commit -q -a -m now");
    let home = builder.home().clone();
    let programs = |revision: Option<&str>| {
        let from = revision.map_or(root.clone(), |name| {
            revision::checkout(&home, name, &mut |_| {}).unwrap().folder
        });
        let cargo = CargoBuilder::of_revision(home.clone(), from, BTreeMap::new());
        build(
            &mut KeepingBuilder::new(cargo, home.programs(), revision.is_some()),
            "good",
        )
    };
    let (then, now) = (programs(Some("HEAD~1")), programs(None));
    let again = programs(Some("HEAD"));
    assert_eq!(
        [&then, &now, &again].map(|programs| says(&programs.worker)),
        ["then", "now", "now"]
    );
    assert_eq!(programs(Some("HEAD~1")), then, "built once");
    let unknown = revision::checkout(&home, "no-such-thing", &mut |_| {}).unwrap_err();
    assert!(unknown.to_string().contains("`no-such-thing`"), "{unknown}");
}
