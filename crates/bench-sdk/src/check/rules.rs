//! The rules of the contract suite, each a function that says whether it holds and what it saw.

use super::function::Function;
use super::report::{Finding, Verdict};
use super::shapes::{self, Gradient};
use super::subject::{Make, Subject, Trained};
use crate::algorithm::TrainingAlgorithm;
use crate::problem::{Problem, WorkloadProblem};
use crate::toolkit::elementwise::{self, Form};
use crate::worker::failure;
use anyhow::Result;
use bench_core::run::RunSpec;
use std::path::Path;
use tch::{Device, Kind};

/// Steps that a known function is given.
const STEPS: u64 = 300;
/// Half of the steps of most rules about bits.
const HALF: u64 = 12;
/// Where `save-load-exact` saves, and where it ends: so far that an algorithm that trains in stages is in the middle of a later one.
const SAVED: u64 = 450;
const LAST: u64 = 600;

/// Goes on with the snapshot in a folder, in a new process, and leaves the last one there: [`go_on`].
pub(super) type Elsewhere<'a> = dyn Fn(&Path) -> Result<()> + 'a;

/// Every rule, on a submission with the hyperparameters of `run`; the first alone where it does not hold, since all others would say the same.
pub(super) fn suite<A: TrainingAlgorithm>(run: &RunSpec, elsewhere: &Elsewhere) -> Vec<Finding> {
    let mut starts = rule("starts", || starts::<A>(run));
    if starts.verdict == Verdict::Failed {
        starts.detail += "; nothing else is checked of what does not start";
        return vec![starts];
    }
    let mut findings = vec![
        starts,
        rule("goes-down/parabola", || {
            goes_down::<A>(run, &|| Ok(Box::new(Function::parabola()?)))
        }),
        rule("goes-down/rosenbrock", || {
            goes_down::<A>(run, &|| Ok(Box::new(Function::rosenbrock()?)))
        }),
        rule("same-seed-same-bits", || same_seed::<A>(run)),
        rule("save-load-exact", || save_load::<A>(run, elsewhere)),
        rule("prepare-resume-neutral", || prepare_resume::<A>(run)),
        rule("state-finite", || state_finite::<A>(run)),
        rule("state-size", || state_size::<A>(run)),
        rule("hyperparameters-read", || all_read::<A>(run)),
    ];
    findings.extend(super::kinds::all().into_iter().map(|kind| {
        rule(&format!("trains/{}", kind.name), || {
            trains::<A>(run, &|| kind.problem())
        })
    }));
    findings.extend(Gradient::ALL.into_iter().map(|gradient| {
        rule(&format!("gradients/{}", gradient.name()), || {
            gradients::<A>(run, gradient)
        })
    }));
    for (name, kind, tolerance) in [("f32", Kind::Float, 1e-5), ("f64", Kind::Double, 1e-12)] {
        findings.push(rule(&format!("reference-equals-one-pass/{name}"), || {
            one_pass::<A>(run, kind, tolerance)
        }));
    }
    findings
}

/// `save-load-exact` of hyperparameters that differ from the defaults in a choice: another way through the code may have other state.
pub(super) fn choice<A: TrainingAlgorithm>(
    defaults: &RunSpec,
    run: &RunSpec,
    elsewhere: &Elsewhere,
) -> Finding {
    let chosen = run.hyperparameters.iter();
    let chosen = chosen.filter(|(name, value)| defaults.hyperparameters.get(*name) != Some(*value));
    let chosen: Vec<String> = chosen
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    rule(&format!("save-load-exact/{}", chosen.join(",")), || {
        save_load::<A>(run, elsewhere)
    })
}

/// Whether a rule holds, and what to say of it.
type Held = Result<(Verdict, String)>;

fn passed(detail: impl Into<String>) -> Held {
    Ok((Verdict::Passed, detail.into()))
}

fn failed(detail: impl Into<String>) -> Held {
    Ok((Verdict::Failed, detail.into()))
}

/// Runs a rule. An error or a panic of the submission is a violation of it, with its line.
fn rule(name: &str, check: impl FnOnce() -> Held) -> Finding {
    match failure::fence(check) {
        Ok((verdict, detail)) => Finding::new(name, verdict, detail),
        Err(failure) => Finding::new(name, Verdict::Failed, failure.to_string()),
    }
}

