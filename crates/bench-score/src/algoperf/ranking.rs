//! A competition as one ranking: its own rules in every replicate and in everything that is left out.

use super::board::{Board, score};
use super::logs::Logs;
use super::targets::Targets;
use crate::ranking::{Flips, Ranking, bands, duels, flipped};
use crate::statistics::Certainty;

/// Shares of their value by which targets are made easier, to see what the order owes to them.
const EASIER: [f64; 2] = [0.01, 0.02];

impl Board {
    /// The ranking of this board, which was made of these logs and targets.
    pub fn ranking(&self, logs: &Logs, targets: &Targets, certainty: Certainty) -> Ranking {
        let names: Vec<String> = self.rows.iter().map(|row| row.submission.clone()).collect();
        let all: Vec<_> = self.rows.iter().map(|row| row.study_times()).collect();
        let standing = self.standing(targets, certainty);
        Ranking {
            workloads: self.base.clone(),
            scores: self.rows.iter().map(|row| row.score).collect(),
            taus: self.taus.clone(),
            profiles: self.rows.iter().map(|row| row.profile.clone()).collect(),
            bands: bands(&names, &all, certainty, |medians| {
                score(&self.workloads, medians.to_vec(), targets, &self.rules).profiles
            }),
            duels: duels(&self.study_times(), &standing, certainty.alpha),
            flips: self.flips(&names, logs, targets),
            submissions: names,
            standing,
        }
    }

    /// Scores again without each submission, without each base workload and its variants, and with easier targets.
    fn flips(&self, names: &[String], logs: &Logs, targets: &Targets) -> Vec<Flips> {
        let again = |logs: &Logs, targets: &Targets| -> Vec<(String, f64)> {
            let board = Board::of(logs, targets, self.rules);
            let rows = board.rows.into_iter();
            rows.map(|row| (row.submission, row.score)).collect()
        };
        let mut all = Vec::new();
        for name in names.iter().filter(|_| names.len() > 2) {
            let mut logs = logs.clone();
            logs.submissions.remove(name);
            logs.logs.retain(|log| log.submission != *name);
            all.push(flipped(
                format!("without {name}"),
                names,
                &again(&logs, targets),
            ));
        }
        for workload in self.base.iter().filter(|_| self.base.len() > 1) {
            let mut targets = targets.clone();
            let variants = targets.held_out.clone().into_iter();
            targets.held_out = variants
                .filter(|variant| targets.base_of(variant) != Some(workload))
                .collect();
            targets.base.retain(|base| base != workload);
            let change = format!("without {workload}");
            all.push(flipped(change, names, &again(logs, &targets)));
        }
        // Harder ones are not to be seen: most runs stop where they reach their target.
        for share in EASIER {
            let change = format!("targets {:.0} % easier", share * 100.0);
            all.push(flipped(
                change,
                names,
                &again(logs, &targets.relaxed(share)),
            ));
        }
        all
    }
}
