//! Which files of the wheels make a libtorch, and how they get to their place.

use super::{SetupError, VERSION, failed, wheels};
use crate::home::Home;
use crate::progress::{Listener, Progress};
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// A half of libtorch.
#[derive(Debug)]
pub(super) struct Bundle {
    /// `cpu` or `cuda`.
    pub(super) name: &'static str,
    /// The wheels, in pip's requirements format.
    pub(super) lock: &'static str,
    /// Its size in place, in bytes.
    pub(super) unpacked: u64,
    /// Where a file of a wheel goes; nowhere, mostly.
    pub(super) pick: fn(&str) -> Option<PathBuf>,
}

/// All that programs are built and run with. Laid out as libtorch's own archives are.
pub(super) const CPU: Bundle = Bundle {
    name: "cpu",
    lock: include_str!("../../libtorch.lock"),
    unpacked: 530_000_000,
    pick: pick_cpu,
};

/// What programs load at run time when they are told to use a card, so that one build serves both.
/// Laid out as in the wheels, since the libraries find each other by relative paths. Kept apart: the binding's build would link what lies beside libtorch_cpu.so.
pub(super) const CUDA: Bundle = Bundle {
    name: "cuda",
    lock: include_str!("../../libtorch-cuda.lock"),
    unpacked: 3_350_000_000,
    pick: pick_cuda,
};

fn pick_cpu(path: &str) -> Option<PathBuf> {
    if let Some(header) = path.strip_prefix("torch/include/") {
        return Some(Path::new("include").join(header));
    }
    let library = path
        .strip_prefix("torch/lib/")
        .or_else(|| path.strip_prefix("nvidia/cu13/lib/"))?;
    let wanted = [
        "libtorch_cpu.so",
        "libtorch.so",
        "libc10.so",
        "libgomp.so.1",
        "libcupti.so.13",
        "libcudart.so.13",
    ];
    wanted
        .contains(&library)
        .then(|| Path::new("lib").join(library))
}

fn pick_cuda(path: &str) -> Option<PathBuf> {
    let wanted = match path.strip_prefix("torch/lib/") {
        Some(library) => [
            "libtorch_cuda.so",
            "libtorch_cuda_linalg.so",
            "libtorch_nvshmem.so",
            "libc10_cuda.so",
            "libcaffe2_nvrtc.so",
        ]
        .contains(&library),
        None => path.starts_with("nvidia/") && path.contains("/lib/") && path.contains(".so"),
    };
    wanted.then(|| PathBuf::from(path))
}

impl Bundle {
    /// Its folder in the cache.
    pub(super) fn place(&self, home: &Home) -> PathBuf {
        home.libtorch_cache()
            .join(format!("{VERSION}-{}", self.name))
    }
}

/// Beginning of the names of folders that are worked in.
pub(super) const SCRATCH: &str = "setting-up-";

/// Downloads and unpacks beside the place, then renames: the folder is there whole or not at all. Needs the lock.
pub(super) fn prepare(
    home: &Home,
    bundle: &Bundle,
    listener: &mut Listener,
) -> Result<PathBuf, SetupError> {
    let place = bundle.place(home);
    if place.is_dir() {
        return Ok(place);
    }
    let parent = home.libtorch_cache();
    check_disk(&parent, bundle)?;
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(&parent)
        .map_err(failed("make a folder in", &parent))?;
    let [downloads, staged] = ["wheels", "unpacked"].map(|name| scratch.path().join(name));
    for folder in [&downloads, &staged] {
        std::fs::create_dir(folder).map_err(failed("make", folder))?;
    }
    let wheels = wheels::download(home, bundle.lock, &downloads, listener)?;
    listener(Progress::Began {
        what: "unpacking".to_owned(),
        bytes: Some(bundle.unpacked),
    });
    let unpacked = unpack(&wheels, bundle.pick, &staged, listener);
    listener(Progress::Ended);
    unpacked?;
    let version = staged.join("build-version");
    std::fs::write(&version, format!("{VERSION}\n")).map_err(failed("write", &version))?;
    std::fs::rename(&staged, &place).map_err(failed("rename a folder to", &place))?;
    Ok(place)
}

fn check_disk(folder: &Path, bundle: &Bundle) -> Result<(), SetupError> {
    let downloads: u64 = wheels::parse(bundle.lock)
        .iter()
        .map(|wheel| wheel.bytes)
        .sum();
    let needed = downloads + bundle.unpacked + 100_000_000;
    match crate::scratch::free_bytes(folder) {
        Some(free) if free < needed => Err(SetupError::Disk {
            folder: folder.to_owned(),
            free,
            needed,
        }),
        _ => Ok(()),
    }
}

fn unpack(
    wheels: &[PathBuf],
    pick: fn(&str) -> Option<PathBuf>,
    folder: &Path,
    listener: &mut Listener,
) -> Result<(), SetupError> {
    let mut done = 0;
    for wheel in wheels {
        let damaged = |source| SetupError::Unpack {
            wheel: wheel.clone(),
            source,
        };
        let file = File::open(wheel).map_err(failed("open", wheel))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(damaged)?;
            // A name that leads out of the folder is none.
            let inside = entry.enclosed_name().filter(|_| entry.is_file());
            let Some(path) = inside.and_then(|name| pick(name.to_str()?)) else {
                continue;
            };
            let path = folder.join(path);
            write_file(&mut entry, &path, &mut done, listener)?;
        }
    }
    Ok(())
}

fn write_file(
    content: &mut impl std::io::Read,
    path: &Path,
    done: &mut u64,
    listener: &mut Listener,
) -> Result<(), SetupError> {
    let failed = failed("unpack", path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(&failed)?;
    }
    let mut file = File::create(path).map_err(&failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = content.read(&mut buffer).map_err(&failed)?;
        if length == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..length]).map_err(&failed)?;
        *done += length as u64;
        listener(Progress::Advanced { bytes: *done });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_to_their_places() {
        let cases = [
            (
                "torch/include/ATen/ops/add.h",
                Some("include/ATen/ops/add.h"),
                None,
            ),
            (
                "torch/lib/libtorch_cpu.so",
                Some("lib/libtorch_cpu.so"),
                None,
            ),
            (
                "nvidia/cu13/lib/libcudart.so.13",
                Some("lib/libcudart.so.13"),
                Some("nvidia/cu13/lib/libcudart.so.13"),
            ),
            (
                "torch/lib/libtorch_cuda.so",
                None,
                Some("torch/lib/libtorch_cuda.so"),
            ),
            ("torch/lib/libtorch_python.so", None, None),
            ("torch/nn/functional.py", None, None),
            (
                "nvidia/cudnn/lib/libcudnn.so.9",
                None,
                Some("nvidia/cudnn/lib/libcudnn.so.9"),
            ),
            ("nvidia/cu13/include/cuda.h", None, None),
            ("nvidia/cu13/lib/libcudart_static.a", None, None),
        ];
        for (path, cpu, cuda) in cases {
            assert_eq!(pick_cpu(path), cpu.map(PathBuf::from), "{path}");
            assert_eq!(pick_cuda(path), cuda.map(PathBuf::from), "{path}");
        }
    }
}
