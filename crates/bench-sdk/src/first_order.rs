//! From an update rule to a training algorithm.

use crate::algorithm::{TrainingAlgorithm, UpdateRule};
use crate::check::Comparison;
use crate::group::{Group, Update};
use crate::hyperparameters::{Hyperparameters, group_of};
use crate::state::{Contents, State};
use crate::toolkit::{self, Exchange};
use crate::training::{Clipping, Gradients, Training};
use anyhow::{Context, Result};
use bench_core::spec::submission::{self, Norm};
use std::time::Instant;
use tch::{Kind, Tensor};

/// A rule on each group of parameters that `submission.yaml` makes, with the learning rate that its schedule gives.
pub struct Rules<R> {
    groups: Vec<RuleGroup<R>>,
    updates: u64,
    /// The model's running statistics, while those of the weights that are evaluated stand in their place.
    statistics: Vec<Tensor>,
}

struct RuleGroup<R> {
    group: Group,
    /// What `submission.yaml` sets for it, where it names it.
    spec: Option<submission::Group>,
    members: Vec<usize>,
    learning_rate: f64,
    rule: R,
    /// The weights that are trained, while others are evaluated.
    trained: Exchange,
}

impl<R: UpdateRule> Rules<R> {
    /// Rules with the trial's hyperparameters.
    ///
    /// # Errors
    /// Those of [`UpdateRule::new`], and when there is no `learning-rate`.
    pub fn new(training: &Training) -> Result<Rules<R>> {
        Rules::with(training, training.hyperparameters())
    }

    /// Rules with hyperparameters of the caller's choice, on the parameters that `training` shows now. [`Rules::retune`] changes them on
    /// the way.
    ///
    /// # Errors
    /// As [`Rules::new`].
    pub fn with(training: &Training, hyperparameters: &Hyperparameters) -> Result<Rules<R>> {
        let mut groups = Vec::new();
        for (group, spec, members) in parts(training, hyperparameters) {
            let learning_rate = group.hyperparameters.number("learning-rate");
            groups.push(RuleGroup {
                // Not the author's own line, so what to do stands here.
                learning_rate: learning_rate.ok().context(
                    "an update rule needs a number `learning-rate` in the search space of submission.yaml: its schedule multiplies that (1.0 where the rule has none)",
                )?,
                rule: R::new(&group)?,
                trained: Exchange::default(),
                spec: spec.cloned(),
                members,
                group,
            });
        }
        Ok(Rules {
            groups,
            updates: 0,
            statistics: Vec::new(),
        })
    }

    /// The sum of what [`UpdateRule::state_size`] says of all groups; none where it says nothing of one.
    ///
    /// # Errors
    /// Its own.
    pub fn state_size(training: &Training) -> Result<Option<usize>> {
        let parts = parts(training, training.hyperparameters()).into_iter();
        parts.map(|(group, ..)| R::state_size(&group)).sum()
    }

    /// One step of every rule.
    ///
    /// # Errors
    /// Those of [`UpdateRule::update`].
    pub fn update(&mut self, training: &mut Training, gradients: &[Tensor]) -> Result<()> {
        let began = Instant::now();
        self.updates += 1;
        self.each(training, gradients, |rule, update| rule.update(update))?;
        if let Some(last) = self.groups.last().filter(|_| training.is_closing()) {
            training.log("learning-rate", last.learning_rate * training.schedule());
        }
        training.clock().update += began.elapsed();
        Ok(())
    }

    /// Goes on with other hyperparameters; what the rules have gathered in their state stays.
    ///
    /// # Errors
    /// Those of [`UpdateRule::new`], and when something of the new rule's state was not in the old one's. Tensors come in the shapes that they had, so
    /// hyperparameters that shapes depend on, such as a rank, have to stay as they are.
    pub fn retune(&mut self, hyperparameters: &Hyperparameters) -> Result<()> {
        for part in &mut self.groups {
            let rule = &mut part.rule;
            let gathered = Contents::save(&mut |state| rule.state(state))?;
            part.group.hyperparameters = of_group(hyperparameters, part.spec.as_ref());
            part.learning_rate = part.group.hyperparameters.number("learning-rate")?;
            let mut rule = R::new(&part.group)?;
            gathered.load(&mut |state| rule.state(state))?;
            part.rule = rule;
        }
        Ok(())
    }

