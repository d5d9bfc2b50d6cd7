//! `bench run --on`: trials that something else starts. The plan is frozen here; what each task does is `bench task`.

use super::{Arguments, Session};
use crate::arguments::Results;
use crate::command_line::{CommandLine, quoted};
use crate::commands::queue::Board;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::run::RunSpec;
use bench_harness::cluster::{Chunk, Job, Plan, Slurm, bench_of, standings};
use bench_harness::interrupt::Interrupts;
use bench_harness::program::CargoBuilder;
use bench_harness::session::{self, Action, Ready, TrialReport};
use bench_harness::store;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Between two looks at the queue.
const EVERY: Duration = Duration::from_secs(10);
/// What a command has in the place of a task.
const TASK: &str = "{task}";

/// Where trials run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Place {
    /// On this machine, one after the other.
    Local,
    /// On a cluster.
    Slurm,
    /// Wherever this command, typed once a trial, takes the task in it.
    Command(String),
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Place, String> {
        match text.split_once(':') {
            None if text == "local" => Ok(Place::Local),
            None if text == "slurm" => Ok(Place::Slurm),
            Some(("command", command)) if command.contains(TASK) => {
                Ok(Place::Command(command.trim().to_owned()))
            }
            Some(("command", _)) => Err(format!(
                "a command is typed once a trial and has `{TASK}` where the task stands, such as \"command: qsub -b y {TASK}\""
            )),
            _ => Err(format!("write `local`, `slurm`, or \"command: … {TASK}\"")),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Place::Local => f.write_str("local"),
            Place::Slurm => f.write_str("slurm"),
            Place::Command(command) => write!(f, "command: {command}"),
        }
    }
}

/// What is to be sent away, and how.
pub(super) struct Elsewhere<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) session: &'a Session,
    pub(super) arguments: &'a Arguments,
    pub(super) screen: &'a Screen,
}

