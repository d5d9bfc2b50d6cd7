//! One of a population: weights, what trains them, and how it has done.

use crate::gene::Gene;
use bench_sdk::prelude::*;
use bench_sdk::{Contents, Replica, Rules};

/// One of a population.
pub(crate) struct Member<R> {
    replica: Replica,
    rules: Rules<R>,
    /// The trial's hyperparameters, under its own.
    base: Hyperparameters,
    /// Its value of each gene.
    pub(crate) values: Vec<f64>,
    /// Its fitness at the end of every generation; that of whom it copied before it did.
    pub(crate) history: Vec<f64>,
    /// Of its last step, where that was its own. Nothing depends on it.
    loss: Option<Tensor>,
}

/// A member's weights as they are to be evaluated.
pub(crate) struct Shown {
    pub(crate) weights: Replica,
    /// Whether their loss on the held-out examples is a number.
    sound: bool,
    pub(crate) training_loss: Option<Tensor>,
}

impl Shown {
    /// Whether it has not diverged.
    pub(crate) fn is_sound(&self) -> Result<bool> {
        let last = self.training_loss.as_ref();
        let last = last.map(|loss| loss.f_double_value(&[])).transpose()?;
        Ok(self.sound && last.is_none_or(f64::is_finite))
    }
}

/// What a loser takes over.
pub(crate) struct Taken {
    weights: Replica,
    rules: Contents,
    history: Vec<f64>,
}

impl<R: UpdateRule> Member<R> {
    /// A member at step 0, with the model's weights.
    pub(crate) fn new(
        training: &mut Training,
        number: u64,
        genes: &[Gene],
        values: Vec<f64>,
    ) -> Result<Member<R>> {
        let replica = training.replica(number)?;
        let base = training.hyperparameters().clone();
        let own = with_values(&base, genes, &values);
        let make = |training: &mut Training| Rules::with(training, &own);
        let (rules, read) = own.reads_of(|| training.within(&replica, make));
        let rules = rules?;
        for Gene { name, .. } in genes {
            let names: Vec<&str> = read.iter().map(String::as_str).collect();
            ensure!(
                read.contains(name),
                "`evolve` names `{name}`, which the rule does not read; it reads {}",
                names.join(", ")
            );
        }
        Ok(Member {
            replica,
            rules,
            base,
            values,
            history: Vec::new(),
            loss: None,
        })
    }

    /// One step on a batch of its own.
    pub(crate) fn step(&mut self, training: &mut Training) -> Result<()> {
        let rules = &mut self.rules;
        let loss = training.within(&self.replica, |training| {
            let batch = training.next_batch()?;
            let mut gradients = training.gradients(&batch)?;
            training.clip(&mut gradients)?;
            rules.update(training, &gradients.values)?;
            Ok(gradients.loss)
        })?;
        self.loss = Some(loss);
        self.replica.steps += 1;
        Ok(())
    }

    /// Adds its fitness on some examples to its history: the loss with the sign turned.
    pub(crate) fn measure(&mut self, training: &mut Training, examples: &Tensor) -> Result<f64> {
        let fitness =
            -self.as_evaluated(training, |training| training.evaluation_loss(examples))?;
        self.history.push(fitness);
        Ok(fitness)
    }

    /// A copy of its weights as they are to be evaluated, and whether it has diverged by some examples.
    pub(crate) fn shown(&mut self, training: &mut Training, examples: &Tensor) -> Result<Shown> {
        let (number, last) = (self.replica.member, self.loss.as_ref());
        let training_loss = last.map(Tensor::shallow_clone);
        self.as_evaluated(training, |training| {
            Ok(Shown {
                weights: training.replica(number)?,
                sound: training.is_sound(examples)?,
                training_loss,
            })
        })
    }

    fn as_evaluated<T>(
        &mut self,
        training: &mut Training,
        work: impl FnOnce(&mut Training) -> Result<T>,
    ) -> Result<T> {
        let rules = &mut self.rules;
        training.within(&self.replica, |training| {
            rules.prepare_for_eval(training)?;
            let result = work(training)?;
            rules.resume_training(training)?;
            Ok(result)
        })
    }

    /// A copy of what a loser takes over.
    pub(crate) fn copy(&mut self, training: &mut Training) -> Result<Taken> {
        let (number, rules) = (self.replica.member, &mut self.rules);
        Ok(Taken {
            weights: training.within(&self.replica, |training| training.replica(number))?,
            rules: Contents::save(&mut |state| rules.state(state))?.deep_copy()?,
            history: self.history.clone(),
        })
    }

    /// Goes on as another, with that one's weights, the state of its rules, and these values.
    pub(crate) fn take(&mut self, taken: &Taken, values: &[f64], genes: &[Gene]) -> Result<()> {
        self.replica.copy_from(&taken.weights)?;
        (self.values, self.loss) = (values.to_vec(), None);
        self.history.clone_from(&taken.history);
        self.rules
            .retune(&with_values(&self.base, genes, &self.values))?;
        let rules = &mut self.rules;
        taken.rules.load(&mut |state| rules.state(state))
    }

    pub(crate) fn state(&mut self, state: &mut State, genes: &[Gene]) -> Result<()> {
        self.replica.state(state)?;
        state.visit("history", &mut self.history)?;
        state.visit("values", &mut self.values)?;
        if state.is_loading() {
            self.rules
                .retune(&with_values(&self.base, genes, &self.values))?;
        }
        state.scope("rules", |state| self.rules.state(state))
    }
}

fn with_values(base: &Hyperparameters, genes: &[Gene], values: &[f64]) -> Hyperparameters {
    let with =
        |hyper: Hyperparameters, (gene, value): (&Gene, &f64)| hyper.with(&gene.name, *value);
    genes.iter().zip(values).fold(base.clone(), with)
}
