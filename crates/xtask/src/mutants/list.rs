//! The faults.

/// A fault as edits of a source file.
pub(super) struct Mutant {
    /// `FOLDER/src/FILE` in the checkout.
    pub(super) path: &'static str,
    pub(super) fault: &'static str,
    /// Every place where the first stands becomes the second.
    pub(super) edits: &'static [(&'static str, &'static str)],
    /// What is run with the fault in it.
    pub(super) witness: Witness,
    /// Files of trajectories to try, in this order.
    pub(super) goldens: &'static [&'static str],
}

/// What is run with a fault in it.
#[derive(Clone, Copy)]
pub(super) enum Witness {
    /// The program of a submission.
    Submission(&'static str),
    /// The comparison of schedules.
    Schedules,
    /// Gradients clipped as PyTorch clips them.
    Clipping,
}

impl Mutant {
    /// The crate that it is in.
    pub(super) fn package(&self) -> &'static str {
        let folder = self.path.split("/src/").next().unwrap_or(self.path);
        folder.rsplit('/').next().unwrap_or(folder)
    }

    /// The file below `src`.
    pub(super) fn file(&self) -> &'static str {
        self.path
            .split_once("/src/")
            .map_or("lib.rs", |(_, file)| file)
    }
}

macro_rules! mutants {
    ($($path:literal, $witness:expr, $goldens:tt: { $($fault:literal: [$($edit:expr),* $(,)?],)* })*) => {
        &[$($(Mutant { path: $path, fault: $fault, edits: &[$($edit),*], witness: $witness, goldens: &$goldens },)*)*]
    };
}

use Witness::{Clipping, Schedules, Submission};

