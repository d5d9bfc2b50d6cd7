//! Population based training (Jaderberg et al., arXiv:1711.09846, algorithm 1): members train side by side, the worse take over the
//! better's weights and hyperparameters (*exploit*, section 3.1) and change the latter (*explore*, section 3.2).
//!
//! One step of the trial is one step of one member, and members take turns: a budget of steps is the population's in total, so a trial
//! of it compares with as many steps of a single training. Fitness is the loss on examples held out of the training split; evaluations and
//! copies are on the clock like everything else. Nobody copies an equal. What is evaluated officially is the fittest at the last decision, or the next
//! best where its loss is no number any more: who diverges is replaced once selection comes to it, and the trial goes on.
//!
//! All members begin with the same weights and see the examples in orders of their own; hyperparameters are drawn from the prior. Any
//! [`UpdateRule`] can be what trains a member. Its state is copied with the weights.
//!
//! Memory: members times (parameters + the rule's state), beside the model's own parameters; those once more during an evaluation, and twice while it
//! is prepared; at a generation's end what losers take over, once more. Cost per step: that of a step of the rule, and each generation an evaluation of
//! the held-out examples by every member: the share `hold-out` of all, but no more than a member sees in a generation, so that an example trained on
//! costs one forward pass more at most; and one of a batch at an official evaluation. Not for budgets so short that a share of `1 / members` of the steps comes to nothing: of the quick suite's
//! targets it came near `fashion-mnist-mlp`'s alone, whose members train for 3,000 steps.
//!
//! Deviations: members are in step, and decisions fall once all of them have ended a generation, on what they were then, so that the result depends on
//! no member being faster than another. The paper's population is asynchronous, and a member's interval counts from when it last copied. The paper
//! multiplies a value or draws it anew; here, as in Ray, each is drawn anew with `resample-probability`, else multiplied. The binary tournament is not
//! here.
//!
//! Defaults: truncation, the factors 0.8 and 1.2, and the t-test's ten scores and 5 %, are the paper's. Its truncation is of 20 %; `fraction` and
//! `resample-probability` are Ray's, and of 4 members either share is one. 4 members, 20 generations and the 5 % held out were chosen for the small
//! quick workloads; each member trains for a quarter of the steps. The decay's range is that of `adamw`'s search; the rate's lies inside that, a factor
//! of three from either end. Betas and epsilon are PyTorch's, the batch is `adamw`'s.

mod evolution;
mod gene;
mod golden;
mod member;
mod selection;

pub use gene::{Draw, FACTORS, Gene};
pub use selection::{Exploit, t_test, truncation};

use bench_sdk::prelude::*;
use bench_sdk::toolkit::Exchange;
use bench_sdk::{Comparison, serde_json};
use evolution::Evolution;
use member::{Member, Shown, Taken};
use selection::ranks;

/// A population of members that `R` trains.
pub struct Pbt<R> {
    members: Vec<Member<R>>,
    evolution: Evolution,
    /// Steps of each member from one decision to the next.
    interval: u64,
    held_out: Tensor,
    /// Whose weights are evaluated: the fittest at the last decision.
    best: u64,
    exchange: Exchange,
}

