//! The training loop that anybody would write: plain tch, libtorch's fused AdamW, no SDK and no referee. What
//! `fashion-mnist-mlp` under the referee is measured against.
//!
//! `bare_mlp [--data train.safetensors] [--threads N] [--steps N] [--warm-up N] [--batch N]` prints one JSON line. Without
//! data it trains on noise of the same shape.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use bench_core::run::DeviceKind;
use bench_torch::fused::{self, AdamW};
use bench_torch::gradient::{Graph, gradients};
use bench_torch::runtime::{self, Settings};
use bench_torch::snapshot::Snapshot;
use tch::{Device, Kind, Reduction, Tensor};

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/times.rs"]
mod times;

const WIDTHS: [i64; 4] = [784, 128, 128, 10];
const MEAN: f64 = 0.2860;
const DEVIATION: f64 = 0.3530;

fn main() -> Result<(), Box<dyn Error>> {
    runtime::keep_freed_memory();
    let threads = arguments::value("--threads", 1)?;
    let steps: usize = arguments::value("--steps", 2000)?;
    let warm_up: usize = arguments::value("--warm-up", 200)?;
    let batch: i64 = arguments::value("--batch", 128)?;
    let data: String = arguments::value("--data", String::new())?;
    runtime::start(Settings {
        threads,
        device: DeviceKind::Cpu,
        device_index: 0,
    })?;
    tch::manual_seed(1);
    let (images, labels) = load(&data)?;
    let mut training = Training::new(images, labels, batch, warm_up + steps);
    for _ in 0..warm_up {
        training.step()?;
    }
    let start = Instant::now();
    let mut milliseconds = Vec::with_capacity(steps);
    let mut before = start;
    for _ in 0..steps {
        training.step()?;
        let now = Instant::now();
        milliseconds.push((now - before).as_secs_f64() * 1e3);
        before = now;
    }
    let seconds = start.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "peer": "bare tch, fused AdamW",
        "threads": threads,
        "steps": steps,
        "steps-per-second": steps as f64 / seconds,
        "median-ms": times::quantile(&mut milliseconds, 0.5),
        "p10-ms": times::quantile(&mut milliseconds, 0.1),
        "loss": training.loss,
    });
    #[expect(clippy::print_stdout, reason = "what the program is for")]
    {
        println!("{report}");
    }
    Ok(())
}

/// Bytes of images, one row each, and labels as integers.
fn load(path: &str) -> Result<(Tensor, Tensor), Box<dyn Error>> {
    if path.is_empty() {
        let images = Tensor::randint(256, [55_000, WIDTHS[0]], (Kind::Uint8, Device::Cpu));
        let labels = Tensor::randint(WIDTHS[3], [55_000], (Kind::Int64, Device::Cpu));
        return Ok((images, labels));
    }
    let file = Snapshot::open(Path::new(path))?;
    let array = |name: &str| -> Result<Tensor, Box<dyn Error>> {
        Ok(file
            .tensor(name)?
            .ok_or_else(|| format!("{path} has no `{name}`"))?)
    };
    let images = array("images")?.view([-1, WIDTHS[0]]);
    Ok((images, array("labels")?.to_kind(Kind::Int64)))
}

struct Training {
    images: Tensor,
    labels: Tensor,
    batch: i64,
    parameters: Vec<Tensor>,
    moments: [Vec<Tensor>; 2],
    count: Tensor,
    order: Tensor,
    position: i64,
    step: usize,
    horizon: usize,
    loss: f64,
}

impl Training {
    fn new(images: Tensor, labels: Tensor, batch: i64, horizon: usize) -> Training {
        let mut parameters = Vec::new();
        for pair in WIDTHS.windows(2) {
            let bound = (1.0 / pair[0] as f64).sqrt();
            for shape in [&[pair[1], pair[0]][..], &[pair[1]]] {
                let weights = Tensor::empty(shape, (Kind::Float, Device::Cpu));
                parameters.push(weights.uniform(-bound, bound).set_requires_grad(true));
            }
        }
        let zeros = || {
            parameters
                .iter()
                .map(|p| p.detach().zeros_like())
                .collect::<Vec<_>>()
        };
        Training {
            moments: [zeros(), zeros()],
            parameters,
            order: Tensor::randperm(images.size()[0], (Kind::Int64, Device::Cpu)),
            images,
            labels,
            batch,
            count: Tensor::zeros([0_i64; 0], (Kind::Float, Device::Cpu)),
            position: 0,
            step: 0,
            horizon,
            loss: f64::NAN,
        }
    }

    fn step(&mut self) -> Result<(), Box<dyn Error>> {
        let (inputs, targets) = self.next_batch();
        let [w1, b1, w2, b2, w3, b3] = &self.parameters[..] else {
            return Err("three layers".into());
        };
        let hidden = inputs.linear(w1, Some(b1)).relu();
        let hidden = hidden.linear(w2, Some(b2)).relu();
        let logits = hidden.linear(w3, Some(b3));
        let loss = logits.cross_entropy_loss::<Tensor>(&targets, None, Reduction::Mean, -100, 0.0);
        let gradients = gradients(&loss, &self.parameters, Graph::Free)?;
        let gradients: Vec<Tensor> = gradients.into_iter().flatten().collect();
        let [m, v] = &self.moments;
        let with = AdamW {
            learning_rate: 1e-3 * self.schedule(),
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.01,
            epsilon: 1e-8,
        };
        fused::adamw(&self.parameters, &gradients, m, v, &mut self.count, with)?;
        self.step += 1;
        if self.step == self.horizon {
            self.loss = loss.double_value(&[]);
        }
        Ok(())
    }

    fn next_batch(&mut self) -> (Tensor, Tensor) {
        let examples = self.images.size()[0];
        if self.position + self.batch > examples {
            self.order = Tensor::randperm(examples, (Kind::Int64, Device::Cpu));
            self.position = 0;
        }
        let indices = self.order.narrow(0, self.position, self.batch);
        self.position += self.batch;
        let mut inputs = self.images.index_select(0, &indices).to_kind(Kind::Float);
        let _ = inputs.g_mul_scalar_(1.0 / (255.0 * DEVIATION));
        let _ = inputs.g_sub_scalar_(MEAN / DEVIATION);
        (inputs, self.labels.index_select(0, &indices))
    }

    /// Warm-up over 5 % of the steps, then a cosine to nothing.
    fn schedule(&self) -> f64 {
        let (step, warm_up, horizon) = (
            self.step as f64,
            self.horizon as f64 * 0.05,
            self.horizon as f64,
        );
        if step < warm_up {
            return step / warm_up;
        }
        0.5 * (1.0 + (std::f64::consts::PI * (step - warm_up) / (horizon - warm_up)).cos())
    }
}
