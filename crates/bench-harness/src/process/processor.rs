//! Processor time of a trial's program: of its process group, and of what left it.

use super::strays;
use rustix::process::Pid;
use std::fs;
use std::time::Duration;

/// Ticks of /proc in a second: part of the kernel's interface, whatever its own clock does.
const TICKS: u64 = 100;

/// What a process used, and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    group: i32,
    ticks: u64,
}

/// Processor time that the group's processes, and all that carry the mark, have used until now, with that of their children that were waited for.
/// None where the kernel does not tell of the program itself.
pub(super) fn used(group: Pid, mark: &[u8]) -> Option<Duration> {
    let group = group.as_raw_nonzero().get();
    usage(group)?;
    let ticks = strays::all().into_iter().filter_map(|pid| {
        let usage = usage(pid)?;
        (usage.group == group || strays::is_marked(pid, mark)).then_some(usage.ticks)
    });
    Some(Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS))
}

fn usage(pid: i32) -> Option<Usage> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, so fields are counted from its end: state, parent, group; user, kernel, and both of ended children.
fn parse(stat: &str) -> Option<Usage> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
    Some(Usage {
        group: fields.get(2)?.parse().ok()?,
        ticks: ticks.sum::<Result<u64, _>>().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_the_end_of_the_name() {
        let stat = "7 (a) S (b) R 1 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5 6 7";
        let expected = Usage {
            group: 42,
            ticks: 110,
        };
        assert_eq!(parse(stat), Some(expected));
        for torn in ["", "7 (a) R 1 42", "7 (a) R 1 x 42 0 -1 0 1 0 0 0 1 2 3 4"] {
            assert_eq!(parse(torn), None, "{torn}");
        }
    }
}
