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

/// AlgoPerf's functions: momentum under a scheduler, an average of weights that an evaluation sees, and a second pass that leaves running statistics alone.
const ALGOPERF: &str = r#"import collections

import torch
from absl import logging
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup
from rates import rates

USE_PYTORCH_DDP = pytorch_setup()[0]


class Average:
    def __init__(self, length):
        self.queue, self.trained = collections.deque(maxlen=length), None

    def mean(self):
        return [torch.stack(tensors).mean(0) for tensors in zip(*self.queue)]


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    optimizer = torch.optim.SGD(model_params.parameters(), lr=hyperparameters.learning_rate, momentum=1 - hyperparameters.one_minus_beta1)
    return {"optimizer": optimizer, "scheduler": rates(optimizer, workload.step_hint), "average": Average(2)}


def update_params(
    workload, current_param_container, current_params_types, model_state, hyperparameters, batch, loss_type, optimizer_state, eval_results, global_step, rng, train_state=None,
):
    average = optimizer_state["average"]
    if average.trained is not None:
        for parameter, trained in zip(current_param_container.parameters(), average.trained):
            parameter.data.copy_(trained)
        average.trained = None
    current_param_container.train()
    for moves in (False, True):
        optimizer_state["optimizer"].zero_grad()
        logits, model_state = workload.model_fn(
            params=current_param_container, augmented_and_preprocessed_input_batch=batch, model_state=model_state, mode=spec.ForwardPassMode.TRAIN, rng=rng,
            update_batch_norm=moves,
        )
        losses = workload.loss_fn(label_batch=batch["targets"], logits_batch=logits, mask_batch=batch.get("weights"), label_smoothing=0.1)
        loss = losses["summed"] / losses["n_valid_examples"]
        loss.backward()
    optimizer_state["optimizer"].step()
    optimizer_state["scheduler"].step()
    average.queue.append([p.detach().clone() for p in current_param_container.parameters()])
    if global_step % 50 == 0:
        workload.metrics_logger.append_scalar_metrics({"loss": loss.item()}, global_step)
        logging.info("%d) loss = %0.3f", global_step, loss.item())
    return optimizer_state, current_param_container, model_state


def prepare_for_eval(workload, current_param_container, model_state, optimizer_state, **_):
    average = optimizer_state["average"]
    average.trained = [p.detach().clone() for p in current_param_container.parameters()]
    for parameter, mean in zip(current_param_container.parameters(), average.mean()):
        parameter.data.copy_(mean)
    return optimizer_state, current_param_container, model_state


def get_batch_size(workload_name):
    return {"mnist": 16, "cifar": 64}[workload_name]


def data_selection(workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng):
    return next(input_queue)
"#;
const RATES: &str = r#"from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


def rates(optimizer, steps):
    warmup = LinearLR(optimizer, start_factor=1e-3, total_iters=20)
    return SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, T_max=steps)], milestones=[20])
