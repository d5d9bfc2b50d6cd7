//! Real builds by cargo, of tiny programs in a workspace that looks like a checkout.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::{FailureKind, Outcome};
use bench_core::run::{RunSpec, SubmissionIdentity};
use bench_harness::home::{Building, Home};
use bench_harness::interrupt::Interrupts;
use bench_harness::program::{
    BuildProgress, Builder, CargoBuilder, Origin, Program, ProgramError, Programs,
};
use bench_harness::revision;
use bench_harness::session::{self, SessionEvent};
use bench_tests::fixture::{self, example, run_spec};
use bench_tests::script::{Script, VARIABLE};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Becomes the fake worker, with a script in which all goes well.
fn good() -> String {
    let fake = example("fake-worker");
    let script = Script::good().to_json();
    format!(
        "use std::os::unix::process::CommandExt;\nfn main() {{\n    let mut fake = std::process::Command::new({fake:?});\n    panic!(\"{{}}\", fake.env({VARIABLE:?}, {script:?}).exec());\n}}\n"
    )
}
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
        &good(),
    );
    package(&root.join("submissions/good"), "good", "good", &good());
    package(&root.join("submissions/broken"), "broken", "broken", BROKEN);
    for name in ["bench-core", "bench-torch", "bench-sdk"] {
        write(&root.join("crates").join(name).join("src/lib.rs"), "");
    }
    let outside = folder.path().join("my-optimizer");
    package(&outside, "mine", "mine", &good());
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
        user_python: None,
        user_libtorch: None,
        user_compiler: None,
        building: Building {
            cargo_home: Some(folder.path().join("cargo-home")),
            flags: BTreeMap::new(),
        },
        search_path: std::env::var_os("PATH").unwrap(),
        root,
    };
    let elsewhere = BTreeMap::from([("my-optimizer".to_owned(), Origin::Crate(outside))]);
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
    let session = fixture::session(folder.path(), &Script::good(), runs);
    let mut said = Vec::new();
    let reports = session::run(
        &session,
        &mut builder,
        &Interrupts::default(),
        &mut |event| {
            said.extend(match event {
                SessionEvent::Build(BuildProgress::Compiling { krate, .. }) => {
                    krate.split(' ').next().map(str::to_owned)
                }
                SessionEvent::BuildFailed { error, .. } => Some(error.diagnostics()),
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

fn says(program: &Program) -> String {
    let output = program.launch.command(1).unwrap().output().unwrap();
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
    let home = first.home().clone();
    let mut second = CargoBuilder::new(
        home,
        BTreeMap::from([("my-optimizer".to_owned(), Origin::Crate(copy))]),
    );
    for _ in 0..2 {
        let original = build(&mut first, "my-optimizer");
        let copy = build(&mut second, "my-optimizer");
        assert_eq!(
            says(&original.worker),
            "original",
            "a later build replaces nothing"
        );
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
        let mut builder = CargoBuilder::of_revision(home.clone(), from, BTreeMap::new());
        build(&mut builder, "good")
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

/// `bench run` built; then somebody edits and `bench check` builds, before the first trial is spawned: without a lock, for trials may take hours.
#[test]
fn another_command_s_build_replaces_nothing_that_runs() {
    let (folder, mut run) = checkout();
    let main = folder.path().join("checkout/submissions/good/src/main.rs");
    write(&main, &saying("as planned"));
    let planned = build(&mut run, "good");
    write(&main, &saying("edited"));
    let mut check = CargoBuilder::new(run.home().clone(), BTreeMap::new());
    let edited = build(&mut check, "good");
    assert_eq!(says(&planned.worker), "as planned");
    assert_eq!(says(&edited.worker), "edited");
    assert_ne!(planned.source_hash, edited.source_hash);
    assert_ne!(planned.worker.digest, edited.worker.digest);
    assert_eq!(planned.evaluator.digest, edited.evaluator.digest);
    // What was planned is still what its hash says, however the files were changed back and forth.
    write(&main, &saying("as planned"));
    assert_eq!(
        run.source_hash(&submission("good")).unwrap(),
        planned.source_hash
    );
}

/// A cargo after whose first builds somebody edits the submission.
fn edited_while_built(edits: u32) -> (TempDir, CargoBuilder) {
    let (folder, builder) = checkout();
    let main = folder.path().join("checkout/submissions/good/src/main.rs");
    write(&main, &saying("edit 0"));
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/sh\nPATH='{path}' cargo \"$@\" || exit $?\n[ \"$1\" = build ] || exit 0\necho >> '{log}'\nn=$(wc -l < '{log}')\n[ $n -gt {edits} ] || printf 'fn main() {{ println!(\"edit %s\"); }}' $n > '{main}'\n",
        log = folder.path().join("builds").display(),
        main = main.display(),
    );
    // By a shell: what this process has open for writing cannot be run while another test's thread forks.
    let made = Command::new("/bin/sh")
        .args([
            "-c",
            "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"",
            "sh",
            &script,
        ])
        .arg(bin.join("cargo"))
        .status();
    assert!(made.unwrap().success());
    let home = Home {
        search_path: format!("{}:{path}", bin.display()).into(),
        ..builder.home().clone()
    };
    (folder, CargoBuilder::new(home, BTreeMap::new()))
}

#[test]
fn what_changes_while_it_is_built_is_built_once_more_and_then_refused() {
    let (_folder, mut builder) = edited_while_built(1);
    let programs = build(&mut builder, "good");
    assert_eq!(says(&programs.worker), "edit 1");
    assert_eq!(
        builder.source_hash(&submission("good")).unwrap(),
        programs.source_hash
    );

    let (_folder, mut builder) = edited_while_built(9);
    let error = builder.build(&submission("good"), &Interrupts::default(), &mut |_| {});
    assert_eq!(
        error.unwrap_err().to_string(),
        "the source of submission `good` changed while it was built, and again while it was built once more"
    );
}

/// What determines a program, and what does not, each change on top of those before it.
#[test]
fn the_source_hash_follows_what_determines_the_program() {
    let (folder, builder) = checkout();
    let home = builder.home().clone();
    let root = home.root.clone();
    let at = |path: &str| folder.path().join(path);
    let elsewhere =
        BTreeMap::from([("my-optimizer".to_owned(), Origin::Crate(at("my-optimizer")))]);
    let hash_with = |flags: &[(&str, &str)], name: &str| {
        let flags = flags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()));
        let home = Home {
            building: Building {
                flags: flags.collect(),
                ..home.building.clone()
            },
            ..home.clone()
        };
        let mut builder = CargoBuilder::new(home, elsewhere.clone());
        builder.source_hash(&submission(name)).unwrap()
    };
    let hashes = || ["good", "my-optimizer"].map(|name| hash_with(&[], name));
    // A package outside of every workspace, one on which that one is built, and a module that is a link.
    package(&at("shared/pride"), "pride", "pride", &saying("pride"));
    package(&at("shared/roar"), "roar", "roar", &saying("roar"));
    for name in ["pride", "roar"] {
        write(&at("shared").join(name).join("src/lib.rs"), "");
    }
    let append = |path: &std::path::Path, text: &str| {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        write(path, &format!("{before}{text}"));
    };
    append(
        &at("shared/pride/Cargo.toml"),
        "\n[dependencies]\nroar = { path = \"../roar\" }\n\n[workspace]\n",
    );
    append(&at("shared/roar/Cargo.toml"), "\n[workspace]\n");
    append(
        &root.join("submissions/good/Cargo.toml"),
        "\n[dependencies]\npride = { path = \"../../../shared/pride\" }\n",
    );
    write(&at("linked/table.rs"), "");
    std::os::unix::fs::symlink(
        at("linked/table.rs"),
        root.join("submissions/good/src/table.rs"),
    )
    .unwrap();
    lock(&root);

    let mut seen: std::collections::BTreeSet<String> = hashes().into();
    let mut before = hashes();
    // Path, text, and whether the member and the one outside are other programs then.
    let changes = [
        (
            "checkout/submissions/good/src/target/mod.rs",
            "",
            [true, false],
        ),
        ("linked/table.rs", "const ROWS: usize = 1;", [true, false]),
        ("shared/pride/src/lib.rs", "fn pride() {}", [true, false]),
        ("shared/roar/src/lib.rs", "fn roar() {}", [true, false]),
        ("my-optimizer/src/main.rs", "// edited", [false, true]),
        (
            "my-optimizer/.cargo/config.toml",
            "[build]\nrustflags = [\"-Copt-level=1\"]\n",
            [false, true],
        ),
        (
            "checkout/crates/bench-workloads/src/main.rs",
            "// edited",
            [true, true],
        ),
        (
            "checkout/Cargo.toml",
            "\n[profile.release]\nopt-level = 1\n",
            [true, true],
        ),
        (
            "my-optimizer/Cargo.toml",
            "\n[profile.release]\nopt-level = 1\n",
            [false, true],
        ),
        (
            "checkout/.cargo/config.toml",
            "[build]\nrustflags = [\"-g\"]\n",
            [true, true],
        ),
        (
            "cargo-home/config.toml",
            "[profile.release]\nlto = true\n",
            [true, true],
        ),
        // Nobody's program.
        (
            "checkout/submissions/good/target/debug/good",
            "ELF",
            [false, false],
        ),
        (
            "checkout/submissions/good/README.md",
            "# Good",
            [false, false],
        ),
        (
            "checkout/submissions/broken/src/main.rs",
            "// still broken",
            [false, false],
        ),
        (
            "checkout/crates/bench-cli/src/main.rs",
            "fn main() {}",
            [false, false],
        ),
        (
            "checkout/Cargo.toml",
            "\n# a remark\n[workspace.metadata]\nx = 1\n",
            [false, false],
        ),
        (
            "checkout/.cargo/config.toml",
            "[alias]\nx = \"check\"\n[net]\nretry = 3\n",
            [false, false],
        ),
    ];
    for (path, text, other) in changes {
        append(&at(path), text);
        let after = hashes();
        for ((name, other), (was, is)) in ["good", "my-optimizer"]
            .iter()
            .zip(other)
            .zip(before.iter().zip(&after))
        {
            assert_eq!(was != is, other, "{path}: {name}");
            assert!(
                !other || seen.insert(is.clone()),
                "{path}: {name} as before"
            );
        }
        before = after;
    }
    for flags in [
        [("RUSTFLAGS", "-Ctarget-cpu=native")],
        [("RUSTFLAGS", "-Copt-level=0")],
        [("CARGO_PROFILE_RELEASE_LTO", "true")],
    ] {
        assert!(seen.insert(hash_with(&flags, "good")), "{flags:?}");
    }
    // Another compiler, as a toolchain file or an update brings it.
    write(&at("rustc.sh"), "#!/bin/sh\necho rustc 9.9.9\n");
    let rustc = at("rustc.sh");
    std::fs::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let new = |version: &str| {
        write(&rustc, &format!("#!/bin/sh\necho rustc {version}\n"));
        hash_with(&[("RUSTC", rustc.to_str().unwrap())], "good")
    };
    assert_ne!(new("9.9.9"), new("9.9.10"));
    assert_eq!(hashes(), before);
}

#[test]
fn a_file_outside_of_every_package_is_refused() {
    let (folder, mut builder) = checkout();
    write(
        &folder.path().join("stray.rs"),
        "pub fn word() -> &'static str { \"stray\" }",
    );
    let main = folder.path().join("checkout/submissions/good/src/main.rs");
    let stray = |path: &str| {
        format!(
            "#[path = \"{path}\"]\nmod stray;\nfn main() {{ println!(\"{{}}\", stray::word()); }}"
        )
    };
    write(&main, &stray("../../../../stray.rs"));
    let error = builder.build(&submission("good"), &Interrupts::default(), &mut |_| {});
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("stray.rs, which lies in none of its packages"),
        "{message}"
    );
    // A link in the package is followed, and so hashed.
    std::os::unix::fs::symlink(
        folder.path().join("stray.rs"),
        main.with_file_name("stray.rs"),
    )
    .unwrap();
    write(&main, &stray("stray.rs"));
    assert_eq!(says(&build(&mut builder, "good").worker), "stray");
}

#[test]
fn a_dependency_that_came_is_locked_before_the_source_is_hashed() {
    let (folder, mut builder) = checkout();
    let helper = folder.path().join("helper");
    let manifest =
        "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
    write(&helper.join("Cargo.toml"), manifest);
    write(&helper.join("src/lib.rs"), "");
    let good = folder.path().join("checkout/submissions/good/Cargo.toml");
    let outside = folder.path().join("my-optimizer/Cargo.toml");
    let locks = ["checkout/Cargo.lock", "my-optimizer/Cargo.lock"];
    for (name, manifest, lock) in [
        ("good", &good, locks[0]),
        ("my-optimizer", &outside, locks[1]),
    ] {
        let text = std::fs::read_to_string(manifest).unwrap();
        let path = helper.display();
        let dependency = format!("{text}\n[dependencies]\nhelper = {{ path = \"{path}\" }}\n");
        write(manifest, &dependency);
        let hash = builder.source_hash(&submission(name)).unwrap();
        let locked = std::fs::read_to_string(folder.path().join(lock)).unwrap();
        assert!(locked.contains("name = \"helper\""), "{lock}: {locked}");
        let mut noted = Vec::new();
        let mut listener = |progress: BuildProgress<'_>| {
            if let BuildProgress::Noted(note) = progress {
                noted.push(note.to_owned());
            }
        };
        builder
            .build(&submission(name), &Interrupts::default(), &mut listener)
            .unwrap();
        assert!(noted.iter().any(|note| note.contains(lock)), "{noted:?}");
        assert_eq!(builder.source_hash(&submission(name)).unwrap(), hash);
    }
}
