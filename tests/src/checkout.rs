//! A checkout in a folder that goes away, with programs that follow scripts, and the real command typed in it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use crate::fixture::example;
use crate::script::{Act, Moment, Script};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const HARNESS: &str = "schema: 1
results: results/runs
threads: 1
device: cpu
suites:
  quick: [fashion-mnist-mlp]
  both: [fashion-mnist-mlp, other]
rulesets:
  quick-start: { tuning: external-tuning, studies: 1, trials: 1, points: defaults }
  external-tuning: { tuning: external-tuning, studies: 1, trials: 2 }
limits: { start-up: 2m, warm-up: 2m, stall: 2m, snapshot: 2m, evaluation: 2m, shut-down: 1m }
tolerances: { claim: 0.9, claim-at-least: 10s, wall: 0.9 }
";

const SUBMISSION: &str = "schema: 1
about: follows a script
rulesets: [external-tuning]
schedule: constant
batch-size: { default: 32 }
search-space:
  learning-rate: { min: 1e-4, max: 1e-2, scale: log, default: 1e-3 }
";

/// A checkout in a folder whose name has a space, with programs that take seconds to build.
pub struct Checkout {
    folder: TempDir,
    bench: PathBuf,
}

impl Default for Checkout {
    fn default() -> Checkout {
        Checkout::new()
    }
}

impl Checkout {
    /// With submissions `adamw`, `failing` and `broken`, workloads `fashion-mnist-mlp` and `other`, and nothing built.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Checkout {
        let checkout = Checkout {
            folder: tempfile::tempdir().unwrap(),
            bench: bench(),
        };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let read = |path: &str| std::fs::read_to_string(repository.join(path)).unwrap();
        let workload = read("workloads/synthetic.yaml");
        for name in ["fashion-mnist-mlp", "other"] {
            checkout.write(&format!("workloads/{name}.yaml"), &workload);
        }
        let dataset = "workloads/datasets/synthetic.yaml";
        checkout.write(dataset, &read(dataset));
        checkout.write("harness.yaml", HARNESS);
        checkout.write(".gitignore", "/target\n/results\n/.libtorch\n");
        checkout.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/bench-workloads\", \"submissions/*\"]\n",
        );
        for name in ["bench-core", "bench-torch", "bench-sdk"] {
            checkout.write(&format!("crates/{name}/src/lib.rs"), "");
        }
        let evaluator = follows(&Script::good());
        checkout.package("crates/bench-workloads", "bench-evaluator", &evaluator);
        checkout.submission("adamw", &follows(&Script::good()));
        let fails = Act::Fail("error".to_owned(), "no such layer".to_owned());
        let failing = Script::good().worker(Moment::Train(100), fails);
        checkout.submission("failing", &follows(&failing));
        checkout.submission("broken", "fn main() { let steps: u32 = \"many\"; }");
        for part in ["lib/libtorch_cpu.so", "lib/libc10.so", "include/torch/x"] {
            checkout.write(&format!("../libtorch/{part}"), "");
        }
        checkout.write("../libtorch/build-version", "2.11.0+cpu");
        std::fs::create_dir(checkout.folder.path().join("tmp")).unwrap();
        let locked = checkout.shell("cargo generate-lockfile --offline --quiet", "");
        assert!(locked.status.success(), "{locked:?}");
        checkout
    }

    /// Where it is.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("a checkout")
    }

    /// Writes a file in it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(self.root()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn package(&self, folder: &str, binary: &str, main: &str) {
        let name = folder.rsplit('/').next().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[[bin]]\nname = \"{binary}\"\npath = \"src/main.rs\"\n"
        );
        self.write(&format!("{folder}/Cargo.toml"), &manifest);
        self.write(&format!("{folder}/src/main.rs"), main);
    }

    /// Makes a submission whose program this is, or another of it.
    ///
    /// # Panics
    /// When there is no shell, or no checkout.
    pub fn submission(&self, name: &str, main: &str) {
        let folder = format!("submissions/{name}");
        self.write(&format!("{folder}/submission.yaml"), SUBMISSION);
        self.package(&folder, name, main);
    }

    /// A line typed into a shell that has `bench` on its path, in a folder of the checkout.
    ///
    /// # Panics
    /// When there is no shell, or no checkout.
    pub fn shell(&self, line: &str, folder: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        let beside = |name: &str| self.folder.path().join(name);
        Command::new("sh")
            .args(["-c", line])
            .current_dir(self.root().join(folder))
            .env(
                "PATH",
                format!("{}:{path}", self.bench.parent().unwrap().display()),
            )
            .env("BENCH_HOME", self.root())
            .env("BENCH_CACHE", beside("cache"))
            .env("LIBTORCH", beside("libtorch"))
            // The machine's lock lies there, and these take no processor from anybody.
            .env("TMPDIR", beside("tmp"))
            .env("NO_COLOR", "1")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap()
    }

    /// Exit code, and all that was written.
    ///
    /// # Panics
    /// When there is no shell, or no checkout.
    pub fn says(&self, line: &str, folder: &str) -> (i32, String) {
        let output = self.shell(line, folder);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.code().unwrap_or(-1), text)
    }

    /// The same, where nothing was typed wrong.
    ///
    /// # Panics
    /// When it was.
    pub fn does(&self, line: &str, folder: &str) -> String {
        let (code, text) = self.says(line, folder);
        assert!(
            code != 2 && code != 70,
            "`{line}` ended with {code}\n{text}"
        );
        text
    }

    /// Folders of trials below a folder of records.
    ///
    /// # Panics
    /// When there is no shell, or no checkout.
    pub fn trials(&self, results: &str) -> usize {
        let found = self.shell("find \"$PWD\" -name run.json | wc -l", results);
        String::from_utf8_lossy(&found.stdout)
            .trim()
            .parse()
            .unwrap()
    }

    /// Commits all that is there, to git.
    ///
    /// # Panics
    /// When there is no shell, or no checkout.
    pub fn commit(&self) {
        let git = "git -c user.name=a -c user.email=a@example.org";
        let line = format!("git init --quiet . && git add . && {git} commit --quiet -m change");
        let done = self.shell(&line, "");
        assert!(done.status.success(), "{done:?}");
    }
}

/// The command beside this test, built if it is not there: cargo builds no other package's programs for a test.
fn bench() -> PathBuf {
    let examples = example("fake-worker");
    let folder = examples.ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "bench-cli"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success());
    folder.join("bench")
}

/// A program that becomes the fake worker.
pub fn follows(script: &Script) -> String {
    let (fake, script) = (example("fake-worker"), script.to_json());
    format!(
        "use std::os::unix::process::CommandExt;\nfn main() {{\n    let fake = std::process::Command::new({fake:?}).env(\"BENCH_FAKE\", {script:?}).exec();\n    panic!(\"{{fake}}\");\n}}\n"
    )
}
