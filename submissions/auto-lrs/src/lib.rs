//! AutoLRS: the learning rate searched while training (Jin et al., arXiv:2105.10762, algorithm 1), on top of any [`UpdateRule`].
//!
//! A stage of training at one rate is preceded by a search for it: from a checkpoint, ten candidates are trained for a tenth of the stage's
//! steps each, every one's loss at the end of the stage is forecast from its course ([`Forecast`], section 4.2), and Bayesian optimisation proposes the
//! next ([`propose`], section 4.1). The best candidate trains the stage, from the checkpoint. Stages grow by doubling.
//!
//! Every step counts, of candidates too: half of a budget is search. What is evaluated officially is the model as it stands, a candidate's in a search,
//! but the checkpoint where the candidate has diverged. Once stages have their full length, and candidates 32 steps or more, they are judged by the
//! loss on examples held out of the training split, as the authors' program does, else by the training loss.
//!
//! Memory: parameters and the rule's state once more, for the checkpoint; the parameters once more while it is evaluated in a candidate's place. Cost
//! per step: that of the rule; a loss is read at each step of a search. Where held-out losses judge, each candidate evaluates 32 to 63 times, on no
//! more examples than it has trained on since, so that its search costs one forward pass more an example. An official evaluation in a search takes one
//! of a batch. What share of all steps so far was search is logged as `search-share`; of the time it is more. Not for workloads whose rate must be
//! warmed up, or budgets shorter than some searches: a candidate is given twenty steps at least, so the shortest stage is 200 steps long, and so is its
//! search.
//!
//! Deviations: first and longest stage are shares of the step hint, for the authors' are 1,000 and 8,000 steps, and two of the quick workloads have 600
//! in all. The last stage is cut so that a search and what it is for end with the budget. The authors' smoothing spline is written as the one parabola
//! that it is for losses of order 1. The length scale of the Gaussian process is the likeliest of six, where scikit-optimize searches all. The authors
//! judge by all of a validation set, whatever that costs.
//!
//! Defaults: ten candidates, and a kappa of 1,000, are the paper's; the authors' program has 1e6. Stages of 5 % to 20 % were chosen for the small quick
//! workloads, on which the 5 % held out come to less by the rule above, and so was the range of rates: that of `adamw`'s search with room, tenfold
//! below and threefold above. Betas and epsilon of AdamW are PyTorch's; its decay of 0.05 and the batch are `adamw`'s.

mod forecast;
mod golden;
mod search;

pub use forecast::{Forecast, smoothed};
pub use search::propose;

use bench_sdk::prelude::*;
use bench_sdk::toolkit::Exchange;
use bench_sdk::{Comparison, Contents, Replica, Rules, serde_json};

/// Losses that a forecast needs: with fewer, the parabola and the exponential fit anything.
const COURSE: u64 = 20;
/// Evaluations of a candidate where the held-out loss judges, at least: less than twice as many, for they are a whole number of steps apart.
const EVALUATIONS: u64 = 32;

/// AutoLRS with `R` training at the rate that it finds.
pub struct AutoLrs<R> {
    rules: Rules<R>,
    /// Where the stage began.
    checkpoint: Replica,
    kept: Rules<R>,
    space: Space,
    held_out: Tensor,
    /// Steps that the stage trains, after a search of about as many.
    length: u64,
    /// Steps done of the candidate, or of the stage's training.
    done: u64,
    /// Steps of all candidates so far.
    searched: u64,
    /// Losses of the present candidate.
    course: Vec<f64>,
    /// Places in the space tried in this stage, the present one last, and forecasts of those that are done.
    places: Vec<f64>,
    forecasts: Vec<f64>,
    /// Holds a candidate's weights while the checkpoint is evaluated.
    exchange: Exchange,
}

/// What stays the same.
struct Space {
    base: Hyperparameters,
    min: f64,
    max: f64,
    candidates: u64,
    kappa: f64,
    longest: u64,
}

impl Space {
    /// The rate at this place of the range, evenly in the logarithm.
    fn rate(&self, place: f64) -> f64 {
        self.min * (self.max / self.min).powf(place)
    }

    /// Steps of each candidate of a stage of this length.
    fn trial(&self, length: u64) -> u64 {
        (length / self.candidates).max(1)
    }

