//! The suite catches what it is there for: rules with one fault each.

use super::bits::go_on;
use super::kinds::with_running_statistics;
use super::report::{Finding, Verdict};
use super::rules::suite;
use super::subject::{Subject, Trained};
use crate::FirstOrder;
use crate::prelude::*;
use bench_core::run::RunSpec;
use bench_torch::foreach;
use serde_json::json;

/// Momentum with a fault.
struct Momentum<const FAULT: u8> {
    m: Vec<Tensor>,
    hidden: u64,
}

const SOUND: u8 = 0;
const HIDDEN_STATE: u8 = 1;
const LEAVES_ITS_OWN_WEIGHTS: u8 = 2;
const FORMS_DIFFER: u8 = 3;
const NO_SCALARS: u8 = 4;
const ASCENT: u8 = 5;
const READS_LITTLE: u8 = 6;
const UNSEEDED: u8 = 7;
const INFINITE_STATE: u8 = 8;
const WRONG_SIZE: u8 = 9;
const MISSPELT: u8 = 10;
const IDLE: u8 = 11;
const EVALUATES_THE_UNSAVED: u8 = 12;
const FORMS_DIFFER_AT_INFINITY: u8 = 13;
const HARDLY_MOVES: u8 = 14;
const VISITS_NOTHING: u8 = 15;

#[derive(Clone, Copy)]
struct Step<const FAULT: u8> {
    rate: f64,
    beta: f64,
}

impl<const FAULT: u8> Reference<1> for Step<FAULT> {
    fn tensors(&self, x: &Tensor, g: &Tensor, [m]: [&Tensor; 1]) -> (Tensor, [Tensor; 1]) {
        let m = self.beta * m + g;
        (x - self.rate * &m, [m])
    }
}

impl<const FAULT: u8> Elementwise<1> for Step<FAULT> {
    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
        let [rate, beta] = F::all([self.rate, self.beta]);
        let m = beta * m + g;
        let shown = match FAULT {
            FORMS_DIFFER => m + g * F::of(1e-3),
            FORMS_DIFFER_AT_INFINITY => m.min(F::of(1e30)),
            _ => m,
        };
        (x - rate * shown, [m])
    }
}

