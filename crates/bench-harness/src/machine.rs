//! What times depend on, as far as a program can tell without asking anyone.

use bench_core::record::{Allotment, Machine};
use std::path::Path;

/// This machine.
pub fn describe() -> Machine {
    let cpu = processor(&read("/proc/cpuinfo"));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let memory = memory(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let gpus = cards(Path::new("/proc/driver/nvidia"));
    let system = rustix::system::uname();
    let kernel = format!(
        "{} {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    );
    Machine {
        fingerprint: fingerprint(&cpu, cores, memory, &gpus),
        cpu,
        cores,
        memory,
        gpus,
        kernel,
    }
}

/// What a batch system gave to this process, by the variables that it sets; none where there is no such system.
pub fn allotment(variable: impl Fn(&str) -> Option<String>) -> Option<Allotment> {
    let number = |name| variable(name)?.parse::<u32>().ok();
    let job = variable("SLURM_JOB_ID")?;
    let task = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    let cards = variable("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let system = rustix::system::uname();
    Some(Allotment {
        by: "slurm".to_owned(),
        job: task.map_or(job, |(array, task)| format!("{array}_{task}")),
        host: variable("SLURMD_NODENAME")
            .unwrap_or_else(|| system.nodename().to_string_lossy().into_owned()),
        host_cores: processors(&read("/proc/cpuinfo")),
        cores: number("SLURM_CPUS_PER_TASK").or_else(|| number("SLURM_CPUS_ON_NODE")),
        cards: cards
            .split(',')
            .filter(|card| !card.is_empty())
            .map(str::to_owned)
            .collect(),
        restarts: number("SLURM_RESTART_COUNT").unwrap_or(0),
    })
}

/// Logical processors of the whole machine, whatever this process may use of them.
fn processors(cpuinfo: &str) -> u32 {
    let lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(name, _)| name.trim() == "processor").count() as u32
}

/// Of all but the kernel. Memory counts in whole GiB, since the kernel keeps a little more or less of it to itself after each update.
fn fingerprint(cpu: &str, cores: u32, memory: u64, gpus: &[String]) -> String {
    let gibibytes = (memory + (1 << 29)) >> 30;
    let text = format!("{cpu}\n{cores}\n{gibibytes}\n{}", gpus.join("\n"));
    let digest = blake3::derive_key("bench machine v1", text.as_bytes());
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn processor(cpuinfo: &str) -> String {
    field(cpuinfo, "model name").unwrap_or("unknown").to_owned()
}

/// A line of `/proc/meminfo`, in bytes.
pub(crate) fn memory(meminfo: &str, name: &str) -> Option<u64> {
    let kibibytes = field(meminfo, name)?.strip_suffix(" kB")?;
    Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
}

/// The value of `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// `NVIDIA H100 (driver 580.95.05)`, one line a card, from what the driver shows of itself.
fn cards(driver: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(driver.join("gpus")) else {
        return Vec::new();
    };
    let version = read(driver.join("version"));
    // `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  …`: the first word that begins like a version.
    let version = version
        .split_whitespace()
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or("unknown");
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path().join("information"))
        .collect();
    files.sort();
    files
        .iter()
        .filter_map(|file| Some(field(&read(file), "Model")?.to_owned()))
        .map(|model| format!("{model} (driver {version})"))
        .collect()
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: AMD EPYC 9654\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(processor(cpuinfo), "AMD EPYC 9654");
        assert_eq!(processor(""), "unknown");
        let meminfo = "MemTotal:       24684100 kB\nMemFree: 1 kB\n";
        assert_eq!(memory(meminfo, "MemTotal"), Some(24_684_100 * 1024));
        assert_eq!(memory(meminfo, "Swap"), None);
    }

    #[test]
    fn what_was_allotted_is_told_apart_from_the_machine() {
        assert_eq!(allotment(|_| None), None);
        let set = [
            ("SLURM_JOB_ID", "131"),
            ("SLURM_ARRAY_JOB_ID", "123"),
            ("SLURM_ARRAY_TASK_ID", "4"),
            ("SLURMD_NODENAME", "n7"),
            ("SLURM_CPUS_ON_NODE", "3"),
            ("SLURM_RESTART_COUNT", "2"),
            ("CUDA_VISIBLE_DEVICES", "0,3"),
        ];
        let variable = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let given = allotment(variable).unwrap();
        assert_eq!((given.job.as_str(), given.host.as_str()), ("123_4", "n7"));
        assert_eq!((given.cores, given.restarts), (Some(3), 2));
        assert_eq!(given.cards, ["0", "3"]);
        assert!(given.host_cores > 0);
        assert_eq!(
            processors("processor\t: 0\nmodel name\t: x\nprocessor\t: 1\n"),
            2
        );
    }

    #[test]
    fn cards_from_the_drivers_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(cards(folder.path()).is_empty());
        let version = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\nGCC version: gcc 12.2.0\n";
        std::fs::write(folder.path().join("version"), version).unwrap();
        for (slot, model) in [
            ("0000:81:00.0", "NVIDIA A100"),
            ("0000:01:00.0", "NVIDIA H100"),
        ] {
            let slot = folder.path().join("gpus").join(slot);
            std::fs::create_dir_all(&slot).unwrap();
            std::fs::write(
                slot.join("information"),
                format!("Model: \t\t {model}\nIRQ: 1\n"),
            )
            .unwrap();
        }
        assert_eq!(
            cards(folder.path()),
            [
                "NVIDIA H100 (driver 580.95.05)",
                "NVIDIA A100 (driver 580.95.05)"
            ]
        );
    }

    #[test]
    fn the_fingerprint_forgives_a_little_memory_only() {
        let gibibyte = 1 << 30;
        let print = |cores, memory| fingerprint("EPYC", cores, memory, &[]);
        assert_eq!(
            print(2, 24 * gibibyte),
            print(2, 24 * gibibyte - 400_000_000)
        );
        assert_ne!(print(2, 24 * gibibyte), print(2, 23 * gibibyte));
        assert_ne!(print(2, 24 * gibibyte), print(4, 24 * gibibyte));
        assert_eq!(describe(), describe());
    }
}
