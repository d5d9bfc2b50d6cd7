//! A process as other machines can tell it from all others.

use crate::machine::read;
use serde::{Deserialize, Serialize};
use std::fs;
use std::sync::OnceLock;

/// A process, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    /// Its machine's name, for people.
    pub host: String,
    /// One boot of one machine, as the kernel numbers it; empty where it does not.
    pub boot: String,
    /// In which numbers of processes, and in whose time since the boot, the next two are: containers have their own.
    pub namespace: String,
    /// Its number.
    pub process: u32,
    /// When it started, in ticks since the boot: numbers come round.
    pub started: u64,
}

impl Owner {
    /// This process.
    pub fn this() -> Owner {
        static THIS: OnceLock<Owner> = OnceLock::new();
        let this = || Owner::of(std::process::id());
        THIS.get_or_init(this).clone()
    }

    /// A process of this machine.
    pub(super) fn of(process: u32) -> Owner {
        let host = rustix::system::uname();
        Owner {
            host: host.nodename().to_string_lossy().into_owned(),
            boot: boot(),
            namespace: namespace(),
            process,
            started: started(process).unwrap_or_default(),
        }
    }

    /// Whether its process would be seen from here.
    pub fn is_of_here(&self) -> bool {
        !self.boot.is_empty()
            && !self.namespace.is_empty()
            && self.boot == boot()
            && self.namespace == namespace()
    }

    /// Whether it is of here, and not there any more.
    pub fn is_gone(&self) -> bool {
        self.is_of_here() && started(self.process) != Some(self.started)
    }
}

fn boot() -> String {
    read("/proc/sys/kernel/random/boot_id").trim().to_owned()
}

fn namespace() -> String {
    let of = |kind| {
        let link = fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
        Some(link.to_string_lossy().into_owned())
    };
    // Kernels of before 5.6 know one time only.
    let time = of("time").map(|time| format!(" {time}"));
    of("pid").map_or(String::new(), |pid| pid + &time.unwrap_or_default())
}

/// When a process that is there and no zombie started, in ticks.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // A program's name may hold anything, closing parentheses included.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // The third field of all is the state, the 22nd the start.
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(started)
}
