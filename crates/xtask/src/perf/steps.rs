//! Training steps of the quick workloads, beside the same models in PyTorch.

use super::partner::{Entrant, Partner, Times, take_turns, times_as_fast};
use super::peers;
use super::table::Table;
use crate::shell;
use anyhow::{Result, ensure};
use std::cell::RefCell;
use std::path::Path;

const WORKLOADS: [&str; 3] = ["fashion-mnist-mlp", "fashion-mnist-resnet", "brown-lm"];
/// How far losses and gradients in single precision may be apart, relative to their norms: batch statistics magnify rounding.
const TOLERANCE: f64 = 1e-3;

/// PyTorch's ways to take the same step. The last are compiled, with the fused update.
const EAGER: [&str; 4] = ["loop", "foreach", "fused", "fused-channels-last"];
const COMPILED: [&str; 2] = ["compile", "compile-channels-last"];

/// All workloads with one thread and with two. The models in PyTorch are first compared with ours: loss and gradients on the same weights and batch.
pub fn measure(bench: &Path, python: &Path, repeats: usize) -> Result<Table> {
    let mut rows = Vec::new();
    for workload in WORKLOADS {
        for threads in [1, 2] {
            eprintln!("{workload}, {}", peers::threads_of(threads));
            rows.push(compare(bench, python, workload, threads, repeats)?);
        }
    }
    Ok(Table {
        title: "Training steps with AdamW: milliseconds, and how many times as fast as PyTorch 2.11 (above 1: faster than it)"
            .to_owned(),
        columns: vec![
            "workload",
            "threads",
            "bench",
            "best eager",
            "times as fast",
            "best compiled",
            "times as fast",
        ],
        rows,
    })
}

fn compare(
    bench: &Path,
    python: &Path,
    workload: &str,
    threads: u32,
    repeats: usize,
) -> Result<Vec<String>> {
    let run = peers::run_of(bench, workload, "adamw", threads, &[])?;
    let mut ours = Partner::start(&mut peers::submission("adamw", &[], threads)?, &run)?;
    ours.line()?;
    let mut torch = peers::script(python, "torch_steps.py", threads);
    let mut torch = Partner::start(&mut torch, &run)?;
    same_model(&mut ours, &mut torch, workload)?;

    // Layout is a matter of convolutions alone.
    let images = workload.ends_with("resnet");
    let of_layout = |name: &&str| images || !name.ends_with("channels-last");
    let variants: Vec<&str> = EAGER
        .into_iter()
        .chain(COMPILED)
        .filter(of_layout)
        .collect();
    let (ours, torch) = (RefCell::new(ours), RefCell::new(torch));
    let entrant = |partner, kind| Entrant::new(partner, kind, "step-ms");
    let mut entrants = vec![entrant(&ours, "steps")];
    entrants.extend(variants.iter().map(|name| entrant(&torch, *name)));
    let times = take_turns(&entrants, repeats)?;
    let best = |names: &[&str]| {
        let named = variants.iter().zip(&times[1..]);
        let mut named: Vec<(&str, &Times)> = named
            .filter(|(name, _)| names.contains(name))
            .map(|(name, times)| (*name, times))
            .collect();
        named.sort_by(|a, b| a.1.median().total_cmp(&b.1.median()));
        match named.first() {
            None => [String::new(), String::new()],
            Some((name, peer)) => [
                format!("{:.2} ({name})", peer.median()),
                format!("{:.2}", times_as_fast(&times[0], peer)),
            ],
        }
    };
    let mut cells = vec![
        format!("`{workload}`"),
        threads.to_string(),
        format!("{:.2}", times[0].median()),
    ];
    cells.extend(best(&EAGER));
    cells.extend(best(&COMPILED));
    Ok(cells)
}

/// The peer computes the same loss and gradients, or the comparison means nothing.
fn same_model(ours: &mut Partner, torch: &mut Partner, workload: &str) -> Result<()> {
    let folder = shell::root().join("target/perf");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{workload}.safetensors"));
    ours.ask(&format!("save {}", file.display()))?;
    let answer = torch.ask(&format!("check {}", file.display()))?;
    let difference = answer["difference"].as_f64().unwrap_or(f64::NAN);
    ensure!(
        difference < TOLERANCE,
        "PyTorch's model of {workload} is another one: loss or gradients are {difference:.1e} apart, allowed are {TOLERANCE:.0e}"
    );
    Ok(())
}
