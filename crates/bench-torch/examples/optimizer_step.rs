//! Optimizer steps alone, interleaved in one process: one-pass updates against libtorch's fused AdamW.
//!
//! `optimizer_step [--threads N] [--shapes mlp|resnet|large] [--rounds R]` prints one JSON line: median and 10th
//! percentile in milliseconds, and bytes moved a second, of each kernel; `triad` is the machine's own limit.

use std::error::Error;
use std::time::Instant;

use bench_core::run::DeviceKind;
use bench_torch::fused::{self, AdamW};
use bench_torch::one_pass::{self, Elementwise, Float};
use bench_torch::runtime::{self, Settings};
use tch::{Device, Kind, Tensor};

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/times.rs"]
mod times;

fn main() -> Result<(), Box<dyn Error>> {
    runtime::keep_freed_memory();
    let threads: u32 = arguments::value("--threads", 1)?;
    let rounds: usize = arguments::value("--rounds", 30)?;
    let shapes: String = arguments::value("--shapes", "large".to_owned())?;
    runtime::start(Settings {
        threads,
        device: DeviceKind::Cpu,
        device_index: 0,
    })?;
    let mut tensors = Tensors::new(&parameter_shapes(&shapes)?);
    let elements: i64 = tensors.parameters.iter().map(|p| p.numel() as i64).sum();
    let mut kernels: Vec<(&str, f64, Kernel)> = vec![
        ("triad", 12.0, Box::new(|t| t.one_pass_triad())),
        ("fused-adamw", 28.0, Box::new(|t| t.fused_adamw())),
        ("one-pass-adamw", 28.0, Box::new(|t| t.one_pass_adamw())),
        ("one-pass-lion", 20.0, Box::new(|t| t.one_pass_lion())),
        (
            "one-pass-three-states",
            36.0,
            Box::new(|t| t.one_pass_three()),
        ),
        ("expressions-lion", 20.0, Box::new(|t| t.expressions_lion())),
    ];
    let mut seconds = vec![Vec::with_capacity(rounds); kernels.len()];
    for round in 0..rounds + 3 {
        for (kernel, times) in kernels.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            (kernel.2)(&mut tensors)?;
            if round >= 3 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let rows: Vec<serde_json::Value> = kernels
        .iter()
        .zip(&mut seconds)
        .map(|((name, bytes, _), times)| {
            let (median, low) = (times::quantile(times, 0.5), times::quantile(times, 0.1));
            serde_json::json!({
                "name": name,
                "median-ms": median * 1e3,
                "p10-ms": low * 1e3,
                "gigabytes-per-second": bytes * elements as f64 / median / 1e9,
            })
        })
        .collect();
    let report = serde_json::json!({
        "threads": threads, "shapes": shapes, "parameters": elements, "tensors": tensors.parameters.len(), "kernels": rows,
    });
    #[expect(clippy::print_stdout, reason = "what the program is for")]
    {
        println!("{report}");
    }
    Ok(())
}

type Kernel = Box<dyn FnMut(&mut Tensors) -> Result<(), Box<dyn Error>>>;

/// Shapes of a model's parameters.
fn parameter_shapes(name: &str) -> Result<Vec<Vec<i64>>, String> {
    let layer = |width: i64, fan_in: i64| [vec![width, fan_in], vec![width]];
    match name {
        "mlp" => Ok([(128, 784), (128, 128), (10, 128)]
            .into_iter()
            .flat_map(|(w, f)| layer(w, f))
            .collect()),
        "resnet" => Ok(resnet()),
        "large" => Ok((0..30).flat_map(|_| layer(577, 577)).collect()),
        other => Err(format!(
            "unknown shapes `{other}`; known: mlp, resnet, large"
        )),
    }
}

/// ResNet-14 for 28x28 images: three stages of two blocks, of 16, 32 and 64 channels.
fn resnet() -> Vec<Vec<i64>> {
    let mut shapes = vec![vec![16, 1, 3, 3], vec![16], vec![16]];
    let mut channels = 16;
    for width in [16, 32, 64] {
        for _ in 0..2 {
            shapes.extend([vec![width, channels, 3, 3], vec![width], vec![width]]);
            shapes.extend([vec![width, width, 3, 3], vec![width], vec![width]]);
            channels = width;
        }
    }
    shapes.extend([vec![10, 64], vec![10]]);
    shapes
}

struct Tensors {
    parameters: Vec<Tensor>,
    gradients: Vec<Tensor>,
    state: [Vec<Tensor>; 3],
    step: Tensor,
}

impl Tensors {
    fn new(shapes: &[Vec<i64>]) -> Tensors {
        let all = |scale: f64| -> Vec<Tensor> {
            shapes
                .iter()
                .map(|shape| Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale)
                .collect()
        };
        Tensors {
            parameters: all(0.1),
            gradients: all(0.01),
            state: [all(0.0), all(0.0), all(0.0)],
            step: Tensor::zeros([0_i64; 0], (Kind::Float, Device::Cpu)),
        }
    }

    fn fused_adamw(&mut self) -> Result<(), Box<dyn Error>> {
        let [m, v, _] = &self.state;
        let with = AdamW {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.01,
            epsilon: 1e-8,
        };
        Ok(fused::adamw(
            &self.parameters,
            &self.gradients,
            m,
            v,
            &mut self.step,
            with,
        )?)
    }

    fn one_pass_adamw(&mut self) -> Result<(), Box<dyn Error>> {
        let [m, v, _] = &self.state;
        Ok(one_pass::update(
            Adam,
            &self.parameters,
            &self.gradients,
            [m, v],
        )?)
    }

    fn one_pass_lion(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(one_pass::update(
            Lion,
            &self.parameters,
            &self.gradients,
            [&self.state[0]],
        )?)
    }

    fn one_pass_three(&mut self) -> Result<(), Box<dyn Error>> {
        let [a, b, c] = &self.state;
        Ok(one_pass::update(
            Three,
            &self.parameters,
            &self.gradients,
            [a, b, c],
        )?)
    }

    fn one_pass_triad(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(one_pass::update::<0, _, _, _, Tensor>(
            Triad,
            &self.parameters,
            &self.gradients,
            [],
        )?)
    }

    fn expressions_lion(&mut self) -> Result<(), Box<dyn Error>> {
        let _no_graph = tch::no_grad_guard();
        for ((p, g), m) in self
            .parameters
            .iter_mut()
            .zip(&self.gradients)
            .zip(&mut self.state[0])
        {
            let _ = p.g_mul_scalar_(1.0 - 1e-4);
            let direction = (&*m * 0.9 + g * 0.1).sign();
            *p -= direction * 1e-3;
            m.copy_(&(&*m * 0.99 + g * 0.01));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Triad;

impl Elementwise<0> for Triad {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, _: [F; 0]) -> (F, [F; 0]) {
        (p - F::of(1e-3) * g, [])
    }
}

#[derive(Clone, Copy)]
struct Lion;

impl Elementwise<1> for Lion {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
        let [rate, keep, b1, c1, b2, c2] = F::all([1e-3, 1.0 - 1e-4, 0.9, 0.1, 0.99, 0.01]);
        let direction = (b1 * m + c1 * g).sign();
        (keep * p - rate * direction, [b2 * m + c2 * g])
    }
}

#[derive(Clone, Copy)]
struct Adam;

impl Elementwise<2> for Adam {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
        let [rate, keep, b1, c1, b2, c2, eps] =
            F::all([1e-3, 1.0 - 1e-5, 0.9, 0.1, 0.999, 0.001, 1e-8]);
        let m = b1 * m + c1 * g;
        let v = b2 * v + c2 * (g * g);
        (keep * p - rate * (m / (v.sqrt() + eps)), [m, v])
    }
}

#[derive(Clone, Copy)]
struct Three;

impl Elementwise<3> for Three {
    #[inline(always)]
    fn scalar<F: Float>(&self, p: F, g: F, [a, b, c]: [F; 3]) -> (F, [F; 3]) {
        let [rate, b1, c1, b2, c2] = F::all([1e-3, 0.9, 0.1, 0.999, 0.001]);
        let a = b1 * a + c1 * g;
        let b = b2 * b + c2 * (g * g);
        let c = c.max(b);
        (p - rate * (a / (c.sqrt() + F::of(1e-8))), [a, b, c])
    }
}
