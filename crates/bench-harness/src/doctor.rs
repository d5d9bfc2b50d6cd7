//! `bench doctor`: what runs depend on, looked at one by one, each with what to do about it.
//!
//! Looks only: nothing is downloaded, made or changed.

mod clock;
mod room;
mod software;

pub use clock::{Clock, measure};

use crate::home::Home;
use crate::{machine, setup};
use bench_core::record::Machine;
use bench_core::spec::catalog::Catalog;
use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// Runs work, but slower, noisier or only after a download.
    Warning,
    /// Runs do not work.
    Failed,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do; nothing where it is ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Check {
    fn ok(name: &str, found: impl Into<String>) -> Check {
        Check {
            name: name.to_owned(),
            status: Status::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Check {
        Check {
            status: Status::Warning,
            advice: Some(advice.into()),
            ..Check::ok(name, found)
        }
    }

    fn failed(name: &str, found: impl Into<String>, advice: impl Into<String>) -> Check {
        Check {
            status: Status::Failed,
            ..Check::warning(name, found, advice)
        }
    }
}

/// All checks, in the order of a set-up.
pub fn examine(home: &Home, catalog: &Catalog) -> Vec<Check> {
    let machine = machine::describe();
    let harness = catalog.harness.as_ref();
    let results = home
        .root
        .join(harness.map_or("results", |harness| &harness.results));
    let mut checks = vec![
        software::platform(&machine),
        software::cargo(home),
        software::compiler(home),
        software::pip(home),
        software::libtorch(home),
        software::python(home),
        software::cuda(home, &machine),
        processors(&machine, harness.map_or(1, |harness| harness.threads)),
        governor(&machine::read(
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        )),
        load(&machine::read("/proc/loadavg"), machine.cores),
        clock::check(measure()),
        room::memory(),
        room::huge_pages(
            &machine::read("/sys/kernel/mm/transparent_hugepage/enabled"),
            setup::glibc(),
        ),
        room::shared_memory(),
        room::disk("disk for the cache", &home.cache),
        room::disk("disk for results", &results),
        room::writable("results folder", &results),
    ];
    checks.extend(room::data_sets(home, &catalog.datasets));
    checks
}

fn processors(machine: &Machine, threads: u32) -> Check {
    let found = format!(
        "{} ({} logical processors), {threads} threads a program in harness.yaml",
        machine.cpu, machine.cores
    );
    if threads <= machine.cores {
        return Check::ok("processors", found);
    }
    let advice = format!(
        "set `threads` in harness.yaml to {} or less: more threads than processors wait for each other",
        machine.cores
    );
    Check::warning("processors", found, advice)
}

fn governor(text: &str) -> Check {
    const NAME: &str = "processor frequency";
    match text.trim() {
        "" => Check::ok(NAME, "not shown to this machine, as on most virtual ones"),
        "performance" => Check::ok(NAME, "governor performance"),
        other => Check::warning(
            NAME,
            format!("governor {other}: the frequency moves with load, and times with it"),
            "`sudo cpupower frequency-set --governor performance` while you measure",
        ),
    }
}

fn load(loadavg: &str, cores: u32) -> Check {
    const NAME: &str = "load";
    let Some(load) = loadavg
        .split_whitespace()
        .next()
        .and_then(|word| word.parse::<f64>().ok())
    else {
        return Check::warning(NAME, "not shown", "see with `top` that nothing else runs");
    };
    let found = format!("{load:.2} over the last minute, on {cores} processors");
    if load <= 0.25 * f64::from(cores) {
        return Check::ok(NAME, found);
    }
    let advice = "end what else runs, or do not trust times: steps are not harmed by it";
    Check::warning(NAME, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_governor() {
        let cases = [
            (load("0.10 0.50 0.90 1/200 999", 2), Status::Ok),
            (load("0.51 0.50 0.90 1/200 999", 2), Status::Warning),
            (load("0.51 0.50 0.90 1/200 999", 64), Status::Ok),
            (load("", 2), Status::Warning),
            (governor(""), Status::Ok),
            (governor("performance\n"), Status::Ok),
            (governor("powersave\n"), Status::Warning),
        ];
        for (check, status) in cases {
            assert_eq!(check.status, status, "{check:?}");
            assert_eq!(check.advice.is_some(), status != Status::Ok, "{check:?}");
        }
    }

    #[test]
    fn more_threads_than_processors() {
        let machine = Machine {
            cores: 2,
            ..machine::describe()
        };
        assert_eq!(processors(&machine, 2).status, Status::Ok);
        assert_eq!(processors(&machine, 3).status, Status::Warning);
    }
}
