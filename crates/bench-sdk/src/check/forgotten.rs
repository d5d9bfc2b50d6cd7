//! What a training that is loaded lacks: the step and the parameters where it departs first, how much state changes without being visited, and where to look.

use super::subject::{Make, Subject, Trained};
use crate::algorithm::TrainingAlgorithm;
use crate::watch::{Changed, Watch};
use anyhow::Result;

/// Parameters that are named where more differ.
const NAMED: usize = 3;

/// Why a training that goes on from step `saved_at` is not the one that was not interrupted, which is known already.
///
/// # Errors
/// What the algorithm says, or libtorch.
pub(super) fn forgotten<A: TrainingAlgorithm>(
    subject: &Subject,
    saved_at: u64,
    make: &Make,
) -> Result<String> {
    let folder = tempfile::tempdir()?;
    // Before anybody watches: what is counted is one training's.
    let mut loaded: Trained<A> = subject.start(make)?;
    let watch = Watch::start();
    let mut whole: Trained<A> = subject.start(make)?;
    whole.steps(saved_at)?;
    whole.write(folder.path())?;
    let visited = whole.state()?;
    let mut first = None;
    loaded.read(folder.path(), saved_at)?;
    // In one step what matters may not be due: the first that tells the two apart is looked for, with all that changes until then.
    let changed = watch.over(&visited, || {
        for step in saved_at + 1..=subject.steps {
            whole.steps(1)?;
            loaded.steps(1)?;
            let names = whole.parameters()?.differences(&loaded.parameters()?)?;
            if !names.is_empty() {
                first = Some((step, names));
                break;
            }
        }
        Ok(())
    })?;
    let Some((step, names)) = first else {
        return Ok(
            "it departs from an uninterrupted run in a new process only: is something kept outside of the algorithm, in a `static` or a file?"
                .to_owned(),
        );
    };
    Ok(format!(
        "after loading at step {saved_at}, step {step} gives other weights in {}; {}; every field that a step reads and writes belongs in `fn state` of `{}`",
        listed(&names),
        told(visited.numbers(), changed),
        author::<A>(),
    ))
}

fn listed(names: &[String]) -> String {
    let named: Vec<String> = names.iter().take(NAMED).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn told(kept: u64, changed: Changed) -> String {
    let Changed { numbers, unvisited } = changed;
    match (numbers, unvisited) {
        (0, _) => format!(
            "{kept} numbers of state are kept, and which others change cannot be seen from here"
        ),
        (_, 0) => format!(
            "{kept} numbers of state are kept and {numbers} were seen to change, all of them visited, so what is missing is a number, a switch or a tensor that the algorithm makes itself"
        ),
        _ => format!(
            "{kept} numbers of state are kept and {numbers} were seen to change between steps, of which {unvisited} are not visited"
        ),
    }
}

/// The author's type, without the SDK's around it.
fn author<A>() -> &'static str {
    let name = std::any::type_name::<A>();
    match name.split_once('<') {
        Some((sdk, inner)) if sdk.starts_with("bench_sdk::") => {
            inner.strip_suffix('>').unwrap_or(inner)
        }
        _ => name,
    }
}
