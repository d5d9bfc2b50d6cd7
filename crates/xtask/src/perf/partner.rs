//! A program that does as many steps as a line asks for, and answers each with a line of JSON: so that two of them can take short turns.

use super::median;
use crate::shell;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// How long a turn is, in milliseconds, where one step is not longer than that.
const TURN: f64 = 200.0;
/// The most steps of a turn.
const STEPS: f64 = 200.0;

/// A program at the other end of pipes.
pub struct Partner {
    name: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Partner {
    /// Starts a program and writes its first line.
    pub fn start(command: &mut Command, first: &str) -> Result<Partner> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .current_dir(shell::root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut partner = Partner {
            input: input.context("no pipe to write to")?,
            output: BufReader::new(output.context("no pipe to read from")?),
            name,
            child,
        };
        partner.write(first)?;
        Ok(partner)
    }

    fn write(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{}", line.trim())
            .with_context(|| format!("`{}` ended early", self.name))
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            let status = self.child.wait()?;
            bail!("`{}` ended with {status}", self.name);
        }
        Ok(line)
    }

    /// An order and its answer.
    pub fn ask(&mut self, order: &str) -> Result<Value> {
        self.write(order)?;
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("`{}` answered {line}", self.name))
    }

    /// The most memory that it has held.
    pub fn peak_megabytes(&self) -> Option<f64> {
        shell::peak_megabytes(self.child.id())
    }

    /// Milliseconds of some steps of a kind.
    pub fn times(&mut self, kind: &str, steps: usize, of: &str) -> Result<Vec<f64>> {
        let answer = self.ask(&format!("{kind} {steps}"))?;
        let times = answer[of]
            .as_array()
            .with_context(|| format!("`{}` answered `{kind} {steps}` without `{of}`", self.name))?;
        Ok(times.iter().filter_map(Value::as_f64).collect())
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        // Its input ends with this struct only after it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that takes part in a comparison: whom to ask, for which kind of steps, and what of the answer counts.
pub struct Entrant<'a> {
    /// The program.
    partner: &'a std::cell::RefCell<Partner>,
    /// First word of the order.
    kind: &'a str,
    /// Key of the answer.
    of: &'static str,
}

impl<'a> Entrant<'a> {
    /// The one that `partner` is when asked for `kind`.
    pub fn new(
        partner: &'a std::cell::RefCell<Partner>,
        kind: &'a str,
        of: &'static str,
    ) -> Entrant<'a> {
        Entrant { partner, kind, of }
    }
}

/// What a comparison measured of one entrant.
#[derive(Default)]
pub struct Times {
    /// The middle of a step's milliseconds in each turn.
    turns: Vec<f64>,
}

impl Times {
    /// The middle over all turns.
    pub fn median(&self) -> f64 {
        median(self.turns.clone())
    }

    /// Turns of another process.
    pub fn extend(&mut self, later: Times) {
        self.turns.extend(later.turns);
    }
}

/// All entrants take turns of about a fifth of a second, so that a noisy minute harms all alike. A few steps before the first turn do not count.
pub fn take_turns(entrants: &[Entrant], turns: usize) -> Result<Vec<Times>> {
    let ask = |entrant: &Entrant, steps| {
        let mut partner = entrant.partner.borrow_mut();
        partner.times(entrant.kind, steps, entrant.of)
    };
    let mut steps = Vec::new();
    for entrant in entrants {
        let began = std::time::Instant::now();
        ask(entrant, 1)?;
        let first = began.elapsed().as_secs_f64() * 1e3;
        let warm = if first < TURN { 5 } else { 1 };
        let began = std::time::Instant::now();
        ask(entrant, warm)?;
        let whole = began.elapsed().as_secs_f64() * 1e3 / warm as f64;
        steps.push((TURN / whole).clamp(1.0, STEPS) as usize);
    }
    let mut times: Vec<Times> = entrants.iter().map(|_| Times::default()).collect();
    for _ in 0..turns {
        for ((entrant, &steps), times) in entrants.iter().zip(&steps).zip(&mut times) {
            times.turns.push(median(ask(entrant, steps)?));
        }
    }
    Ok(times)
}

/// The same of entrants whose number is known.
pub fn compared<const N: usize>(entrants: [Entrant; N], turns: usize) -> Result<[Times; N]> {
    let times = take_turns(&entrants, turns)?.try_into();
    times.map_err(|_| anyhow!("an entrant is missing"))
}

/// The middle of the ratios of turns that lay side by side: above 1 where `ours` took less time.
pub fn times_as_fast(ours: &Times, peer: &Times) -> f64 {
    let pairs = ours.turns.iter().zip(&peer.turns);
    median(pairs.map(|(ours, peer)| peer / ours).collect())
}
