//! Every way one trial can end, with a worker that does as it is told.

use bench_core::outcome::{FailureKind, Outcome, Phase};
use bench_tests::fixture::{play, play_as};
use bench_tests::script::{Act, Moment, Script};

#[test]
fn the_ordinary_path_is_recorded_whole() {
    let played = play(&Script::good());
    assert_eq!(*played.outcome(), Outcome::TargetReached);
    let interval = ["trained", "snapshotted", "evaluated"];
    let expected: Vec<&str> = ["started", "ready"]
        .into_iter()
        .chain(interval.into_iter().cycle().take(9))
        .chain(["warned", "ended"])
        .collect();
    assert_eq!(played.events(), expected);
    assert_eq!(played.stored.trial.summary, played.summary);
    assert_eq!(played.stored.trial.record.outcome, played.summary.outcome);
    let passage = played.summary.passage.unwrap();
    assert_eq!((passage.before.unwrap().step, passage.at.step), (20, 30));
}