pub(super) const MUTANTS: &[Mutant] = mutants! {
    "submissions/adamw/src/lib.rs", Submission("adamw"), ["adamw.json"]: {
        "betas swapped": [("number(\"beta1\")", "number(\"beta_\")"), ("number(\"beta2\")", "number(\"beta1\")"), ("number(\"beta_\")", "number(\"beta2\")")],
        "decay not scaled by the rate": [("rate * self.weight_decay", "self.weight_decay")],
        "decay coupled": [
            ("[m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {", "[m, v]: [&Tensor; 2]) -> (Tensor, [Tensor; 2]) {\n        let g = &(g + (1.0 - self.keep) * x);"), ("let x = self.keep * x -", "let x = x -"),
            ("let keep = F::of(self.keep);", "let keep = F::of(self.keep);\n        let g = g + (F::ONE - keep) * x;"), ("let x = keep * x - rate", "let x = x - rate"),
        ],
        "epsilon before the correction": [("v.sqrt() / self.root + self.adam.epsilon", "(v.sqrt() + self.adam.epsilon) / self.root"), ("[self.rate, self.adam.epsilon].map(|x| x * self.root)", "[self.rate * self.root, self.adam.epsilon]")],
        "bias correction off": [("rate: rate / correction1", "rate: rate + 0.0 * correction1")],
        "bias correction a step late": [("bias_correction(beta, t)", "bias_correction(beta, t + 1)")],
        "second moment not saved": [("state.visit(\"v\", &mut self.v)", "Ok(())")],
    }
    "submissions/lion/src/lib.rs", Submission("lion"), ["lion.json"]: {
        "betas swapped": [("number(\"beta1\")", "number(\"beta_\")"), ("number(\"beta2\")", "number(\"beta1\")"), ("number(\"beta_\")", "number(\"beta2\")")],
        "no decay": [("keep: 1.0 - update.learning_rate * self.weight_decay", "keep: 1.0")],
        "decay coupled": [
            ("        let c = self.beta1", "        let g = &(g + (1.0 - self.keep) * x);\n        let c = self.beta1"), ("let x = self.keep * x -", "let x = x -"),
            ("        let c = beta1 * m", "        let g = g + (F::ONE - keep) * x;\n        let c = beta1 * m"), ("(keep * x - rate", "(x - rate"),
        ],
        "one form without decay": [("(keep * x - rate", "(x - rate")],
    }
    "submissions/sophia-g/src/lib.rs", Submission("sophia-g"), ["sophia_g.json", "sophia_gnb.json"]: {
        "estimate a step late": [("% self.interval == self.interval - 1", "% self.interval == 0 && training.step() > 0")],
        "number of labels left out": [("* self.labels", "* 1.0")],
        "the data's labels": [("training.sampled_loss(batch)", "training.loss(batch)")],
        "rho 1 % larger": [("number(\"rho\")?", "number(\"rho\")? * 1.01")],
        "gradient not squared": [("self.labels * g * g", "self.labels * g"), ("rest2 * g * g", "rest2 * g")],
    }
    "submissions/sophia-h/src/lib.rs", Submission("sophia-h"), ["sophia_h.json"]: {
        "estimate a step late": [("training.step().is_multiple_of(self.interval)", "(training.step() + self.interval - 1).is_multiple_of(self.interval)")],
        "momentum never corrected": [("Variant::Optax => bias_correction(self.beta1, update.t)", "Variant::Optax => 1.0")],
        "not clipped": [("ratio.clamp(-1.0, 1.0)", "ratio"), ("ratio.max(-F::ONE).min(F::ONE)", "ratio")],
    }
    "submissions/galore/src/lib.rs", Submission("galore"), ["galore.json"]: {
        "alpha left out": [("n * self.alpha", "n * 1.0")],
        "decay first": [("adam.keep * adam.rate * adam.root", "adam.rate * adam.root")],
        "epsilon a hundredth": [("adam: Adam::new(hyper)?", "adam: Adam { epsilon: 0.01 * hyper.number(\"epsilon\")?, ..Adam::new(hyper)? }")],
    }
    "submissions/fira/src/lib.rs", Submission("fira"), ["fira.json"]: {
        "rest dropped": [("rate: -limit", "rate: 0.0 * limit")],
        "no limiter": [("let factor = GROWTH / growth.max(GROWTH)", "let factor = 1.0")],
        "rest along the other side": [("if rows < columns { 0 } else { 1 }", "if rows < columns { 1 } else { 0 }")],
        "norms not saved": [("state.visit(\"norms\", &mut self.norms)", "Ok(())")],
    }
    "submissions/nadamw/src/lib.rs", Submission("nadamw"), ["nadamw.json"]: {
        "betas swapped": [("let step = Step(self.adam.step(update.learning_rate, update.t));", "let mut step = Step(self.adam.step(update.learning_rate, update.t));\n        step.0.adam.betas.reverse();")],
        "no look ahead": [("beta1 * &m + (1.0 - beta1) * g;\n        let x", "m.copy();\n        let x"), ("let ahead = beta1 * m + rest1 * g", "let ahead = m")],
        "the average corrected with t + 1 (optax)": [("let step = Step(self.adam.step(update.learning_rate, update.t));", "let mut step = Step(self.adam.step(update.learning_rate, update.t));\n        step.0.rate = update.learning_rate / bias_correction(self.adam.betas[0], update.t + 1);")],
        "second moment not corrected": [("let step = Step(self.adam.step(update.learning_rate, update.t));", "let mut step = Step(self.adam.step(update.learning_rate, update.t));\n        step.0.root = 1.0;")],
        "epsilon before the correction": [("v.sqrt() / step.root + adam.epsilon", "(v.sqrt() + adam.epsilon) / step.root"), ("[step.rate, adam.epsilon].map(|x| x * step.root)", "[step.rate * step.root, adam.epsilon]")],
        "no decay": [("step.keep * x - step", "x - step"), ("keep * x - rate", "x - rate")],
        "one form without decay": [("keep * x - rate", "x - rate")],
        "averages not saved": [("state.visit(\"m\", &mut self.m)?;", "")],
    }
    "submissions/sgd-nesterov/src/lib.rs", Submission("sgd-nesterov"), ["sgd_nesterov.json"]: {
        "plain momentum": [("match self.nesterov {", "match self.nesterov && false {"), ("if self.nesterov {", "if self.nesterov && false {")],
        "momentum dampened": [("self.momentum * buffer + &d", "self.momentum * buffer + (1.0 - self.momentum) * &d"), ("let buffer = momentum * buffer + d", "let buffer = momentum * buffer + (F::ONE - momentum) * d")],
        "decay decoupled": [
            ("let d = g + self.weight_decay * x", "let d = g.copy()"), ("(x - self.rate * step", "((1.0 - self.rate * self.weight_decay) * x - self.rate * step"),
            ("let d = g + weight_decay * x", "let d = g"), ("(x - rate * step", "((F::ONE - rate * weight_decay) * x - rate * step"),
        ],
        "momentum not saved": [("state.visit(\"buffer\", &mut self.buffer)", "Ok(())")],
    }
    "submissions/muon/src/lib.rs", Submission("muon"), ["muon.json"]: {
        "plain momentum": [("g.f_lerp(&m.f_lerp_(g, 1.0 - self.momentum)?, self.momentum)?", "m.f_lerp_(g, 1.0 - self.momentum)?")],
        "decay last": [("rate: update.learning_rate * scale", "rate: (1.0 - update.learning_rate * self.weight_decay) * update.learning_rate * scale")],
        "no schedule for Adam": [("self.adam_rate * update.schedule", "self.adam_rate")],
        "Adam a step late": [("update.schedule, update.t)", "update.schedule, update.t + 1)")],
        "momentum not saved": [("state.visit(\"m\", &mut self.m)?;", "")],
    }
    "crates/bench-sdk/src/toolkit/newton_schulz.rs", Submission("muon"), ["muon.json"]: {
        "four iterations": [("const STEPS: u32 = 5", "const STEPS: u32 = 4")],
        "the norm bounded (PyTorch)": [("x.f_norm()? + 1e-7", "x.f_norm()?.clamp_min(1e-7)")],
    }
    "submissions/schedule-free-adamw/src/lib.rs", Submission("schedule-free-adamw"), ["schedule_free_adamw.json", "schedule_free_adamw_paper.json"]: {
        "y evaluated": [("f_lerp(z, 1.0 - 1.0 / self.adam.betas[0])", "f_lerp(z, 0.0)")],
        "decay of z": [("decay * y", "decay * z")],
        "warm-up left out of the average": [("self.highest_rate.max(rate)", "self.highest_rate.max(update.learning_rate)")],
        "y moves on without its share": [("beta1 * (1.0 - share) - 1.0", "beta1 - 1.0")],
        "the start in the average": [("weight / self.weight_sum.max(f64::MIN_POSITIVE)", "(weight / self.weight_sum).min(0.5)")],
        "bias correction off": [("let root = bias_correction(beta2, update.t).sqrt()", "let root = 1.0 + 0.0 * beta2")],
        "sum of weights not saved": [("state.visit(\"weight-sum\", &mut self.weight_sum)?;", "")],
    }
    "submissions/shampoo/src/lib.rs", Submission("shampoo"), ["shampoo.json"]: {
        "not grafted": [("            graft(&mut direction, &length_of)?;\n", "            let _ = graft;\n")],
        "roots a step late": [("update.t > self.start && update.t.is_multiple_of(self.frequency)", "update.t > self.start && (update.t - 1).is_multiple_of(self.frequency)")],
        "roots of the order itself": [("2 * block.factors.len()", "block.factors.len()")],
        "no look ahead": [("(self.beta1 * &m + (1.0 - self.beta1) * g) / self.first", "&m / self.first"), ("(beta1 * m + rest1 * g) * first", "m * first")],
        "factors not corrected": [("block.refresh(correction,", "block.refresh(correction.max(1.0),")],
        "decay after momentum": [
            ("let d = d + self.weight_decay * x;", "let decay = self.weight_decay * x;"), ("(1.0 - self.momentum) * &d", "(1.0 - self.momentum) * d"), ("(x - self.rate * ahead", "(x - self.rate * (ahead + decay)"),
            ("let d = d + weight_decay * x;\n        let average = momentum * average + rest * d;\n        (x - rate * (momentum * average + rest * d)", "let average = momentum * average + rest * d;\n        (x - rate * (momentum * average + rest * d + weight_decay * x)"),
        ],
    }
    "submissions/shampoo/src/block.rs", Submission("shampoo"), ["shampoo.json"]: {
        "neighbours not merged": [("if *last * size <= limit =>", "if *last * size <= limit && false =>")],
        "epsilon left out": [("values - lift + epsilon", "values - lift + 1e-30 * epsilon")],
        "factors summed": [("factor.f_lerp_(&rows.f_matmul(&rows.f_tr()?)?, 1.0 - beta)?", "{\n let _ = beta;\n factor.f_add_(&rows.f_matmul(&rows.f_tr()?)?)?\n}")],
    }
    "submissions/auto-lrs/src/forecast.rs", Submission("auto-lrs"), ["autolrs.json"]: {
        "one round of outliers": [("const ROUNDS: usize = 10", "const ROUNDS: usize = 1")],
        "outliers of the second half": [(".filter(|&place| (place as f64) < half)", ".filter(|&place| (place as f64) >= half)")],
        "no asymptote": [("y_mean - a * e_mean", "0.0")],
        "read at a tenth of the stage": [("(self.b * step).exp()", "(self.b * step * 0.1).exp()")],
    }
    "submissions/auto-lrs/src/lib.rs", Submission("auto-lrs"), ["autolrs.json"]: {
        "losses not saved": [("state.visit(\"course\", &mut self.course)?;", "")],
        "rates tried not saved": [("state.visit(\"places\", &mut self.places)?;", "")],
        "no way back to the rate after a resume": [("if state.is_loading() && !self.places.is_empty()", "if false")],
    }
    "submissions/pbt/src/selection.rs", Submission("pbt"), ["pbt.json"]: {
        "the best copy": [("ranks.iter().rev().take(count)", "ranks.iter().take(count)")],
        "donors from all": [("(draws[member] * count as f64) as usize).min(count - 1)", "(draws[member] * scores.len() as f64) as usize).min(scores.len() - 1)")],
        "a smaller score is better": [("a.partial_cmp(&b)", "b.partial_cmp(&a)")],
    }
    "submissions/pbt/src/evolution.rs", Submission("pbt"), ["pbt.json"]: {
        "losers explore from their own values": [("zip(values[donor])", "zip(values[member])")],
        "everybody explores": [("match donor == member {", "match false {")],
    }
    "submissions/pbt/src/gene.rs", Submission("pbt"), ["pbt.json"]: {
        "factors swapped": [("draw.choice >= 0.5", "draw.choice < 0.5")],
    }
    "submissions/pbt/src/member.rs", Submission("pbt"), ["pbt.json"]: {
        "hyperparameters not saved": [("state.visit(\"values\", &mut self.values)?;", "")],
    }
    "submissions/pbt/src/lib.rs", Submission("pbt"), ["pbt.json"]: {
        "the fittest not saved": [("state.visit(\"best\", &mut self.best)?;", "")],
    }
    "crates/bench-sdk/src/training/curvature.rs", Submission("sophia-h"), ["sophia_h.json"]: {
        "the product without its signs": [("let _ = product.f_mul_(sign)?;", "let _ = (product, sign);")],
    }
    "crates/bench-sdk/src/training/curvature.rs", Submission("sophia-g"), ["sophia_g.json", "sophia_gnb.json"]: {
        "the data's labels in place of drawn ones": [("let sampled = self.drawn(batch, &outputs.f_detach()?)?;", "let sampled = batch;"), ("self.gate.loss(&outputs, &sampled)", "self.gate.loss(&outputs, sampled)")],
    }
    "crates/bench-sdk/src/toolkit/mod.rs", Submission("sophia-h"), ["sophia_h.json"]: {
        "curvature averaged the other way round": [("foreach::lerp(averages, values, 1.0 - beta)", "foreach::lerp(averages, values, beta)")],
    }
    "crates/bench-sdk/src/toolkit/mod.rs", Clipping, []: {
        "the norm of the first tensor": [("let norm = global_norm(gradients)?;", "let norm = gradients[0].f_norm()?;")],
        "short gradients made long": [(".f_clamp_max(1.0)?", "")],
        "no epsilon": [("(&norm + 1e-6)", "(&norm + 0.0)")],
        "the sum of norms": [("Ok(foreach::global_norm(values)?)", "Ok(Tensor::f_stack(&foreach::norms(values, 2.0)?, 0)?.f_sum(Kind::Double)?)")],
        "never clipped": [("foreach::scale_by(gradients, &factor)?;", "let _ = &factor;")],
    }
    "crates/bench-sdk/src/first_order.rs", Submission("schedule-free-adamw"), []: {
        "running statistics not saved": [("state.visit(\"statistics\", &mut self.statistics)?;", "")],
        "the trained weights not saved": [("state.scope(\"trained\", |state| part.trained.state(state))?;", "")],
        "the trained weights not put back": [(".try_for_each(|part| part.trained.take_back(&part.group.parameters))", ".try_for_each(|part| part.trained.take_back(&part.group.parameters[..0]))")],
    }
    "crates/bench-sdk/src/toolkit/exchange.rs", Submission("pbt"), []: {
        "buffers held not saved": [("state.visit(\"training-buffers\", &mut self.buffers)", "Ok(())")],
    }
    "crates/bench-sdk/src/training/place.rs", Submission("pbt"), []: {
        "a member's buffers not saved": [("state.visit(\"buffers\", &mut self.buffers)?;", "")],
    }
    "crates/bench-sdk/src/training/mod.rs", Submission("adamw"), ["adamw.json"]: {
        "schedule shifted by one": [("(self.settings.schedule)(self.step)", "(self.settings.schedule)(self.step + 1)")],
    }
    "crates/bench-sdk/src/toolkit/low_rank.rs", Submission("galore"), ["galore.json"]: {
        "a basis every step": [("!(update.t - 1).is_multiple_of(self.gap)", "false")],
        "a basis a step late": [("!(update.t - 1).is_multiple_of(self.gap)", "update.t > 1 && !(update.t - 2).is_multiple_of(self.gap)")],
        "basis on the longer side": [("let right = rows >= columns", "let right = rows < columns")],
        "basis of the last singular vectors": [("v.f_narrow(1, 0, rank)", "v.f_narrow(1, v.size()[1] - rank, rank)"), ("u.f_narrow(1, 0, rank)", "u.f_narrow(1, u.size()[1] - rank, rank)")],
    }
    "crates/bench-core/src/schedule/mod.rs", Schedules, ["schedules.json"]: {
        "schedules shifted by one": [("pub fn at(&self, step: u64) -> f64 {", "pub fn at(&self, step: u64) -> f64 {\n        let step = step + 1;")],
        "warm-up a step late": [("let progress = step as f64 / warmup as f64", "let progress = step.saturating_sub(1) as f64 / warmup as f64")],
    }
    "crates/bench-core/src/schedule/decay.rs", Schedules, ["schedules.json"]: {
        "linear decay a step late": [("(step - warmup + 1) as f64", "(step - warmup) as f64")],
        "cosine over the whole horizon": [("let decay = self.decay.steps(horizon.saturating_sub(warmup)).max(1);\n            // After", "let decay = horizon.max(1);\n            // After")],
    }
    "crates/bench-core/src/schedule/wsd.rs", Schedules, ["schedules.json"]: {
        "cooldown a step late": [("step.checked_sub(begins)", "step.checked_sub(begins + 1)")],
        "root for square": [("1.0 - p.sqrt()", "1.0 - p * p")],
    }
    "crates/bench-core/src/schedule/refined.rs", Schedules, ["schedules.json"]: {
        "sum of weights with its own": [("let value = weight * after;\n                after += weight;", "after += weight;\n                let value = weight * after;")],
        "not filtered": [("let half = (share * values.len() as f64 / 2.0) as i64", "let half = (share * 0.0) as i64")],
    }
};