impl<const FAULT: u8> UpdateRule for Momentum<FAULT> {
    fn new(group: &Group) -> Result<Self> {
        match FAULT {
            READS_LITTLE => 0.0,
            MISSPELT => group.hyperparameters.number("betas")?,
            _ => group.hyperparameters.number("beta")?,
        };
        Ok(Momentum {
            m: group.zeros()?,
            hidden: 0,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        self.hidden += 1;
        let rate = match FAULT {
            ASCENT => -update.learning_rate,
            IDLE => 0.0,
            HARDLY_MOVES => 1e-5 * update.learning_rate,
            HIDDEN_STATE => update.learning_rate / self.hidden as f64,
            UNSEEDED => {
                update.learning_rate
                    * Tensor::rand([1], (Kind::Double, Device::Cpu)).double_value(&[0])
            }
            _ => update.learning_rate,
        };
        if FAULT == NO_SCALARS {
            for parameter in update.parameters {
                ensure!(
                    parameter.tensor.dim() > 0,
                    "`{}` is a scalar",
                    parameter.name
                );
            }
        }
        update.elementwise(&Step::<FAULT> { rate, beta: 0.9 }, [&mut self.m])?;
        if FAULT == INFINITE_STATE {
            self.m.iter_mut().for_each(|m| *m = &*m / 0.0);
        }
        Ok(())
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        match FAULT {
            VISITS_NOTHING => Ok(()),
            _ => state.visit("m", &mut self.m),
        }
    }

    fn state_size(group: &Group) -> Result<Option<usize>> {
        Ok(match FAULT {
            VISITS_NOTHING => None,
            WRONG_SIZE => Some(2 * group.numbers()),
            _ => Some(group.numbers()),
        })
    }

    fn evaluated(&self, group: &Group) -> Result<Option<Vec<Tensor>>> {
        if FAULT == EVALUATES_THE_UNSAVED {
            let weights = group.copies()?;
            foreach::scale(&weights, 1.0 - 1e-3 * self.hidden as f64)?;
            return Ok(Some(weights));
        }
        if FAULT == LEAVES_ITS_OWN_WEIGHTS {
            let tensors: Vec<&Tensor> = group.parameters.iter().map(|p| &p.tensor).collect();
            foreach::scale(&tensors, 0.5)?;
        }
        Ok(None)
    }
}

fn run() -> RunSpec {
    serde_json::from_value(json!({
        "protocol": bench_core::run::PROTOCOL,
        "workload-name": "dummy",
        "workload": {
            "schema": 1, "dataset": "dummy", "model": { "mlp": { "hidden": [8] } },
            "loss": "cross-entropy", "metrics": ["error-rate"],
            "target": { "metric": "error-rate", "validation": 0.1 },
            "budget": { "time": "10s", "steps": 40 }, "step-hint": 40,
            "evaluate": { "every-steps": 10, "batch-size": 64, "train-subset": 64 },
        },
        "dataset": {
            "name": "dummy",
            "columns": {
                    "images": { "number": "u8", "shape": [1, 4, 4] },
                    "labels": { "number": "u8", "values": { "classes": 4 }, "target": true },
                },
            "splits": { "train": { "examples": 512, "hash": "" } },
        },
        "submission": {
            "name": "momentum", "program": "momentum", "schedule": "constant",
            "batch-size": 32, "gradient-clipping": "none", "groups": [],
        },
        "hyperparameters": { "learning-rate": 0.01, "beta": 0.9 },
        "ruleset-name": "quick",
        "ruleset": { "tuning": "external-tuning", "studies": 1, "trials": 1 },
        "seed": { "purpose": "scoring", "base": 0, "study": 1, "trial": 1, "value": 7 },
        "threads": 1,
        "device": "cpu",
    }))
    .unwrap()
}

fn found<const FAULT: u8>() -> Vec<Finding> {
    let run = run();
    suite::<FirstOrder<Momentum<FAULT>>>(&run, &|folder| {
        go_on::<FirstOrder<Momentum<FAULT>>>(&run, folder)
    })
}

fn violated<const FAULT: u8>() -> Vec<String> {
    let failed = |finding: &Finding| finding.verdict == Verdict::Failed;
    found::<FAULT>()
        .into_iter()
        .filter(failed)
        .map(|finding| finding.rule)
        .collect()
}

#[test]
fn a_sound_rule_violates_nothing() {
    assert_eq!(violated::<SOUND>(), [] as [&str; 0]);
}

#[test]
fn every_fault_is_caught_by_the_rule_it_breaks() {
    let resumed = ["save-load-exact", "save-load-exact/running-statistics"];
    assert_eq!(violated::<HIDDEN_STATE>(), resumed);
    assert_eq!(violated::<EVALUATES_THE_UNSAVED>(), resumed);
    let idle = violated::<IDLE>();
    for kind in ["mlp", "resnet", "decoder"] {
        assert!(idle.contains(&format!("trains/{kind}")), "{idle:?}");
    }
    let left = violated::<LEAVES_ITS_OWN_WEIGHTS>();
    assert!(
        left.contains(&"prepare-resume-neutral".to_owned()),
        "{left:?}"
    );
    assert_eq!(violated::<WRONG_SIZE>(), ["state-size"]);
    let forms = [
        "gradients/constant",
        "gradients/strided",
        "gradients/random",
        "reference-equals-one-pass/f32",
        "reference-equals-one-pass/f64",
    ];
    assert_eq!(violated::<FORMS_DIFFER>(), forms);
    let infinite = violated::<FORMS_DIFFER_AT_INFINITY>();
    assert_eq!(infinite, ["gradients/infinite"]);
    let slow = violated::<HARDLY_MOVES>();
    assert!(slow.contains(&"goes-down/parabola".to_owned()), "{slow:?}");
    let shapes = violated::<NO_SCALARS>();
    assert!(shapes.contains(&"gradients/zero".to_owned()), "{shapes:?}");
    let ascent = violated::<ASCENT>();
    assert!(
        ascent.contains(&"goes-down/parabola".to_owned()),
        "{ascent:?}"
    );
    assert_eq!(violated::<READS_LITTLE>(), ["hyperparameters-read"]);
    let unseeded = violated::<UNSEEDED>();
    assert!(
        unseeded.contains(&"same-seed-same-bits".to_owned()),
        "{unseeded:?}"
    );
    let infinite = violated::<INFINITE_STATE>();
    assert!(
        infinite.contains(&"state-finite".to_owned()),
        "{infinite:?}"
    );
}

#[test]
fn what_a_state_forgets_is_told_with_numbers_and_names() {
    let told = |findings: Vec<Finding>| {
        let mut failed = findings
            .into_iter()
            .filter(|f| f.verdict == Verdict::Failed);
        failed.next().unwrap().detail
    };
    let nothing = told(found::<VISITS_NOTHING>());
    let expected = "after loading at step 450, step 451 gives other weights in `net.layer1.bias`, `net.layer1.weight`, `net.layer2.bias` and 1 more; 0 numbers of state are kept and 172 were seen to change between steps, of which 172 are not visited; every field that a step reads and writes belongs in `fn state` of `bench_sdk::check::tests::Momentum<";
    assert!(nothing.starts_with(expected), "{nothing}");
    let number = told(found::<HIDDEN_STATE>());
    let expected = "172 numbers of state are kept and 172 were seen to change, all of them visited, so what is missing is a number, a switch or a tensor";
    assert!(number.contains(expected), "{number}");
}

#[test]
fn what_does_not_start_is_told_once() {
    let findings = found::<MISSPELT>();
    assert_eq!(findings.len(), 1);
    // Without the line of this file that asked.
    let told = findings[0].detail.replace(|c: char| c.is_ascii_digit(), "");
    insta::assert_snapshot!(told, @"hyperparameter `betas` is read but not in the search space of submission.yaml; `beta` is, and nothing has read it (crates/bench-sdk/src/check/tests.rs:); nothing else is checked of what does not start");
}

#[test]
fn an_unread_name_is_told_with_the_one_that_was_meant() {
    let mut run = run();
    let beta = run.hyperparameters["beta"].clone();
    run.hyperparameters.insert("betta".to_owned(), beta);
    type Sound = FirstOrder<Momentum<SOUND>>;
    let findings = suite::<Sound>(&run, &|folder| go_on::<Sound>(&run, folder));
    let failed = findings
        .iter()
        .find(|finding| finding.verdict == Verdict::Failed);
    insta::assert_snapshot!(failed.unwrap().detail, @"never read: betta (the code reads `beta`)");
}

/// Goes to half of its weights for an evaluation, with statistics gathered there.
struct Halved;

impl UpdateRule for Halved {
    const RECALIBRATION: u64 = 3;

    fn new(_group: &Group) -> Result<Self> {
        Ok(Halved)
    }

    fn update(&mut self, _update: &Update) -> Result<()> {
        Ok(())
    }

    fn state(&mut self, _state: &mut State) -> Result<()> {
        Ok(())
    }

    fn evaluated(&self, group: &Group) -> Result<Option<Vec<Tensor>>> {
        let weights = group.copies()?;
        foreach::scale(&weights, 0.5)?;
        Ok(Some(weights))
    }
}

#[test]
fn running_statistics_fit_the_weights_that_are_evaluated() {
    let run = run();
    let kind = with_running_statistics();
    let subject = Subject::new(&run, 4);
    let start = || subject.start::<FirstOrder<Halved>>(&|| kind.problem());
    let statistics = |trained: &Trained<FirstOrder<Halved>>| -> Vec<Tensor> {
        let buffers = trained.training.buffers().iter();
        buffers.map(|buffer| buffer.tensor.copy()).collect()
    };
    let mut trained = start().unwrap();
    let before = statistics(&trained);
    trained.prepare().unwrap();
    let shown = statistics(&trained);
    trained.resume().unwrap();
    assert!(statistics(&trained) == before && shown != before);
    // As of a model that has those weights.
    let mut halved = start().unwrap();
    let parameters = halved.training.parameters().iter();
    let tensors: Vec<Tensor> = parameters.map(|p| p.tensor.shallow_clone()).collect();
    foreach::scale(&tensors, 0.5).unwrap();
    let _ = halved.training.recalibrate(3).unwrap();
    assert!(statistics(&halved) == shown);
}
