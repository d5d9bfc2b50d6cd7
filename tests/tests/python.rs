//! A `torch.optim.Optimizer` that somebody has on disk, under the referee: from a file by itself to a time to target, and what goes wrong with it.

#![expect(clippy::expect_used, reason = "a test says what it needs by failing")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Momentum of which only the sign is used. `#` marks where a fault goes.
const OPTIMIZER: &str = r#"import torch
from helper import sign


class SignMomentum(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                state["m"].lerp_(p.grad, 1 - group["beta"])
                p.add_(sign(state["m"]), alpha=-group["lr"])  #
"#;
const HELPER: &str = "import torch\n\n\ndef sign(x):\n    return torch.sign(x)\n";
/// Trains before the clock starts.
const EARLY: &str = r#"from bench import TrainingAlgorithm


class Early(TrainingAlgorithm):
    def init(self, training):
        training.gradients(training.next_batch())

    def step(self, training):
        pass
"#;
/// A whole algorithm: the gradient at the weights and at a perturbed place.
const WIDE: &str = r#"import torch
from bench import TrainingAlgorithm


class Sharpness(TrainingAlgorithm):
    def init(self, training):
        self.rate = 2e-3
        self.seen = 0

    def step(self, training):
        batch = training.next_batch()
        _, gradients = training.gradients(batch)
        norm = torch.stack([g.norm() for g in gradients]).norm() + 1e-12
        point = [p.tensor.detach() + 0.05 * g / norm for p, g in zip(training.parameters, gradients)]
        _, gradients = training.again(lambda: training.at(point, lambda: training.gradients(batch)))
        with torch.no_grad():
            for p, g in zip(training.parameters, gradients):
                p.tensor.sub_(g.sign(), alpha=self.rate)
        self.seen += len(batch)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = TempDir::new().expect("a folder");
        let place = Place { folder };
        place.write("helper.py", HELPER);
        place.write("sign_momentum.py", OPTIMIZER);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn bench(&self, words: &[&str]) -> Output {
        Command::new(root().join("target/release/bench"))
            .args(words)
            .current_dir(self.folder.path())
            .env("BENCH_HOME", root())
            .output()
            .expect("bench starts")
    }

    /// A run on the workload that needs no data, apart from all others.
    fn run(&self, file: &str) -> Output {
        let results = self.path("results");
        let results = results.to_string_lossy();
        self.bench(&["run", file, "-w", "synthetic", "--results", &results])
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
#[ignore = "needs libtorch and Python: cargo xtask test"]
fn a_file_by_itself_comes_to_a_time_to_target() {
    let place = Place::new();
    let output = place.run("sign_momentum.py");
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("class SignMomentum, with beta 0.9, learning-rate 0.001"),
        "{said}"
    );
    assert!(said.contains("target-reached"), "{said}");
    // What ran is in the record, the name with its ending.
    let record = place.path("results/single/sign_momentum.py/synthetic/study-1");
    let folders: Vec<_> = std::fs::read_dir(&record)
        .expect("a record")
        .flatten()
        .collect();
    let run = std::fs::read_to_string(folders[0].path().join("run.json")).expect("run.json");
    let run: serde_json::Value = serde_json::from_str(&run).expect("JSON");
    assert!(
        run["programs"]["python"]["torch"]
            .as_str()
            .expect("torch")
            .starts_with("2.11.0")
    );
    assert_eq!(run["run"]["hyperparameters"]["beta"], 0.9);
    // The same again is found; an edit of what it imports is another program.
    let again = text(&place.run("sign_momentum.py"));
    assert!(!again.contains("started"), "{again}");
    place.write("helper.py", &format!("{HELPER}# edited\n"));
    let edited = text(&place.run("sign_momentum.py"));
    assert!(edited.contains("started"), "{edited}");
}

#[test]
#[ignore = "needs libtorch and Python: cargo xtask test"]
fn a_whole_algorithm_trains_and_keeps_the_contract() {
    let place = Place::new();
    place.write("sharpness.py", WIDE);
    let output = place.run("sharpness.py");
    assert!(
        text(&output).contains("target-reached"),
        "{}",
        text(&output)
    );
    let checked = place.bench(&["check", "sharpness.py"]);
    assert!(checked.status.success(), "{}", text(&checked));
}

#[test]
#[ignore = "needs libtorch and Python: cargo xtask test"]
fn mistakes_are_told_with_the_authors_line() {
    let place = Place::new();
    let faulty = OPTIMIZER.replace("  #", "; raise ValueError('tired')");
    place.write("faulty.py", &faulty);
    let said = text(&place.run("faulty.py"));
    assert!(said.contains("ValueError: tired"), "{said}");
    assert!(said.contains("faulty.py:17"), "{said}");

    place.write("early.py", EARLY);
    let said = text(&place.run("early.py"));
    assert!(said.contains("off the clock"), "{said}");
    assert!(said.contains("early.py:6"), "{said}");

    place.write(
        "two.py",
        &OPTIMIZER.replace(
            "\n\nclass",
            "\n\nclass Other(torch.optim.SGD):\n    pass\n\n\nclass",
        ),
    );
    let said = text(&place.run("two.py"));
    assert!(
        said.contains("Other, SignMomentum") && said.contains("two.py:"),
        "{said}"
    );
    let chosen = text(&place.run("two.py:SignMomentum"));
    assert!(chosen.contains("target-reached"), "{chosen}");

    place.write("broken.py", "import torch\n\ndef\n");
    let said = text(&place.run("broken.py"));
    assert!(said.contains("broken.py:3"), "{said}");
    place.write("none.py", "x = 1\n");
    let said = text(&place.run("none.py"));
    assert!(said.contains("defines no class"), "{said}");
}

#[test]
#[ignore = "needs libtorch and Python: cargo xtask test"]
fn torchs_own_optimizers_equal_the_reference_trajectories() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: golden files need reference material (BENCH_SHARED)");
        return;
    };
    let place = Place::new();
    for (class, golden, space) in [
        ("AdamW", "adamw.json", "learning-rate: 1e-3"),
        ("SGD", "sgd_nesterov.json", "learning-rate: 1e-2"),
    ] {
        let settings = format!(
            "schema: 1\nrulesets: [external-tuning]\nbatch-size: {{ default: 128 }}\npython: {{ package: torch.optim, version: 2.11.0, class: {class} }}\nsearch-space: {{ {space} }}\n"
        );
        place.write(&format!("torch-{class}/submission.yaml"), &settings);
        let golden = shared.join("goldens").join(golden);
        let golden = golden.to_string_lossy();
        let folder = format!("./torch-{class}");
        let checked = place.bench(&["check", &folder, "--golden", &golden]);
        assert!(checked.status.success(), "{}", text(&checked));
    }
}

/// The reference material, as `cargo xtask test` finds it.
fn shared() -> Option<PathBuf> {
    let variable = std::env::var_os("BENCH_SHARED").map(PathBuf::from);
    let folder = variable.unwrap_or_else(|| root().join("../shared"));
    folder.join("goldens").is_dir().then_some(folder)
}