impl Elsewhere<'_> {
    /// Freezes what is missing and hands it over.
    pub(super) fn send(
        &self,
        place: &Place,
        interrupts: &Interrupts,
        reporter: &Reporter,
    ) -> Result<Exit, Failure> {
        let slurm = Slurm::new(self.workspace.harness()?.executors.slurm.clone());
        let most = match place {
            Place::Slurm => Slurm::array_size()?,
            Place::Local | Place::Command(_) => usize::MAX,
        };
        if self.arguments.dry_run {
            return self.tell(place, &slurm, most, interrupts);
        }
        let home = &self.workspace.home;
        let mut builder = CargoBuilder::new(home.clone(), self.workspace.programs());
        let (ready, reports) =
            session::make_ready(self.session, &mut builder, interrupts, &mut |event| {
                reporter.session(event);
            })?;
        let exit = crate::commands::trials::exit(&reports);
        let (ready, queued) = self.not_queued(place, ready)?;
        let running = reports.iter();
        let running = running.filter(|report| report.action == Action::Busy);
        let queued = queued + running.count();
        if queued > 0 {
            self.screen.print(&format!(
                "{queued} trials are queued or running already: `{}` shows them",
                self.watch()
            ))?;
        }
        if interrupts.requested() {
            return Ok(Exit::Interrupted);
        }
        if ready.is_empty() {
            self.screen
                .print("no trial is missing: nothing to submit")?;
            return match self.arguments.wait && queued > 0 {
                true => self.follow(&mut Vec::new(), None, &slurm, interrupts),
                false => Ok(exit),
            };
        }
        let ready = ordered(self.session, ready);
        let plan = Plan::freeze(self.session, &ready, CommandLine::typed().to_string())?;
        match place {
            Place::Command(command) => type_each(&plan, command).map(|()| exit),
            _ => Ok(match self.submit(&plan, &slurm, most, interrupts)? {
                Exit::Ok => exit,
                other => other,
            }),
        }
    }

    /// What would be handed over: nothing is built or frozen for it.
    fn tell(
        &self,
        place: &Place,
        slurm: &Slurm,
        most: usize,
        interrupts: &Interrupts,
    ) -> Result<Exit, Failure> {
        let home = &self.workspace.home;
        let mut builder = CargoBuilder::new(home.clone(), self.workspace.programs());
        let reports = session::run(self.session, &mut builder, interrupts, &mut |_| {})?;
        let missing = reports.iter().filter(|report| report.action.runs());
        let mut missing: Vec<&TrialReport> = missing.collect();
        missing.sort_by_key(|report| by_workload(self.session, report.index));
        let runs: Vec<&RunSpec> = missing
            .iter()
            .map(|report| &self.session.trials[report.index].run)
            .collect();
        let folder = self.session.runs.join(".plans/PLAN");
        let texts: Vec<String> = match place {
            Place::Command(command) => (0..runs.len())
                .map(|number| typed(command, &folder, number))
                .collect(),
            _ => {
                let chunks = slurm.chunks(&runs, most.min(slurm.at_most()));
                let scripts = chunks.iter();
                scripts.map(|chunk| slurm.script(&folder, chunk)).collect()
            }
        };
        self.screen.data(&texts.join("\n"))?;
        Ok(Exit::Ok)
    }

    /// Those that no batch system has, and how many it has.
    fn not_queued(&self, place: &Place, ready: Vec<Ready>) -> Result<(Vec<Ready>, usize), Failure> {
        let plans = Plan::all(&self.session.runs);
        let jobs = match place {
            Place::Slurm => Slurm::queue()?,
            Place::Local | Place::Command(_) => Vec::new(),
        };
        self.forget_what_is_over(&plans, &jobs);
        let mut taken = BTreeSet::new();
        for plan in &plans {
            let id = plan.id();
            let entries = jobs.iter().filter(|job| job.plan == id);
            let places = entries.filter_map(|job| plan.places().get(job.entry));
            taken.extend(places.map(|place| plan.record(place)));
        }
        let whole = |ready: &Ready| std::path::absolute(&ready.first).unwrap_or_default();
        let all = ready.len();
        let missing: Vec<Ready> = ready
            .into_iter()
            .filter(|ready| !taken.contains(&whole(ready)))
            .collect();
        let queued = all - missing.len();
        Ok((missing, queued))
    }

    /// Removes plans whose trials are all over: their records say all that is worth keeping.
    fn forget_what_is_over(&self, plans: &[Plan], jobs: &[Job]) {
        let stored = store::latest(store::scan(&self.session.runs).0);
        for (plan, standing) in plans.iter().zip(standings(plans, &stored, jobs)) {
            let is_queued = jobs.iter().any(|job| job.plan == standing.plan);
            if standing.is_over() && !is_queued {
                // What cannot be removed stays, and does no harm.
                let _ = plan.remove();
            }
        }
    }

    fn submit(
        &self,
        plan: &Plan,
        slurm: &Slurm,
        most: usize,
        interrupts: &Interrupts,
    ) -> Result<Exit, Failure> {
        let entries = plan.entries()?;
        let runs: Vec<&RunSpec> = entries.iter().map(|entry| &entry.run).collect();
        let mut left = slurm.chunks(&runs, most.min(slurm.at_most()));
        left.reverse();
        self.fill(plan, slurm, &mut left)?;
        let waiting: usize = left.iter().map(|chunk| chunk.count).sum();
        if self.arguments.wait {
            return self.follow(&mut left, Some(plan), slurm, interrupts);
        }
        if waiting > 0 {
            self.screen.print(&format!(
                "{waiting} trials wait until there is room for them (executors.slurm.at-most: {}): the same command submits more of them, and `--wait` all",
                slurm.at_most()
            ))?;
        }
        self.screen.print(&format!(
            "{}\n  {}\n  {}",
            "what is submitted goes on by itself; in the meantime",
            self.watch(),
            self.results().on(CommandLine::new("cancel")),
        ))?;
        Ok(Exit::Ok)
    }

    /// Submits arrays, last in the list first, as long as the queue has room for them whole.
    fn fill(&self, plan: &Plan, slurm: &Slurm, left: &mut Vec<Chunk>) -> Result<(), Failure> {
        if left.is_empty() {
            return Ok(());
        }
        let mut room = slurm.at_most().saturating_sub(Slurm::queue()?.len());
        while let Some(chunk) = left.last().filter(|chunk| chunk.count <= room) {
            let submitted = slurm.submit(plan, chunk)?;
            self.screen.print(&format!(
                "job {}: trials {} to {} of plan {}",
                submitted.job,
                chunk.first,
                chunk.first + chunk.count - 1,
                plan.id()
            ))?;
            room -= chunk.count;
            left.pop();
        }
        Ok(())
    }

    /// Shows how far it is until nothing is queued or runs any more, and submits what there is room for.
    fn follow(
        &self,
        left: &mut Vec<Chunk>,
        plan: Option<&Plan>,
        slurm: &Slurm,
        interrupts: &Interrupts,
    ) -> Result<Exit, Failure> {
        let mut shown = String::new();
        loop {
            let board = Board::look(&self.session.runs);
            // A controller that restarts does not answer for a while.
            if let (Some(plan), true) = (plan, board.is_seen()) {
                let before = left.len();
                self.fill(plan, slurm, left)?;
                if left.len() < before {
                    // What was seen is not how it is now.
                    continue;
                }
            }
            let text = board.text();
            if text != shown && !self.arguments.quiet {
                self.screen.print(&text)?;
                shown = text;
            }
            if interrupts.requested() {
                self.screen.print("what is queued or runs goes on")?;
                return Ok(Exit::Interrupted);
            }
            if left.is_empty() && !board.is_live() {
                return match board.lost() {
                    0 => Ok(Exit::Ok),
                    lost => {
                        self.screen.print(&format!(
                            "{lost} trials were lost: the same command submits them again"
                        ))?;
                        Ok(Exit::RunFailed)
                    }
                };
            }
            for _ in 0..EVERY.as_secs() * 10 {
                if interrupts.requested() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn results(&self) -> Results {
        self.arguments.selection.results.clone()
    }

    fn watch(&self) -> CommandLine {
        self.results().on(CommandLine::new("watch"))
    }
}

/// Workload by workload, so that trials that ask for the same follow each other.
fn ordered(session: &Session, mut ready: Vec<Ready>) -> Vec<Ready> {
    ready.sort_by_key(|ready| by_workload(session, ready.index));
    ready
}

/// The place of a trial's workload among all.
fn by_workload(session: &Session, index: usize) -> Option<usize> {
    let name = &session.trials[index].run.workload_name;
    let mut trials = session.trials.iter();
    trials.position(|other| other.run.workload_name == *name)
}

/// A command with a task in it.
fn typed(command: &str, plan: &Path, number: usize) -> String {
    let word = |path: &Path| quoted(&path.display().to_string());
    let task = format!("{} task {} {number}", word(&bench_of(plan)), word(plan));
    command.replace(TASK, &task)
}

/// Types a command for each entry.
fn type_each(plan: &Plan, command: &str) -> Result<(), Failure> {
    for number in 0..plan.len() {
        let line = typed(command, &plan.folder, number);
        let status = Command::new("sh").args(["-c", &line]).status();
        let message = match status {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("`{line}` ended with {status}"),
            Err(error) => format!("no shell: {error}"),
        };
        let help = format!(
            "{number} of {} trials were handed over; the same command hands over those that have no record then",
            plan.len()
        );
        return Err(Failure::new(Exit::Environment, message, help));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for text in ["local", "slurm", "command: qsub -b y {task}"] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        assert!(
            Place::parse("command: qsub")
                .unwrap_err()
                .contains("{task}")
        );
        assert!(Place::parse("sge").unwrap_err().contains("`slurm`"));
    }
}