fn workload(run: &RunSpec) -> Result<Box<dyn Problem>> {
    Ok(Box::new(WorkloadProblem::dummy(run, Device::Cpu)?))
}

fn starts<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let _: Trained<A> = Subject::new(run, 2).train(&|| workload(run))?;
    passed("2 steps")
}

fn goes_down<A: TrainingAlgorithm>(run: &RunSpec, make: &Make) -> Held {
    let mut trained: Trained<A> = Subject::new(run, STEPS).start(make)?;
    let before = trained.loss()?;
    trained.steps(STEPS)?;
    trained.prepare()?;
    let after = trained.loss()?;
    let detail = format!("from {before:.4} to {after:.4} in {STEPS} steps");
    if after < before {
        passed(detail)
    } else {
        failed(detail)
    }
}

fn same_seed<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let subject = Subject::new(run, 2 * HALF);
    let [first, second] = [0, 1].map(|_| subject.train::<A>(&|| workload(run))?.snapshot());
    match first?.difference(&second?)? {
        None => passed(format!("{} steps, twice", 2 * HALF)),
        Some(name) => failed(format!("`{name}` differs between two runs with one seed")),
    }
}

fn save_load<A: TrainingAlgorithm>(run: &RunSpec, elsewhere: &Elsewhere) -> Held {
    let subject = Subject::new(run, LAST);
    let folder = tempfile::tempdir()?;
    let mut saved: Trained<A> = subject.start(&|| workload(run))?;
    saved.steps(SAVED)?;
    let shown = saved.as_evaluated()?;
    saved.write(folder.path())?;
    drop(saved);
    let mut loaded: Trained<A> = subject.start(&|| workload(run))?;
    loaded.read(folder.path(), SAVED)?;
    if let Some(name) = shown.difference(&loaded.as_evaluated()?)? {
        return failed(format!(
            "`{name}` is evaluated otherwise after loading: is everything that `prepare_for_eval` depends on visited in `state`?"
        ));
    }
    drop(loaded);
    elsewhere(folder.path())?;
    let mut resumed: Trained<A> = subject.start(&|| workload(run))?;
    resumed.read(folder.path(), LAST)?;
    let whole = subject.train::<A>(&|| workload(run))?.snapshot()?;
    match whole.difference(&resumed.snapshot()?)? {
        None => passed(format!(
            "{SAVED} steps, saved, loaded in a new process, {} more",
            LAST - SAVED
        )),
        Some(name) => failed(format!(
            "`{name}` differs from an uninterrupted run: is everything that the next step depends on visited in `state`?"
        )),
    }
}

/// From the snapshot in a folder to the last step, whose snapshot takes its place.
pub(super) fn go_on<A: TrainingAlgorithm>(run: &RunSpec, folder: &Path) -> Result<()> {
    let mut resumed: Trained<A> = Subject::new(run, LAST).start(&|| workload(run))?;
    resumed.read(folder, SAVED)?;
    resumed.steps(LAST - SAVED)?;
    resumed.write(folder)
}

fn prepare_resume<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let mut trained: Trained<A> = Subject::new(run, 2 * HALF).start(&|| workload(run))?;
    trained.steps(HALF)?;
    is_neutral(&mut trained)
}

/// Whether an evaluation leaves a training as it was.
fn is_neutral<A: TrainingAlgorithm>(trained: &mut Trained<A>) -> Held {
    let before = trained.snapshot()?;
    trained.prepare()?;
    let prepared = trained.snapshot()?;
    trained.resume()?;
    match before.difference(&trained.snapshot()?)? {
        Some(name) => failed(format!(
            "`{name}` is not as it was before prepare_for_eval and resume_training"
        )),
        None if before.difference(&prepared)?.is_none() => passed("evaluates the training weights"),
        None => passed("evaluates other weights, and comes back"),
    }
}

fn state_finite<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let mut trained: Trained<A> = Subject::new(run, 2 * HALF).train(&|| workload(run))?;
    let state = trained.state()?;
    for (name, tensor) in &state.tensors {
        if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return failed(format!(
                "state `{name}` is not finite after {} steps",
                2 * HALF
            ));
        }
    }
    let parameters: usize = trained
        .training
        .parameters()
        .iter()
        .map(|p| p.tensor.numel())
        .sum();
    let share = state.numbers() as f64 / parameters as f64;
    passed(format!(
        "{} numbers, {share:.2} a parameter",
        state.numbers()
    ))
}

