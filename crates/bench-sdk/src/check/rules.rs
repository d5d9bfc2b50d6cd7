//! The rules of the contract suite, each a function that says whether it holds and what it saw.

use super::bits::{
    Elsewhere, HALF, is_neutral, prepare_resume, same_seed, save_load, save_load_here,
};
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
use tch::{Device, Kind};

/// Steps that a known function is given.
const STEPS: u64 = 300;
/// Share of its loss that is to be gone by then: a third of what a rule that moves each coordinate by its rate comes to at a rate of 1e-4.
const SHARE: f64 = 0.01;
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
        rule("save-load-exact/running-statistics", || {
            save_load_here::<A>(run)
        }),
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

/// Whether a rule holds, and what to say of it.
pub(super) type Held = Result<(Verdict, String)>;

pub(super) fn passed(detail: impl Into<String>) -> Held {
    Ok((Verdict::Passed, detail.into()))
}

pub(super) fn failed(detail: impl Into<String>) -> Held {
    Ok((Verdict::Failed, detail.into()))
}

/// Runs a rule. An error or a panic of the submission is a violation of it, with its line.
pub(super) fn rule(name: &str, check: impl FnOnce() -> Held) -> Finding {
    match failure::fence(check) {
        Ok((verdict, detail)) => Finding::new(name, verdict, detail),
        Err(failure) => Finding::new(name, Verdict::Failed, failure.to_string()),
    }
}

pub(super) fn workload(run: &RunSpec) -> Result<Box<dyn Problem>> {
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
    let allowed = (1.0 - SHARE) * before;
    let detail = format!("from {before:.4} to {after:.4} in {STEPS} steps (allowed {allowed:.4})");
    if after <= allowed {
        passed(detail)
    } else {
        failed(detail)
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

/// After a few steps everything is finite, where the gradients are; and both forms of elementwise maps, which must be finite in the same places, agree.
fn gradients<A: TrainingAlgorithm>(run: &RunSpec, gradient: Gradient) -> Held {
    const TOLERANCE: f64 = 1e-5;
    let passes = elementwise::passes();
    let make = || shapes::problem(gradient, Kind::Float);
    let mut subject = Subject::new(run, 4);
    let mut trained: Trained<A> = subject.train(&make)?;
    let shapes = trained.training.parameters().len();
    for (name, tensor) in &trained.snapshot()?.tensors {
        if gradient.is_finite() && tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return failed(format!("`{name}` is not finite"));
        }
    }
    subject.form = Form::Reference;
    let reference: Trained<A> = subject.train(&make)?;
    let worst = worst_difference(&trained, &reference)?;
    if worst > TOLERANCE {
        return failed(format!(
            "the two forms differ by {worst:.1e} (allowed {TOLERANCE:.0e})"
        ));
    }
    let forms = match elementwise::passes() == passes {
        true => "",
        false => ", both forms",
    };
    passed(format!("{shapes} shapes{forms}"))
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
    if !is_finite(&fast)? {
        return failed("a parameter is not finite after 100 steps");
    }
    let worst = worst_difference(&fast, &reference)?;
    let detail = format!("worst difference {worst:.1e} after 100 steps (allowed {tolerance:.0e})");
    if worst <= tolerance {
        passed(detail)
    } else {
        failed(detail)
    }
}

/// Of any parameter, as a share of the largest of its tensor's numbers, or of one where they are all less; infinite where the two are not finite in
/// the same places.
fn worst_difference<A>(a: &Trained<A>, b: &Trained<A>) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let mut worst = 0.0_f64;
    let pairs = a.training.parameters().iter();
    let pairs = pairs.zip(b.training.parameters());
    for (a, b) in pairs.filter(|(a, _)| a.tensor.numel() > 0) {
        let (finite, others) = (a.tensor.f_isfinite()?, b.tensor.f_isfinite()?);
        if !finite.f_equal(&others)? {
            return Ok(f64::INFINITY);
        }
        let [a, b] = [&a.tensor, &b.tensor].map(|x| x.f_nan_to_num(0.0, 0.0, 0.0));
        let (a, b) = (a?, b?);
        let scale = b.f_abs()?.f_max()?.f_double_value(&[])?.max(1.0);
        let difference = (a - b).f_abs()?.f_max()?.f_double_value(&[])?;
        worst = worst.max(difference / scale);
    }
    Ok(worst)
}

/// Whether all parameters are.
fn is_finite<A>(trained: &Trained<A>) -> Result<bool> {
    for parameter in trained.training.parameters() {
        if parameter.tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
