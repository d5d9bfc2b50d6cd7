//! What holds processors up, as far as the kernel counts it: heat, quotas, and other guests of the same hardware.

use crate::machine::read;
use bench_core::record::Slowdown;
use std::path::Path;

/// The kernel's counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counters {
    thermal_events: Option<u64>,
    quota_microseconds: Option<u64>,
    stolen_ticks: Option<u64>,
    processors: u64,
}

/// Of the times in `/proc/stat`: the same on every Linux that bench runs on.
const TICKS_PER_SECOND: u64 = 100;

impl Counters {
    /// As they stand now.
    pub(crate) fn read() -> Counters {
        Counters::below(Path::new("/"))
    }

    fn below(root: &Path) -> Counters {
        let stat = read(root.join("proc/stat"));
        Counters {
            thermal_events: thermal(&root.join("sys/devices/system/cpu")),
            quota_microseconds: quota(root),
            stolen_ticks: stolen(&stat),
            processors: stat.lines().filter(|line| is_processor(line)).count() as u64,
        }
    }

    /// What happened between these counts and later ones.
    pub(crate) fn slowdown(&self, later: Counters) -> Slowdown {
        let since = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let nanoseconds_a_tick = 1_000_000_000 / TICKS_PER_SECOND;
        let stolen = since(self.stolen_ticks, later.stolen_ticks);
        Slowdown {
            thermal_events: since(self.thermal_events, later.thermal_events),
            quota_ns: since(self.quota_microseconds, later.quota_microseconds)
                .map(|microseconds| microseconds * 1_000),
            stolen_ns: stolen.map(|ticks| ticks * nanoseconds_a_tick / later.processors.max(1)),
        }
    }
}

/// Of all cores and packages; none where no processor counts.
fn thermal(processors: &Path) -> Option<u64> {
    let folders = std::fs::read_dir(processors).ok()?.flatten();
    let counts = folders.flat_map(|folder| {
        ["core_throttle_count", "package_throttle_count"].map(|name| {
            let file = folder.path().join("thermal_throttle").join(name);
            read(file).trim().parse::<u64>().ok()
        })
    });
    counts.flatten().reduce(|sum, count| sum + count)
}

/// `throttled_usec` of this process' control group; none where nothing limits it.
fn quota(root: &Path) -> Option<u64> {
    let groups = read(root.join("proc/self/cgroup"));
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = root.join("sys/fs/cgroup").join(own.trim_start_matches('/'));
    let line = read(folder.join("cpu.stat"));
    let line = line
        .lines()
        .find_map(|line| line.strip_prefix("throttled_usec "))?;
    line.trim().parse().ok()
}

/// The eighth number of the line of all processors.
fn stolen(stat: &str) -> Option<u64> {
    let all = stat.lines().find(|line| line.starts_with("cpu "))?;
    all.split_whitespace().nth(8)?.parse().ok()
}

fn is_processor(line: &str) -> bool {
    line.strip_prefix("cpu")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn stat(stolen: u64) -> String {
        format!(
            "cpu  9 0 9 9 0 0 9 {stolen} 0 0\ncpu0 1 0 1 1 0 0 1 1 0 0\ncpu1 1 0 1 1 0 0 1 1 0 0\nintr 1\n"
        )
    }

    #[test]
    fn what_the_kernel_counts_between_two_moments() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let state = |heat: u64, quota: u64, stolen: u64| {
            let counter = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
            write(root, counter, &format!("{heat}\n"));
            write(root, "proc/self/cgroup", "0::/user.slice\n");
            let text = format!("usage_usec 5\nnr_throttled 1\nthrottled_usec {quota}\n");
            write(root, "sys/fs/cgroup/user.slice/cpu.stat", &text);
            write(root, "proc/stat", &stat(stolen));
            Counters::below(root)
        };
        let slowdown = state(3, 1_000, 40).slowdown(state(5, 3_500, 60));
        assert_eq!(slowdown.thermal_events, Some(2));
        assert_eq!(slowdown.quota_ns, Some(2_500_000));
        // 20 ticks of 10 ms on two processors.
        assert_eq!(slowdown.stolen_ns, Some(100_000_000));
    }

    #[test]
    fn a_machine_that_counts_nothing_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Counters::below(folder.path());
        assert_eq!(nothing.slowdown(nothing), Slowdown::default());
    }

    #[test]
    fn this_machine_has_processors() {
        assert!(Counters::read().processors > 0);
    }
}
