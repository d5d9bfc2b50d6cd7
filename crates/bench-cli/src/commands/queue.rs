//! How far plans are, as `bench run --on slurm --wait`, `bench watch` and `bench status` show it.

use bench_harness::cluster::{Plan, Slurm, Standing, standings};
use bench_harness::store::{self, Stored};
use std::collections::BTreeMap;
use std::path::Path;

/// Plans beside some records, the queue, and how far each is.
pub(super) struct Board {
    standings: Vec<Standing>,
    /// Why the queue cannot be seen, where there is something that may be in it.
    unseen: Option<String>,
}

impl Board {
    /// Looks at records, plans and queue.
    pub(super) fn look(runs: &Path) -> Board {
        let stored = store::latest(store::scan(runs).0);
        Board::of(runs, &stored)
    }

    /// The same where the records are read already.
    pub(super) fn of(runs: &Path, stored: &[Stored]) -> Board {
        let plans = Plan::all(runs);
        // Without an array nothing is in a queue that could be asked.
        let submitted = plans.iter().any(|plan| !plan.submitted().is_empty());
        let (jobs, unseen) = match submitted.then(Slurm::queue) {
            None => (Vec::new(), None),
            Some(Ok(jobs)) => (jobs, None),
            Some(Err(error)) => (Vec::new(), Some(error.to_string())),
        };
        Board {
            standings: standings(&plans, stored, &jobs),
            unseen,
        }
    }

    /// Whether something is queued or runs, or may be where the queue cannot be seen.
    pub(super) fn is_live(&self) -> bool {
        self.standings.iter().any(Standing::is_live) || !self.is_seen() && self.lost() > 0
    }

    /// Whether the queue answered.
    pub(super) fn is_seen(&self) -> bool {
        self.unseen.is_none()
    }

    /// Trials that were submitted and are nowhere.
    pub(super) fn lost(&self) -> usize {
        self.standings.iter().map(|one| one.lost.len()).sum()
    }

    /// A line a plan that is not over, with what runs where; none where there is no such plan.
    pub(super) fn text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        let plans = self.standings.iter().filter(|one| !one.is_over());
        lines.extend(plans.map(|plan| line(plan, self.unseen.is_some())));
        if let (Some(why), false) = (&self.unseen, lines.is_empty()) {
            lines.push(format!("the queue cannot be seen from here: {why}"));
        }
        lines.join("\n")
    }
}

fn line(standing: &Standing, unseen: bool) -> String {
    let count = |many: usize, what: &str| (many > 0).then(|| format!("{many} {what}"));
    let nodes = standing.running.iter().filter_map(|(_, node)| node.clone());
    let mut by_node: BTreeMap<String, usize> = BTreeMap::new();
    for node in nodes {
        *by_node.entry(node).or_default() += 1;
    }
    let nodes: Vec<String> = by_node
        .iter()
        .map(|(node, many)| format!("{node}: {many}"))
        .collect();
    let running = count(standing.running.len(), "running").map(|text| match nodes.is_empty() {
        true => text,
        false => format!("{text} ({})", nodes.join(", ")),
    });
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in &standing.queued {
        *reasons.entry(reason).or_default() += 1;
    }
    let reasons: Vec<&str> = reasons
        .into_keys()
        .filter(|reason| !["None", "Priority", "Resources", ""].contains(reason))
        .collect();
    let queued = count(standing.queued.len(), "queued").map(|text| match reasons.is_empty() {
        true => text,
        false => format!("{text} ({})", reasons.join(", ")),
    });
    let lost = match unseen {
        true => count(standing.lost.len(), "queued, running or lost"),
        false => count(standing.lost.len(), "lost"),
    };
    let parts = [
        queued,
        running,
        count(standing.finished.len(), "finished"),
        count(standing.waiting.len(), "not submitted yet"),
        lost,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("plan {}: {}", standing.plan, parts.join(", "))
}