    /// Steps of a candidate from one evaluation of the held-out loss to the next.
    fn every(&self, length: u64) -> u64 {
        (self.trial(length) / EVALUATIONS).max(1)
    }
}

impl<R: UpdateRule> TrainingAlgorithm for AutoLrs<R> {
    fn init(training: &mut Training) -> Result<AutoLrs<R>> {
        let hyper = training.hyperparameters().clone();
        let candidates = hyper.integer("candidates")?.max(1);
        // A share of the step hint, and never so short that a candidate has too few losses.
        let stage = |share: f64| {
            let steps = (training.step_hint() as f64 * share).round() as u64;
            steps.max(COURSE * candidates)
        };
        let space = Space {
            min: hyper.number("learning-rate-min")?,
            max: hyper.number("learning-rate-max")?,
            candidates,
            kappa: hyper.number("kappa")?,
            longest: stage(hyper.number("longest-stage")?),
            base: hyper,
        };
        let first = stage(space.base.number("first-stage")?).min(space.longest);
        ensure!(
            0.0 < space.min && space.min < space.max,
            "rates from {} to {} are no range above 0",
            space.min,
            space.max
        );
        ensure!(
            !training.has_schedule(),
            "the search is the schedule: write `schedule: constant` into submission.yaml"
        );
        // No more than a candidate trains on between two evaluations, or judging would cost more than training.
        let seen = space.every(space.longest) * training.batch_size();
        let held_out = training.hold_out_share(space.base.number("hold-out")?, seen)?;
        let own = space.base.with("learning-rate", space.min);
        Ok(AutoLrs {
            rules: Rules::with(training, &own)?,
            checkpoint: training.replica(0)?,
            kept: Rules::with(training, &own)?,
            held_out,
            length: first,
            done: 0,
            searched: 0,
            course: Vec::new(),
            places: Vec::new(),
            forecasts: Vec::new(),
            exchange: Exchange::default(),
            space,
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        if self.places.is_empty() {
            self.checkpoint = training.replica(0)?;
            copy(&mut self.rules, &mut self.kept)?;
            let first = training
                .stream("candidate")?
                .uniform(&[1], 0.0, 1.0, Kind::Double)?;
            self.try_rate(training, first.f_double_value(&[0])?)?;
        }
        let batch = training.next_batch()?;
        let mut gradients = training.gradients(&batch)?;
        training.clip(&mut gradients)?;
        self.rules.update(training, &gradients.values)?;
        self.done += 1;
        match self.is_searching() {
            true => {
                self.searched += 1;
                self.judge(training, &gradients.loss)
            }
            false => {
                if self.done == self.length {
                    let done = training.step() + 1;
                    self.end_stage(training.budget().steps.saturating_sub(done));
                }
                Ok(())
            }
        }
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("length", &mut self.length)?;
        state.visit("done", &mut self.done)?;
        state.visit("searched", &mut self.searched)?;
        state.visit("course", &mut self.course)?;
        state.visit("places", &mut self.places)?;
        state.visit("forecasts", &mut self.forecasts)?;
        if state.is_loading() && !self.places.is_empty() {
            self.tune()?;
        }
        state.scope("rules", |state| self.rules.state(state))?;
        state.scope("checkpoint", |state| self.checkpoint.state(state))?;
        state.scope("kept", |state| self.kept.state(state))?;
        self.exchange.state(state)
    }

    fn state_size(training: &Training) -> Result<Option<usize>> {
        let rule = Rules::<R>::state_size(training)?;
        Ok(rule.map(|rule| training.numbers() + 2 * rule))
    }

    fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        self.rules.prepare_for_eval(training)?;
        if !self.tries_what_diverged(training)? {
            return Ok(());
        }
        self.rules.resume_training(training)?;
        training.tell_loss(None);
        self.exchange.show(training, &self.checkpoint)?;
        self.kept.prepare_for_eval(training)
    }

    fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        if !self.exchange.is_in_place() {
            return self.rules.resume_training(training);
        }
        self.kept.resume_training(training)?;
        self.exchange.hide(training)
    }

    fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        golden::compare(reference)
    }
}

impl<R: UpdateRule> AutoLrs<R> {
    /// With the weights that the rule wants evaluated.
    fn held_out_loss(&mut self, training: &mut Training) -> Result<f64> {
        self.rules.prepare_for_eval(training)?;
        let loss = training.evaluation_loss(&self.held_out)?;
        self.rules.resume_training(training)?;
        Ok(loss)
    }