fn state_size<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let subject = Subject::new(run, 2);
    let mut told = Vec::new();
    for (what, make) in [
        ("the workload's network", &(|| workload(run)) as &Make),
        ("tensors of all shapes", &|| {
            shapes::problem(Gradient::Random, Kind::Float)
        }),
    ] {
        let mut trained: Trained<A> = subject.train(make)?;
        let Some(documented) = A::state_size(&trained.training)? else {
            let detail = "its `state_size` documents none".to_owned();
            return Ok((Verdict::Skipped, detail));
        };
        let kept = trained.state()?.numbers();
        if kept != documented as u64 {
            return failed(format!(
                "on {what} it keeps {kept} numbers of state, and documents {documented}"
            ));
        }
        told.push(format!("{kept} numbers on {what}"));
    }
    passed(told.join(", "))
}

fn all_read<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let trained: Trained<A> = Subject::new(run, 2).train(&|| workload(run))?;
    match trained.training.hyperparameters().unread().as_slice() {
        [] => passed(format!("all {} of them", run.hyperparameters.len())),
        unread => {
            let names = unread.iter().map(|name| {
                let read = trained.training.hyperparameters().nearest_read(name);
                let read = read.map(|read| format!(" (the code reads `{read}`)"));
                format!("{name}{}", read.unwrap_or_default())
            });
            let names: Vec<String> = names.collect();
            failed(format!("never read: {}", names.join(", ")))
        }
    }
}

/// As many steps as most algorithms need for each of their parts, and an evaluation: of a model with running statistics, of one of tokens.
fn trains<A: TrainingAlgorithm>(run: &RunSpec, make: &Make) -> Held {
    let mut trained: Trained<A> = Subject::new(run, 2 * HALF).start(make)?;
    let before = trained.evaluated()?;
    trained.steps(HALF)?;
    let loss = trained.loss()?;
    if !loss.is_finite() {
        return failed(format!("the loss is {loss} after {HALF} steps"));
    }
    if before.difference(&trained.evaluated()?)?.is_none() {
        return failed(format!("no parameter changed in {HALF} steps"));
    }
    match is_neutral(&mut trained)? {
        (Verdict::Passed, detail) => passed(format!("{HALF} steps; {detail}")),
        fault => Ok(fault),
    }
}

fn gradients<A: TrainingAlgorithm>(run: &RunSpec, gradient: Gradient) -> Held {
    let mut trained: Trained<A> =
        Subject::new(run, 4).train(&|| shapes::problem(gradient, Kind::Float))?;
    let shapes = trained.training.parameters().len();
    for (name, tensor) in &trained.snapshot()?.tensors {
        if gradient.is_finite() && tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return failed(format!("`{name}` is not finite"));
        }
    }
    passed(format!("{shapes} shapes"))
}

fn one_pass<A: TrainingAlgorithm>(run: &RunSpec, kind: Kind, tolerance: f64) -> Held {
    let mut subject = Subject::new(run, 100);
    let make = || shapes::problem(Gradient::Random, kind);
    let passes = elementwise::passes();
    let fast: Trained<A> = subject.train(&make)?;
    if elementwise::passes() == passes {
        return Ok((Verdict::Skipped, "it has no elementwise map".to_owned()));
    }
    subject.form = Form::Reference;
    let reference: Trained<A> = subject.train(&make)?;
    let _guard = tch::no_grad_guard();
    let mut worst = 0.0_f64;
    let pairs = fast
        .training
        .parameters()
        .iter()
        .zip(reference.training.parameters());
    for (a, b) in pairs.filter(|(a, _)| a.tensor.numel() > 0) {
        let scale = b.tensor.f_abs()?.f_max()?.f_double_value(&[])?.max(1.0);
        let difference = (&a.tensor - &b.tensor)
            .f_abs()?
            .f_max()?
            .f_double_value(&[])?;
        worst = if difference.is_nan() {
            f64::INFINITY
        } else {
            worst.max(difference / scale)
        };
    }
    let detail = format!("worst difference {worst:.1e} after 100 steps (allowed {tolerance:.0e})");
    if worst <= tolerance {
        passed(detail)
    } else {
        failed(detail)
    }
}