    /// Something else with every rule and its share of some gradients: a curvature estimate that is refreshed now and then.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn each(
        &mut self,
        training: &Training,
        gradients: &[Tensor],
        mut work: impl FnMut(&mut R, &Update) -> Result<()>,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let (t, form, factor) = (self.updates, training.form(), training.schedule());
        let given = &training.settings().given;
        for RuleGroup {
            group,
            members,
            learning_rate,
            rule,
            ..
        } in &mut self.groups
        {
            let gradients: Vec<Tensor> = members
                .iter()
                .map(|&place| gradients[place].shallow_clone())
                .collect();
            let update = Update {
                parameters: &group.parameters,
                gradients: &gradients,
                learning_rate: *learning_rate * factor,
                schedule: factor,
                t,
                form,
                given,
            };
            work(rule, &update).with_context(|| format!("in update {t}"))?;
        }
        Ok(())
    }

    /// The share of all coordinates that the rules count: those that a step did not clip, say. `count` gives a number for each parameter of
    /// its rule.
    ///
    /// # Errors
    /// Those of `count`.
    pub fn share(&self, count: impl Fn(&R) -> Result<Vec<Tensor>>) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (mut counts, mut all) = (Vec::new(), 0);
        for part in &self.groups {
            counts.extend(count(&part.rule)?);
            let sizes = part.group.parameters.iter().map(|p| p.tensor.numel());
            all += sizes.sum::<usize>();
        }
        Ok(Tensor::f_stack(&counts, 0)?.f_sum(Kind::Double)? / all.max(1) as f64)
    }

    /// Shows the weights that every rule wants [evaluated](UpdateRule::evaluated), and gathers running statistics where
    /// [`UpdateRule::RECALIBRATION`] wants it.
    ///
    /// # Errors
    /// Theirs, and what libtorch says.
    pub fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for part in &mut self.groups {
            let weights = part.rule.evaluated(&part.group).context("in evaluated")?;
            if let Some(weights) = weights {
                let put = part.trained.put(&part.group.parameters, &weights);
                put.context("what `evaluated` gives does not fit")?;
            }
        }
        if R::RECALIBRATION > 0 {
            self.statistics = training.recalibrate(R::RECALIBRATION)?;
        }
        Ok(())
    }

    /// Undoes [`Rules::prepare_for_eval`], bit for bit.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        let _guard = tch::no_grad_guard();
        training.put_statistics_back(std::mem::take(&mut self.statistics))?;
        self.groups
            .iter_mut()
            .try_for_each(|part| part.trained.take_back(&part.group.parameters))
    }

    /// Visits the state of every rule.
    ///
    /// # Errors
    /// Theirs.
    pub fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("updates", &mut self.updates)?;
        state.visit("statistics", &mut self.statistics)?;
        for (number, part) in self.groups.iter_mut().enumerate() {
            state.scope(&format!("group-{number}"), |state| {
                state.scope("trained", |state| part.trained.state(state))?;
                part.rule.state(state)
            })?;
        }
        Ok(())
    }
}

/// The model's parameters by the groups of `submission.yaml`: what each sets, and its members' places. Those that no group names make one
/// more, the last.
fn parts<'a>(
    training: &'a Training,
    hyperparameters: &Hyperparameters,
) -> Vec<(Group, Option<&'a submission::Group>, Vec<usize>)> {
    let parameters = training.parameters();
    let specs = &training.settings().groups;
    let of = |place: usize| group_of(specs, parameters[place].role).unwrap_or(specs.len());
    let mut parts = Vec::new();
    for number in 0..=specs.len() {
        let all = 0..parameters.len();
        let members: Vec<usize> = all.filter(|&place| of(place) == number).collect();
        if members.is_empty() {
            continue;
        }
        let spec = specs.get(number);
        let group = Group::new(
            members.iter().map(|&place| &parameters[place]),
            of_group(hyperparameters, spec),
        );
        parts.push((group, spec, members));
    }
    parts
}

fn of_group(
    hyperparameters: &Hyperparameters,
    spec: Option<&submission::Group>,
) -> Hyperparameters {
    match spec {
        Some(spec) => hyperparameters.of_group(spec),
        None => hyperparameters.clone(),
    }
}

/// The algorithm of most update rules: a batch, its gradient, clipping, the rule.
pub struct FirstOrder<R> {
    rules: Rules<R>,
}

impl<R: UpdateRule> TrainingAlgorithm for FirstOrder<R> {
    fn init(training: &mut Training) -> Result<Self> {
        Ok(FirstOrder {
            rules: Rules::new(training)?,
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        let batch = training.next_batch()?;
        let mut gradients = training.gradients(&batch)?;
        training.clip(&mut gradients)?;
        self.rules.update(training, &gradients.values)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.rules.state(state)
    }

    fn state_size(training: &Training) -> Result<Option<usize>> {
        Rules::<R>::state_size(training)
    }

    fn compare(reference: &serde_json::Value) -> Result<Vec<Comparison>> {
        R::compare(reference)
    }

    fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        self.rules.prepare_for_eval(training)
    }

    fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        self.rules.resume_training(training)
    }
}

impl Training {
    /// The parameters by the groups of `submission.yaml`, each with its hyperparameters. Those that no group names make one more, the last.
    pub fn groups(&self) -> Vec<Group> {
        let parts = parts(self, self.hyperparameters()).into_iter();
        parts.map(|(group, ..)| group).collect()
    }

    /// Clips gradients as `submission.yaml` says, and logs the norm that they had: in every step where it wants that, else before each evaluation, for
    /// curves of the training.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn clip(&mut self, gradients: &mut Gradients) -> Result<()> {
        let closing = self.is_closing().then_some(Norm::L2);
        if let Some(norm) = self.settings().gradient_norm.or(closing) {
            let norm = match norm {
                Norm::L1 => toolkit::global_l1_norm(&gradients.values)?,
                Norm::L2 => toolkit::global_norm(&gradients.values)?,
            };
            self.log("gradient-norm", norm);
        }
        self.clip_others(&mut gradients.values)
    }

    /// Clips gradients of another loss than the training's, an estimate of curvature's, in the same way. Their norm is not logged.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn clip_others(&self, gradients: &mut [Tensor]) -> Result<()> {
        if let Clipping::GlobalNorm(limit) = self.settings().clipping {
            let _ = toolkit::clip_by_global_norm(gradients, limit)?;
        }
        Ok(())
    }
}