impl<R: UpdateRule> TrainingAlgorithm for Pbt<R> {
    fn init(training: &mut Training) -> Result<Pbt<R>> {
        let hyper = training.hyperparameters().clone();
        let count = hyper.integer("members")?;
        ensure!(count > 0, "a population needs members");
        let generations = hyper.integer("generations")?;
        ensure!(
            generations > 0,
            "a population of no generation never selects"
        );
        ensure!(
            !training.has_schedule(),
            "a population finds its own schedule, and a member sees its share of the steps only: write `schedule: constant` into submission.yaml"
        );
        let interval = (training.step_hint() / (count * generations)).max(1);
        // No more than a member sees in a generation, or judging would cost more than training.
        let seen = interval * training.batch_size();
        let held_out = training.hold_out_share(hyper.number("hold-out")?, seen)?;
        let evolution = Evolution::of(&hyper)?;
        let genes = &evolution.genes;
        let prior = uniform(training, "prior", &[count as i64, genes.len() as i64])?;
        let members = (0..count).map(|number| {
            let draws = &prior[number as usize * genes.len()..];
            let values = genes.iter().zip(draws).map(|(gene, u)| gene.prior(*u));
            Member::new(training, number, genes, values.collect())
        });
        Ok(Pbt {
            members: members.collect::<Result<_>>()?,
            evolution,
            interval,
            held_out,
            best: 0,
            exchange: Exchange::default(),
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        let count = self.members.len() as u64;
        if training.step() == 0 {
            self.log_genes(training);
        }
        let turn = (training.step() % count) as usize;
        self.members[turn].step(training)?;
        match (training.step() + 1).is_multiple_of(count * self.interval) {
            true => self.end_generation(training),
            false => Ok(()),
        }
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        for (number, member) in self.members.iter_mut().enumerate() {
            state.scope(&format!("member-{number}"), |state| {
                member.state(state, &self.evolution.genes)
            })?;
        }
        state.visit("best", &mut self.best)?;
        self.exchange.state(state)
    }

    fn state_size(training: &Training) -> Result<Option<usize>> {
        let members = usize::try_from(training.hyperparameters().integer("members")?)?;
        let rule = bench_sdk::Rules::<R>::state_size(training)?;
        Ok(rule.map(|rule| members * (training.numbers() + rule)))
    }

    fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        let shown = self.shown(training)?;
        training.tell_loss(shown.training_loss.as_ref());
        self.exchange.show(training, &shown.weights)
    }

    fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        self.exchange.hide(training)
    }

    fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        golden::compare(reference)
    }
}

impl<R: UpdateRule> Pbt<R> {
    /// The fittest at the last decision, or the next that has not diverged since: a member's end is not the population's.
    fn shown(&mut self, training: &mut Training) -> Result<Shown> {
        let best = self.members[self.best as usize].shown(training, &self.held_out)?;
        if best.is_sound()? {
            return Ok(best);
        }
        let last = self.members.iter().map(|member| member.history.last());
        let scores: Vec<f64> = last.map(|last| *last.unwrap_or(&f64::NAN)).collect();
        for member in ranks(&scores) {
            let next = self.members[member].shown(training, &self.held_out)?;
            if next.is_sound()? {
                return Ok(next);
            }
        }
        Ok(best)
    }

    /// Measures everybody, then lets the worse copy the better as they were before anybody copied.
    fn end_generation(&mut self, training: &mut Training) -> Result<()> {
        for (number, member) in self.members.iter_mut().enumerate() {
            let fitness = member.measure(training, &self.held_out)?;
            training.log(&format!("member-{number}/fitness"), fitness);
        }
        let (count, width) = (self.members.len(), self.evolution.genes.len());
        let exploit = uniform(training, "exploit", &[count as i64])?;
        let explore = uniform(training, "explore", &[count as i64, width as i64, 3])?;
        let histories: Vec<&[f64]> = self.members.iter().map(|m| &m.history[..]).collect();
        let values: Vec<&[f64]> = self.members.iter().map(|m| &m.values[..]).collect();
        let decision = self
            .evolution
            .decide(&histories, &values, &exploit, &explore);
        self.best = decision.best as u64;

        let donors = &decision.donors;
        let losers = (0..count).filter(|&member| donors[member] != member);
        let taken = losers.map(|member| Ok((member, self.members[donors[member]].copy(training)?)));
        let taken: Vec<(usize, Taken)> = taken.collect::<Result<_>>()?;
        for (member, taken) in taken {
            let values = &decision.values[member];
            self.members[member].take(&taken, values, &self.evolution.genes)?;
        }
        for (member, donor) in donors.iter().enumerate() {
            training.log(&format!("member-{member}/parent"), *donor as f64);
        }
        self.log_genes(training);
        Ok(())
    }

    fn log_genes(&self, training: &mut Training) {
        for (number, member) in self.members.iter().enumerate() {
            for (gene, value) in self.evolution.genes.iter().zip(&member.values) {
                training.log(&format!("member-{number}/{}", gene.name), *value);
            }
        }
    }
}

/// Uniform numbers from 0 to 1, in the order of their places.
fn uniform(training: &mut Training, purpose: &str, shape: &[i64]) -> Result<Vec<f64>> {
    let drawn = training
        .stream(purpose)?
        .uniform(shape, 0.0, 1.0, Kind::Double)?;
    Ok(Vec::try_from(&drawn.f_reshape([-1])?)?)
}
