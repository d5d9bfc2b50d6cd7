//! A submission that does what its hyperparameter `fault` says, for the worker's tests; without a fault it is SGD with averaged weights.

use bench_sdk::prelude::*;
use bench_sdk::toolkit::{Exchange, Projection, ema};
use bench_sdk::{Rules, TrainingAlgorithm};
use std::cell::RefCell;
use std::process::ExitCode;

fn main() -> ExitCode {
    bench_sdk::run_algorithm::<Misbehave>()
}

/// Gradient descent.
struct Sgd;

impl UpdateRule for Sgd {
    fn new(_group: &Group) -> Result<Sgd> {
        Ok(Sgd)
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        for (parameter, gradient) in update.parameters.iter().zip(update.gradients) {
            let mut x = parameter.tensor.shallow_clone();
            x -= gradient * update.learning_rate;
        }
        Ok(())
    }

    fn state(&mut self, _state: &mut State) -> Result<()> {
        Ok(())
    }
}

struct Misbehave {
    fault: String,
    rules: Rules<Sgd>,
    average: Vec<Tensor>,
    exchange: Exchange,
    hidden: u64,
}

impl TrainingAlgorithm for Misbehave {
    fn init(training: &mut Training) -> Result<Misbehave> {
        let fault = training.hyperparameters().text("fault")?.to_owned();
        if fault == "init-error" {
            bail!("no such thing\nas a second line");
        }
        if fault == "number" {
            let _ = training.hyperparameters().number("learning_rate")?;
        }
        let _ = training.hold_out(100)?;
        off_clock(&fault, training)?;
        Ok(Misbehave {
            average: training.replica(0)?.parameters,
            rules: Rules::new(training)?,
            exchange: Exchange::default(),
            fault,
            hidden: 0,
        })
    }

    fn step(&mut self, training: &mut Training) -> Result<()> {
        self.hidden += 1;
        if training.step() == 5 && training.budget().steps > 5 {
            self.misbehave(training)?;
        }
        if self.fault == "complete" && training.step() == 7 {
            training.finish();
        }
        let batch = training.next_batch()?;
        let gradients = training.gradients(&batch)?;
        self.rules.update(training, &gradients.values)?;
        training.log("loss", gradients.loss.shallow_clone());
        let weights: Vec<&Tensor> = training.parameters().iter().map(|p| &p.tensor).collect();
        ema(&mut self.average, &weights, 0.9)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        if self.fault == "weights-in-state" {
            touch_real_weights();
        }
        state.scope("rules", |state| self.rules.state(state))?;
        state.visit("average", &mut self.average)?;
        self.exchange.state(state)
    }

    fn prepare_for_eval(&mut self, training: &mut Training) -> Result<()> {
        self.exchange.put(training.parameters(), &self.average)
    }

    fn resume_training(&mut self, training: &mut Training) -> Result<()> {
        self.exchange.take_back(training.parameters())
    }
}

thread_local! {
    /// A weight of the trial's own model, which outlives the warm-up's copies.
    static REAL: RefCell<Option<Tensor>> = const { RefCell::new(None) };
}

fn touch_real_weights() {
    REAL.with_borrow_mut(|weight| {
        if let Some(weight) = weight {
            let _guard = tch::no_grad_guard();
            *weight += 1.0;
        }
    });
}

/// What is not to be done in `init`.
fn off_clock(fault: &str, training: &mut Training) -> Result<()> {
    let is_second = REAL.with_borrow(Option::is_some);
    if !is_second {
        let weight = training.parameters()[0].tensor.shallow_clone();
        REAL.set(Some(weight));
    }
    match fault {
        "train-in-init" => {
            let mut rules = Rules::<Sgd>::new(training)?;
            for _ in 0..3000 {
                let batch = training.next_batch()?;
                let gradients = training.gradients(&batch)?;
                rules.update(training, &gradients.values)?;
            }
        }
        "weights-in-init" => touch_real_weights(),
        "weights-in-warm-up" if is_second => touch_real_weights(),
        "judge-in-init" => {
            let _ = training.evaluation_loss(&Tensor::from_slice(&[0_i64]))?;
        }
        "quiet-in-init" => {
            let _ = training.next_batch();
        }
        _ => {}
    }
    Ok(())
}

impl Misbehave {
    fn misbehave(&self, training: &mut Training) -> Result<()> {
        match self.fault.as_str() {
            "panic" => panic!("at the disco"),
            "torch" => {
                let ones = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
                let _ = ones.matmul(&ones);
            }
            "torch-error" => {
                let ones = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
                let _ = ones.f_matmul(&ones).context("the product")?;
            }
            "hessian" => {
                let batch = training.next_batch()?;
                let row = Tensor::ones([1, 3], (Kind::Float, Device::Cpu));
                let rows: Vec<Tensor> = (0..training.parameters().len())
                    .map(|_| row.shallow_clone())
                    .collect();
                let _ = training.hessian_vector_product(&batch, &rows)?;
            }
            "decomposition" => {
                let row = Tensor::ones([3], (Kind::Float, Device::Cpu));
                let _ = row.svd(true, true);
            }
            "decomposition-error" => {
                let ones = Tensor::ones([3, 2], (Kind::Float, Device::Cpu));
                Projection::new(&ones, 1)?.fit(&ones.get(0))?;
            }
            "memory" => {
                let _ = Tensor::zeros([1_i64 << 50], (Kind::Float, Device::Cpu));
            }
            #[expect(clippy::print_stdout, reason = "the fault")]
            "print" => println!("{{\"v\":1,\"event\":\"ready\"}}"),
            _ => {}
        }
        Ok(())
    }
}
