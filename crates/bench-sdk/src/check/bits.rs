//! The rules about bits: a training repeated, resumed, and interrupted by an evaluation, is the training it would have been.

use super::forgotten::forgotten;
use super::report::Finding;
use super::rules::{Held, failed, passed, rule, workload};
use super::subject::{Make, Subject, Trained};
use crate::algorithm::TrainingAlgorithm;
use anyhow::Result;
use bench_core::run::RunSpec;
use std::path::Path;

/// Half of the steps of most rules about bits.
pub(super) const HALF: u64 = 12;
/// Where `save-load-exact` saves, and where it ends: an algorithm that trains in stages is in the middle of a later one, and of one as long as they get.
const SAVED: u64 = 450;
const LAST: u64 = 1700;

/// Goes on with the snapshot in a folder, in a new process, and leaves the last one there: [`go_on`].
pub(super) type Elsewhere<'a> = dyn Fn(&Path) -> Result<()> + 'a;

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

pub(super) fn same_seed<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let subject = Subject::new(run, 2 * HALF);
    let [first, second] = [0, 1].map(|_| subject.train::<A>(&|| workload(run))?.snapshot());
    match first?.difference(&second?)? {
        None => passed(format!("{} steps, twice", 2 * HALF)),
        Some(name) => failed(format!("`{name}` differs between two runs with one seed")),
    }
}

pub(super) fn save_load<A: TrainingAlgorithm>(run: &RunSpec, elsewhere: &Elsewhere) -> Held {
    let subject = Subject::new(run, LAST);
    let told = format!(
        "{SAVED} steps, saved, loaded in a new process, {} more",
        LAST - SAVED
    );
    resumes::<A>(&subject, SAVED, &|| workload(run), elsewhere, told)
}

/// The same of a model with running statistics, in fewer steps and in this process: what stands in their place during an evaluation is state too.
pub(super) fn save_load_here<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let subject = Subject::new(run, 2 * HALF);
    let kind = super::kinds::with_running_statistics();
    let go_on = |folder: &Path| {
        let mut resumed: Trained<A> = subject.start(&|| kind.problem())?;
        resumed.read(folder, HALF)?;
        resumed.steps(HALF)?;
        resumed.write(folder)
    };
    let told = format!(
        "{HALF} steps of a {}, saved, loaded, {HALF} more",
        kind.name
    );
    resumes::<A>(&subject, HALF, &|| kind.problem(), &go_on, told)
}

/// Whether a training that is saved, loaded and gone on with is the one that is not interrupted.
fn resumes<A: TrainingAlgorithm>(
    subject: &Subject,
    saved_at: u64,
    make: &Make,
    go_on: &Elsewhere,
    told: String,
) -> Held {
    let folder = tempfile::tempdir()?;
    let mut saved: Trained<A> = subject.start(make)?;
    saved.steps(saved_at)?;
    let shown = saved.as_evaluated()?;
    saved.write(folder.path())?;
    drop(saved);
    let mut loaded: Trained<A> = subject.start(make)?;
    loaded.read(folder.path(), saved_at)?;
    if let Some(name) = shown.difference(&loaded.as_evaluated()?)? {
        let found = forgotten::<A>(subject, saved_at, make)?;
        return failed(format!(
            "`{name}` is evaluated otherwise after loading, so something that `evaluated` or `prepare_for_eval` depends on is not saved: {found}"
        ));
    }
    drop(loaded);
    go_on(folder.path())?;
    let mut resumed: Trained<A> = subject.start(make)?;
    resumed.read(folder.path(), subject.steps)?;
    let whole = subject.train::<A>(make)?.snapshot()?;
    match whole.difference(&resumed.snapshot()?)? {
        None => passed(told),
        Some(_) => failed(forgotten::<A>(subject, saved_at, make)?),
    }
}

/// From the snapshot in a folder to the last step, whose snapshot takes its place.
pub(super) fn go_on<A: TrainingAlgorithm>(run: &RunSpec, folder: &Path) -> Result<()> {
    let mut resumed: Trained<A> = Subject::new(run, LAST).start(&|| workload(run))?;
    resumed.read(folder, SAVED)?;
    resumed.steps(LAST - SAVED)?;
    resumed.write(folder)
}

pub(super) fn prepare_resume<A: TrainingAlgorithm>(run: &RunSpec) -> Held {
    let mut trained: Trained<A> = Subject::new(run, 2 * HALF).start(&|| workload(run))?;
    trained.steps(HALF)?;
    is_neutral(&mut trained)
}

/// Whether an evaluation leaves a training as it was.
pub(super) fn is_neutral<A: TrainingAlgorithm>(trained: &mut Trained<A>) -> Held {
    let before = trained.snapshot()?;
    trained.prepare()?;
    let prepared = trained.snapshot()?;
    trained.resume()?;
    match before.difference(&trained.snapshot()?)? {
        Some(name) => failed(format!(
            "`{name}` is not as it was before the evaluation: `evaluated` changes nothing, and `resume_training` undoes `prepare_for_eval`"
        )),
        None if before.difference(&prepared)?.is_none() => passed("evaluates the training weights"),
        None => passed("evaluates other weights, and comes back"),
    }
}