    /// Whether the weights, ready to be evaluated, are a candidate's that has diverged: its end is not the trial's.
    fn tries_what_diverged(&self, training: &mut Training) -> Result<bool> {
        if self.places.is_empty() || !self.is_searching() {
            return Ok(false);
        }
        let told = training.told_loss().map(|loss| loss.f_double_value(&[]));
        if told.transpose()?.is_some_and(|loss| !loss.is_finite()) {
            return Ok(true);
        }
        Ok(!training.is_sound(&self.held_out)?)
    }

    fn is_searching(&self) -> bool {
        (self.forecasts.len() as u64) < self.space.candidates
    }

    /// Whether the held-out loss judges, and not the training loss.
    fn by_validation(&self) -> bool {
        self.length == self.space.longest && self.space.trial(self.length) >= EVALUATIONS
    }

    /// After a step of a candidate: notes its loss, and goes on to the next candidate or to training when it is done.
    fn judge(&mut self, training: &mut Training, loss: &Tensor) -> Result<()> {
        let (trial, by_validation) = (self.space.trial(self.length), self.by_validation());
        let every = match by_validation {
            true => self.space.every(self.length),
            false => 1,
        };
        if self.done.is_multiple_of(every) {
            let loss = match by_validation {
                true => self.held_out_loss(training)?,
                false => loss.f_double_value(&[])?,
            };
            self.course.push(loss);
        }
        if self.done < trial {
            return Ok(());
        }
        let forecast = self.forecast(every);
        self.forecasts.push(forecast);
        training.log("forecast", forecast);
        let share = self.searched as f64 / (training.step() + 1) as f64;
        training.log("search-share", share);
        let next = match self.is_searching() {
            true => propose(&self.places, &self.forecasts, self.space.kappa),
            false => self.best(),
        };
        training.restore(&self.checkpoint)?;
        training.tell_loss(None);
        copy(&mut self.kept, &mut self.rules)?;
        self.try_rate(training, next)
    }

    /// The loss at the end of the stage, from a course with a loss every so many steps; infinity where it diverged.
    fn forecast(&self, every: u64) -> f64 {
        if self.course.iter().any(|loss| !loss.is_finite()) {
            return f64::INFINITY;
        }
        let by_validation = self.by_validation();
        // A training loss is that before its step, the first at step 0; a held-out loss that after `every` steps.
        let end = self.length as f64 / every as f64;
        let end = if by_validation { end - 1.0 } else { end };
        Forecast::fit(&self.course, !by_validation).at(end)
    }

    /// Goes on at the rate of this place.
    fn try_rate(&mut self, training: &mut Training, place: f64) -> Result<()> {
        self.places.push(place);
        self.course.clear();
        self.done = 0;
        self.tune()?;
        training.log("learning-rate", self.space.rate(place));
        Ok(())
    }

    fn tune(&mut self) -> Result<()> {
        let place = self.places.last().copied().unwrap_or(0.0);
        let rate = self.space.rate(place);
        self.rules
            .retune(&self.space.base.with("learning-rate", rate))
    }

    /// The place with the lowest forecast; that of the lowest rate where all candidates diverged.
    fn best(&self) -> f64 {
        let tried = self.places.iter().zip(&self.forecasts);
        let best = tried
            .filter(|(_, loss)| loss.is_finite())
            .min_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0.0, |(place, _)| *place)
    }

    /// With so many steps left of the budget. The last stage is as long as lets its search and its training end with them; where not even the
    /// shortest would, training goes on at the rate that it has.
    fn end_stage(&mut self, left: u64) {
        self.done = 0;
        if left < 2 * COURSE * self.space.candidates {
            self.length = left.max(1);
            return;
        }
        self.length = (2 * self.length).min(self.space.longest).min(left / 2);
        self.places.clear();
        self.forecasts.clear();
    }
}

/// Copies what rules have gathered.
fn copy<R: UpdateRule>(from: &mut Rules<R>, to: &mut Rules<R>) -> Result<()> {
    let gathered = Contents::save(&mut |state| from.state(state))?;
    gathered.load(&mut |state| to.state(state))
}
