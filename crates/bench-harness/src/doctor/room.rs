//! Memory, disks and what lies on them.

use super::Check;
use crate::data;
use crate::file::takes_files;
use crate::home::Home;
use crate::setup::Glibc;
use crate::{machine, scratch};
use bench_core::spec::dataset::Dataset;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

const GIB: u64 = 1 << 30;
/// The first whose heap can ask for huge pages (`glibc.malloc.hugetlb`).
const ASKS_FOR_HUGE_PAGES: Glibc = Glibc(2, 35);

pub(super) fn memory() -> Check {
    const NAME: &str = "memory";
    let meminfo = machine::read("/proc/meminfo");
    let total = machine::memory(&meminfo, "MemTotal").unwrap_or_default();
    let free = machine::memory(&meminfo, "MemAvailable").unwrap_or_default();
    let found = format!("{} free of {}", gibibytes(free), gibibytes(total));
    if free >= 2 * GIB {
        return Check::ok(NAME, found);
    }
    Check::warning(
        NAME,
        found,
        "end what else uses memory: a trial that runs out of it is killed",
    )
}

/// Whether the heaps of a trial's programs lie in huge pages: from a line such as `always [madvise] never` and the C library, which is what asks.
pub(super) fn huge_pages(enabled: &str, glibc: Option<Glibc>) -> Check {
    const NAME: &str = "huge pages";
    let chosen = enabled.split(['[', ']']).nth(1);
    let (found, other) = match (chosen, glibc) {
        (None, _) => return Check::ok(NAME, "none shown to this machine: programs ask for none"),
        (Some("always"), _) => return Check::ok(NAME, "for every program"),
        (Some("madvise"), Some(glibc)) if glibc >= ASKS_FOR_HUGE_PAGES => {
            return Check::ok(NAME, "for programs that ask, as those of a trial do");
        }
        (Some("madvise"), _) => (
            format!("only for programs that ask, which takes glibc {ASKS_FOR_HUGE_PAGES} or newer"),
            "always",
        ),
        (Some(_), _) => ("none".to_owned(), "madvise"),
    };
    Check::warning(
        NAME,
        format!("{found}: updates of large models take up to a fifth longer"),
        format!(
            "until the machine's next start, `echo {other} | sudo tee /sys/kernel/mm/transparent_hugepage/enabled` (of a container: on its host)"
        ),
    )
}

pub(super) fn shared_memory() -> Check {
    const NAME: &str = "/dev/shm";
    let folder = Path::new(NAME);
    let found = match takes_files(folder) {
        Err(error) if error.cause.kind() != ErrorKind::StorageFull => refusal(&error.cause),
        _ => match scratch::free_bytes(folder).unwrap_or_default() {
            free if free >= GIB => return Check::ok(NAME, format!("{} free", gibibytes(free))),
            free => format!("{} free", gibibytes(free)),
        },
    };
    Check::warning(
        NAME,
        found,
        "snapshots go to the temporary folder's disk instead, which takes longer (off the clock); in a container, give it more with --shm-size",
    )
}

pub(super) fn disk(name: &str, folder: &Path) -> Check {
    // The folder need not exist yet; its disk does.
    let existing = folder.ancestors().find(|folder| folder.exists());
    let free = existing.and_then(scratch::free_bytes).unwrap_or_default();
    let found = format!("{} free for {}", gibibytes(free), folder.display());
    if free >= 2 * GIB {
        return Check::ok(name, found);
    }
    Check::warning(name, found, FULL)
}

/// What to do about a full disk.
const FULL: &str = "free some space: `bench clean` shows what bench uses";

pub(super) fn writable(name: &str, folder: &Path) -> Check {
    match takes_files(folder) {
        Ok(()) => Check::ok(name, format!("{} can be written", folder.display())),
        Err(error) => {
            let found = format!("{}: {}", error.path.display(), refusal(&error.cause));
            Check::failed(name, found, remedy(&error.cause))
        }
    }
}

/// Why a folder takes no files, in words that tell a read-only one from a full one.
fn refusal(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::ReadOnlyFilesystem => "mounted for reading only".to_owned(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("full: {cause}"),
        ErrorKind::PermissionDenied => "another user's, and not to be written by you".to_owned(),
        ErrorKind::NotADirectory => "a file, no folder".to_owned(),
        _ => format!("cannot be written: {cause}"),
    }
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FULL,
        ErrorKind::ReadOnlyFilesystem => {
            "mount it for writing, or name another folder with `--results`"
        }
        _ => "make it yours, or name another folder with `--results`",
    }
}

/// One check a data set.
pub(super) fn data_sets<'a>(
    home: &'a Home,
    datasets: &'a BTreeMap<String, Dataset>,
) -> impl Iterator<Item = Check> + 'a {
    datasets.iter().map(|(name, dataset)| {
        let title = format!("data set {name}");
        match data::find(home, name, dataset) {
            Ok(Some(prepared)) => Check::ok(&title, format!("{}", prepared.folder.display())),
            Ok(None) => Check::warning(
                &title,
                "not fetched",
                format!("`bench data fetch {name}` fetches it; so does a run that needs it"),
            ),
            Err(error) => {
                Check::failed(&title, error.to_string(), error.help().unwrap_or_default())
            }
        }
    })
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn huge_pages_take_a_kernel_that_gives_and_a_heap_that_asks() {
        let cases = [
            ("[always] madvise never\n", Glibc(2, 28), Status::Ok),
            ("always [madvise] never\n", Glibc(2, 36), Status::Ok),
            ("always [madvise] never\n", Glibc(2, 34), Status::Warning),
            ("always madvise [never]\n", Glibc(2, 36), Status::Warning),
            ("", Glibc(2, 36), Status::Ok),
        ];
        for (enabled, glibc, status) in cases {
            let check = huge_pages(enabled, Some(glibc));
            assert_eq!(check.status, status, "{check:?}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_yet_is_judged_by_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("not/yet");
        assert_eq!(writable("results", &results).status, Status::Ok);
        assert!(!results.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(
            writable("results", Path::new("/proc/x")).status,
            Status::Failed
        );
        assert!(disk("disk", &results).found.ends_with("not/yet"));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let told = writable("results", &file.join("runs"));
        assert!(told.found.ends_with("file: a file, no folder"), "{told:?}");
    }

    #[test]
    fn a_full_folder_is_told_from_one_that_is_read_only() {
        let told = |kind: ErrorKind| {
            let error = io::Error::from(kind);
            (refusal(&error), remedy(&error))
        };
        let (full, free) = told(ErrorKind::StorageFull);
        assert!(full.starts_with("full") && free == FULL, "{full}: {free}");
        let (read_only, mount) = told(ErrorKind::ReadOnlyFilesystem);
        assert_eq!(read_only, "mounted for reading only");
        assert!(mount.starts_with("mount it for writing"), "{mount}");
        assert!(
            told(ErrorKind::PermissionDenied)
                .1
                .starts_with("make it yours")
        );
    }
}