"#;
const SPACE: &str = r#"{
  "learning_rate": {"min": 0.03, "max": 0.3, "scaling": "log"},
  "one_minus_beta1": {"feasible_points": [0.1, 0.05]}
}"#;

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

    /// A file of the record of such a run.
    fn kept(&self, name: &str, file: &str) -> String {
        let record = self.path(&format!("results/single/{name}/synthetic/study-1"));
        let mut folders = std::fs::read_dir(&record).expect("a record").flatten();
        let folder = folders.next().expect("a trial").path();
        std::fs::read_to_string(folder.join(file)).expect(file)
    }

    fn record(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.kept(name, "run.json")).expect("JSON")
    }

    /// Examples that passed until the first evaluation: forward, and backward.
    fn passes(&self, name: &str) -> [u64; 2] {
        let lines = self.kept(name, "events.jsonl");
        let mut lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let first: serde_json::Value = lines
            .find(|line: &serde_json::Value| line["event"] == "evaluated")
            .expect("an evaluation");
        ["forward", "backward"].map(|way| first["passes"][way].as_u64().expect("a number"))
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
    let run = place.record("sign_momentum.py");
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
fn a_submission_of_algoperfs_runs_as_it_is() {
    let place = Place::new();
    place.write("swift/pytorch/submission.py", ALGOPERF);
    place.write("swift/pytorch/rates.py", RATES);
    place.write("swift/tuning_search_space.json", SPACE);
    let output = place.run("swift/pytorch");
    let said = text(&output);
    assert!(
        said.contains("batches have 128 examples, 64 on cifar, 16 on mnist"),
        "{said}"
    );
    assert!(said.contains("swift.py on synthetic"), "{said}");
    assert!(said.contains("target-reached"), "{said}");
    let run = place.record("swift.py");
    assert_eq!(run["run"]["hyperparameters"]["one-minus-beta1"], 0.1);
    // What Python differentiates by itself counts: two passes a step, there and back.
    assert_eq!(place.passes("swift.py"), [2 * 128 * 50; 2]);
    // What it keeps in objects of its own is saved and put back; the average of an evaluation leaves no trace.
    let checked = place.bench(&["check", "swift/pytorch"]);
    assert!(checked.status.success(), "{}", text(&checked));
    // Tuning draws from its own search space.
    let planned = place.bench(&[
        "plan",
        "swift/pytorch",
        "-w",
        "synthetic",
        "--ruleset",
        "external-tuning",
    ]);
    assert!(planned.status.success(), "{}", text(&planned));

    for (code, told) in [
        (
            "workload.is_output_params('x')",
            "`workload.is_output_params` is not there",
        ),
        (
            "current_param_container(batch['inputs'])",
            "`workload.model_fn` runs it",
        ),
        (
            "batch['inputs'] = batch['inputs'] * 2",
            "other inputs are not served",
        ),
        ("torch.zeros(1, device='cuda')", "cuda"),
        (
            "optimizer_state['late'] = Average(1)",
            "optimizer_state['late'] is a Average",
        ),
    ] {
        let faulty = ALGOPERF.replace(
            "    current_param_container.train()\n",
            &format!("    {code}\n"),
        );
        place.write("odd/submission.py", &faulty);
        place.write("odd/rates.py", RATES);
        place.write("odd/tuning_search_space.json", SPACE);
        let said = text(&place.run("odd"));
        assert!(
            said.contains(told) && said.contains("failed"),
            "{code}: {said}"
        );
    }
}

#[test]
#[ignore = "needs libtorch and Python: cargo xtask test"]
fn files_are_compared_and_taken_on() {
    let place = Place::new();
    let results = place.path("results");
    let results = results.to_string_lossy();
    let compared = place.bench(&[
        "compare",
        "adamw",
        "sign_momentum.py",
        "-w",
        "synthetic",
        "--studies",
        "2",
        "--results",
        &results,
    ]);
    assert!(
        text(&compared).contains("on synthetic, n = 2"),
        "{}",
        text(&compared)
    );

    place.write("other/sign_momentum.py", OPTIMIZER);
    place.write("other/helper.py", HELPER);
    let both = place.bench(&[
        "run",
        "sign_momentum.py",
        "other/sign_momentum.py",
        "-w",
        "synthetic",
    ]);
    assert!(
        text(&both).contains("a second submission called `sign_momentum.py`"),
        "{}",
        text(&both)
    );

    let made = place.bench(&["new", "./signum", "--python", "--from", "sign_momentum.py"]);
    assert!(made.status.success(), "{}", text(&made));
    let settings = std::fs::read_to_string(place.path("signum/submission.yaml")).expect("settings");
    assert!(
        settings.contains("learning-rate: { min: 0.0001, max: 0.01, scale: log, default: 0.001 }"),
        "{settings}"
    );
    assert!(place.path("signum/helper.py").is_file());
    let made = place.bench(&[
        "new",
        "./torchs",
        "--python",
        "--from",
        "torch.optim.RMSprop",
    ]);
    assert!(made.status.success(), "{}", text(&made));
    for folder in ["./signum", "./torchs"] {
        let said = text(&place.run(folder));
        assert!(said.contains(" steps"), "{said}");
    }
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
    place.write("needs.py", &format!("import nowhere\n{OPTIMIZER}"));
    let said = text(&place.run("needs.py"));
    assert!(said.contains("No module named 'nowhere' ("), "{said}");
    assert!(
        said.contains("needs.py:1)") && said.contains("requirements.lock"),
        "{said}"
    );
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
