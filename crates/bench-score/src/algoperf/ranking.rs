//! A competition as one ranking: its own rules in every replicate and in everything that is left out.

use super::board::{Board, Row, score};
use super::frozen::FrozenTimes;
use super::logs::Logs;
use super::targets::Targets;
use crate::ranking::{Flips, Ranking, bands, duels, flipped, moved, sight};
use crate::result::TARGETS;
use crate::statistics::Certainty;
use bench_core::spec::submission::Tuning;

impl Board {
    /// The ranking of this board, which was made of these logs and targets.
    pub fn ranking(
        &self,
        logs: &Logs,
        targets: &Targets,
        certainty: Certainty,
        reference: Option<&FrozenTimes>,
    ) -> Ranking {
        let names: Vec<String> = self.rows.iter().map(|row| row.submission.clone()).collect();
        let all: Vec<_> = self.rows.iter().map(|row| row.study_times()).collect();
        let standing = self.standing(targets, certainty);
        Ranking {
            workloads: self.base.clone(),
            scores: self.rows.iter().map(|row| row.score).collect(),
            // A competition's rules count what is missing as missed.
            observed: vec![self.base.len(); self.rows.len()],
            taus: self.taus.clone(),
            profiles: self.rows.iter().map(|row| row.profile.clone()).collect(),
            bands: bands(&names, &all, certainty, |medians| {
                score(&self.workloads, medians.to_vec(), targets, &self.rules).profiles
            }),
            duels: duels(&self.study_times(), &standing, certainty.alpha),
            flips: self.flips(&names, logs, targets),
            sight: sight(
                &self.base,
                &self.study_times(),
                self.tuning(),
                certainty.alpha,
            ),
            frozen: reference.map(|reference| self.frozen(reference)),
            submissions: names,
            standing,
        }
    }

    fn tuning(&self) -> Tuning {
        match self.rules.trials {
            1 => Tuning::SelfTuning,
            _ => Tuning::ExternalTuning,
        }
    }

    /// Studies that reached their target.
    fn reached(&self) -> usize {
        self.picks().0
    }

    /// Scores again without each submission, without each base workload and its variants, and with other targets.
    fn flips(&self, names: &[String], logs: &Logs, targets: &Targets) -> Vec<Flips> {
        let mut all = Vec::new();
        for name in names.iter().filter(|_| names.len() > 2) {
            let rest = self.rows.iter().filter(|row| row.submission != *name);
            let after = self.again(&rest.collect::<Vec<_>>(), targets);
            all.push(flipped(format!("without {name}"), names, &after));
        }
        for workload in self.base.iter().filter(|_| self.base.len() > 1) {
            let mut targets = targets.clone();
            let variants = targets.held_out.clone().into_iter();
            targets.held_out = variants
                .filter(|variant| targets.base_of(variant) != Some(workload))
                .collect();
            targets.base.retain(|base| base != workload);
            let after = self.again(&self.rows.iter().collect::<Vec<_>>(), &targets);
            all.push(flipped(format!("without {workload}"), names, &after));
        }
        for share in TARGETS {
            let board = Board::of(logs, &targets.relaxed(share), self.rules);
            // Runs stop where they reach their target: whether they would have reached a harder one is not in their logs.
            let unseen = self.reached().saturating_sub(board.reached());
            let scores = board
                .rows
                .into_iter()
                .map(|row| (row.submission, row.score));
            all.push(match unseen {
                0 => flipped(moved(share), names, &scores.collect::<Vec<_>>()),
                unseen => Flips::unseen(share, unseen, self.reached()),
            });
        }
        all
    }

    /// Scores of these rows on the workloads that the targets still name. A median is a submission's own: nothing else is computed anew.
    fn again(&self, rows: &[&Row], targets: &Targets) -> Vec<(String, f64)> {
        let scored = targets.scored();
        let kept: Vec<usize> = (0..self.workloads.len())
            .filter(|&column| scored.contains(&self.workloads[column].as_str()))
            .collect();
        let workloads = kept.iter().map(|&column| self.workloads[column].clone());
        let workloads: Vec<String> = workloads.collect();
        let medians = |row: &&Row| kept.iter().map(|&column| row.cells[column].time).collect();
        let medians = rows.iter().map(medians).collect();
        let scores = score(&workloads, medians, targets, &self.rules).scores;
        let names = rows.iter().map(|row| row.submission.clone());
        names.zip(scores).collect()
    }
}
