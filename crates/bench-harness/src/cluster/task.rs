//! One trial of a plan, on whichever machine it is started.

use super::frozen::FrozenPrograms;
use super::plan::{Plan, PlanError};
use crate::lease;
use crate::machine;
use crate::scratch;
use crate::session::{KEEP_EVERY, Options, PlannedTrial, Session};
use crate::store;

impl Plan {
    /// One entry as a session of its own on this machine, and its programs. A task that is started again goes on with the attempt that it made.
    ///
    /// # Errors
    /// When there is no such entry.
    pub fn task(&self, number: usize) -> Result<(Session, FrozenPrograms), PlanError> {
        let entry = self.entry(number)?;
        let place = &self.head.places[number];
        let programs = self.head.programs[entry.programs].clone();
        let (_, next) = store::last_attempt(&self.record(place));
        let is_begun = next > place.attempt;
        let allotted = machine::allotment(|name| std::env::var(name).ok());
        let session = Session {
            trials: vec![PlannedTrial {
                suite: entry.suite,
                run: entry.run,
                context: entry.context,
                data: entry.data,
                // Where cards are given, the first of them is number 0.
                device_index: match allotted.is_some_and(|given| !given.cards.is_empty()) {
                    true => 0,
                    false => entry.device_index,
                },
            }],
            runs: self.head.runs.clone(),
            machine: machine::describe(),
            limits: self.head.limits,
            tolerances: self.head.tolerances,
            options: Options {
                to_budget: self.head.to_budget,
                rerun_failed: self.head.rerun_failed && !is_begun,
                fresh: self.head.fresh && !is_begun,
                keep_weights: self.head.keep_weights,
                ..Options::default()
            },
            lock: scratch::allotment_lock(),
            keep_every: KEEP_EVERY,
            lapse: lease::LAPSE,
        };
        Ok((session, programs))
    }
}
