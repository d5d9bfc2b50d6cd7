//! A shortened run of both sides before anything is measured: two programs of one submission that give the same bits need no measuring, and where they
//! differ, it is known at which step and in which parameter.

use super::pair::Pair;
use super::side::{Entry, Side};
use super::trajectory::{Answer, difference};
use super::{Arguments, ByName, Expect, runs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::screen::Screen;
use bench_harness::progress::Progress;
use bench_harness::trajectory::{TrajectoryError, Way, WorkerError};
use bench_harness::{channel::ProtocolError, data, machine};
use serde::Serialize;

/// What was seen of it.
#[derive(Default)]
pub(super) struct Look {
    /// One a workload whose data is there.
    pub(super) answers: Vec<Answer>,
    /// Workloads that were not looked at, and why.
    unseen: Vec<(String, String)>,
    /// Whether a program failed on the way, which says nothing about bits.
    failed: bool,
}

/// What `--json` prints where nothing else is measured.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    base: &'a str,
    candidate: &'a str,
    headline: String,
    identical: bool,
    shortened: &'a [Answer],
}

/// Follows both sides in shortened runs, where they are two programs of one submission and steps are compared.
pub(super) fn look(
    arguments: &Arguments,
    base: &Side,
    candidate: &Side,
    reporter: &Reporter,
) -> Result<Look, Failure> {
    let Some([a, b]) = two_programs(arguments, base, candidate) else {
        return match arguments.expect {
            Some(Expect::None) => Err(Failure::usage(
                "--expect none follows two programs of one submission, and these are not",
                "as in `bench compare adamw@HEAD~1 adamw --expect none`".to_owned(),
            )),
            _ => Ok(Look::default()),
        };
    };
    let workloads = runs::workloads(arguments, &a.workspace, &Default::default())?;
    let (here, absent): (Vec<String>, Vec<String>) = workloads
        .into_iter()
        .partition(|name| is_here(a, name) && is_here(b, name));
    let absent = absent.into_iter();
    let mut look = Look {
        unseen: absent
            .map(|name| (name, "its data is not here".to_owned()))
            .collect(),
        ..Look::default()
    };
    if here.is_empty() {
        return Ok(look);
    }
    let pair = Pair::prepare(arguments, [a, b], &here, reporter)?;
    for (workload, number) in pair.workloads() {
        let followed = pair.follow(number, Way::SHORT, |run| Way::SHORT.shorten(run));
        match followed {
            Ok(trajectory) => look.answers.push(Answer::new(workload, trajectory)),
            Err(error) if arguments.expect == Some(Expect::None) || ends_all(&error) => {
                return Err(pair.failure(error));
            }
            Err(error) => {
                look.failed = true;
                look.unseen.push((workload.to_owned(), reason(&error)));
            }
        }
    }
    Ok(look)
}

/// Both, where a change of the program is the question, and steps are the answer.
fn two_programs<'a>(
    arguments: &Arguments,
    base: &'a Side,
    candidate: &'a Side,
) -> Option<[&'a Entry; 2]> {
    let (Side::Submission(a), Side::Submission(b)) = (base, candidate) else {
        return None;
    };
    let seed = arguments.candidate_seed;
    let pinned = || {
        let pinned = a.workspace.pinned();
        !pinned.is_empty() && pinned.contains(&machine::describe().fingerprint)
    };
    let by_steps = match arguments.by {
        Some(by) => by == ByName::Steps,
        None => arguments.expect.is_some() || !pinned(),
    };
    let runs_nothing = arguments.read_only || arguments.accept > 0;
    let is_it = !runs_nothing
        && by_steps
        && a.is_other_program_of(b)
        && seed.is_none_or(|seed| seed == arguments.seed);
    is_it.then_some([a, b])
}

fn is_here(entry: &Entry, workload: &str) -> bool {
    let catalog = &entry.workspace.catalog;
    let dataset = catalog.workloads.get(workload);
    let dataset = dataset.and_then(|workload| catalog.datasets.get_key_value(&workload.dataset));
    dataset.is_some_and(|(name, dataset)| {
        matches!(
            data::find(&entry.workspace.home, name, dataset),
            Ok(Some(_))
        )
    })
}

fn ends_all(error: &TrajectoryError) -> bool {
    matches!(
        error,
        TrajectoryError::Interrupted
            | TrajectoryError::Worker {
                cause: WorkerError::Protocol(ProtocolError::Version { .. }),
                ..
            }
    )
}

fn reason(error: &TrajectoryError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

impl Look {
    /// Whether the question is answered: nothing differs, or something does where nothing should.
    pub(super) fn decides(&self, expect: Option<Expect>) -> bool {
        let any = !self.answers.is_empty() && !self.failed;
        any && (self.is_equal() || expect == Some(Expect::None))
    }

    fn is_equal(&self) -> bool {
        self.answers.iter().all(|answer| answer.equal)
    }

    fn headline(&self) -> String {
        let number = match self.answers.len() {
            1 => "1 workload".to_owned(),
            n => format!("{n} workloads"),
        };
        let steps = Way::SHORT.steps;
        match self.answers.iter().find(|answer| !answer.equal) {
            None => format!("identical: no bit differs in a shortened run of {number}"),
            Some(_) => {
                format!("different in a shortened run of {steps} steps, and nothing was to differ")
            }
        }
    }

    /// A line for each workload that says more than that nothing differs.
    fn lines(&self) -> Vec<String> {
        let differ = self.answers.iter().filter(|answer| !answer.equal);
        let unseen = self.unseen.iter();
        let unseen = unseen.map(|(workload, why)| format!("{workload} was not looked at: {why}"));
        differ.map(difference).chain(unseen).collect()
    }

    /// Tells what was seen and goes on to measure.
    pub(super) fn tell(&self, reporter: &Reporter) {
        for message in self.lines() {
            reporter.work(Progress::Noted { message });
        }
    }

    /// The answer.
    pub(super) fn answer(&self, arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
        if arguments.json {
            screen.json(&Document {
                base: &arguments.base,
                candidate: &arguments.candidate,
                headline: self.headline(),
                identical: self.is_equal(),
                shortened: &self.answers,
            })?;
        } else {
            screen.print(&self.text())?;
        }
        Ok(match self.is_equal() {
            true => Exit::Ok,
            false => Exit::Worse,
        })
    }

    fn text(&self) -> String {
        let names: Vec<&str> = self
            .answers
            .iter()
            .map(|answer| answer.workload.as_str())
            .collect();
        let looked = format!(
            "{} steps each, a step hint and a budget of as many, an evaluation and a resume inside: {}",
            Way::SHORT.steps,
            names.join(", ")
        );
        let mut lines = vec![looked];
        lines.extend(self.lines());
        let lines = lines.iter().map(|line| format!("\n  {line}"));
        format!("{}\n{}", self.headline(), lines.collect::<String>())
    }
}
