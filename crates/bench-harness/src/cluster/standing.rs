//! How far a plan is: from records and the queue.

use super::plan::Plan;
use super::slurm::Job;
use crate::store::{self, Stored};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How far a plan is, in numbers of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The plan's name.
    pub plan: String,
    /// Over, by their records.
    pub finished: Vec<usize>,
    /// Begun, with their nodes where the queue tells.
    pub running: Vec<(usize, Option<String>)>,
    /// In the queue, with the reason why they wait.
    pub queued: Vec<(usize, String)>,
    /// Not submitted yet.
    pub waiting: Vec<usize>,
    /// Submitted once, and neither queued nor running nor over: the command that made the plan submits them again.
    pub lost: Vec<usize>,
}

impl Standing {
    /// Whether something of it is queued or runs.
    pub fn is_live(&self) -> bool {
        !self.queued.is_empty() || !self.running.is_empty()
    }

    /// Whether all of it is over.
    pub fn is_over(&self) -> bool {
        !self.is_live() && self.waiting.is_empty() && self.lost.is_empty()
    }
}

/// How far each plan is, given the last attempts of all trials. A trial that several plans have counts in the last of them.
pub fn standings(plans: &[Plan], stored: &[Stored], jobs: &[Job]) -> Vec<Standing> {
    let records: BTreeMap<PathBuf, &Stored> = stored
        .iter()
        .map(|stored| (canonical(store::base(&stored.folder)), stored))
        .collect();
    let mut counted: BTreeSet<PathBuf> = BTreeSet::new();
    let mut standings: Vec<Standing> = plans
        .iter()
        .rev()
        .map(|plan| standing(plan, &records, jobs, &mut counted))
        .collect();
    standings.reverse();
    standings
}

fn standing(
    plan: &Plan,
    records: &BTreeMap<PathBuf, &Stored>,
    jobs: &[Job],
    counted: &mut BTreeSet<PathBuf>,
) -> Standing {
    let id = plan.id();
    let own = jobs.iter().filter(|job| job.plan == id);
    let queue: BTreeMap<usize, &Job> = own.map(|job| (job.entry, job)).collect();
    let submitted = plan.submitted();
    let is_submitted = |entry: usize| {
        let mut arrays = submitted.iter();
        arrays.any(|array| (array.first..array.first + array.count).contains(&entry))
    };
    let mut standing = Standing {
        plan: id,
        ..Standing::default()
    };
    for (entry, place) in plan.places().iter().enumerate() {
        let folder = canonical(plan.record(place));
        if !counted.insert(folder.clone()) {
            continue;
        }
        let record = records.get(&folder);
        let record = record.filter(|record| record.attempt >= place.attempt);
        let is_final = |record: &&&Stored| record.outcome().is_some_and(|end| end.is_final());
        match (record, queue.get(&entry)) {
            (Some(record), _) if record.live => {
                let node = queue.get(&entry).and_then(|job| job.node.clone());
                standing.running.push((entry, node));
            }
            (record, _) if record.filter(is_final).is_some() => standing.finished.push(entry),
            (_, Some(job)) if job.runs() => standing.running.push((entry, job.node.clone())),
            (_, Some(job)) => standing.queued.push((entry, job.reason.clone())),
            (_, None) if is_submitted(entry) => standing.lost.push(entry),
            (_, None) => standing.waiting.push(entry),
        }
    }
    standing
}

/// Where it really is: a results folder may be named in several ways.
fn canonical(folder: PathBuf) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_owned();
    let parent = folder
        .parent()
        .and_then(|parent| parent.canonicalize().ok());
    parent.map_or(folder, |parent| parent.join(name))
}
