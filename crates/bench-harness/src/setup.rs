//! libtorch: out of PyTorch's pinned wheels into the cache, once for all checkouts, or the user's own.
//!
//! The checkout's git-ignored link `.libtorch` is what cargo, rustc and the programs' rpath go through.

mod bundle;
mod link;
mod platform;
#[cfg(test)]
mod tests;
mod wheels;

pub use link::{VersionError, version_of};
pub use platform::{
    CARGO, COMPILER, Glibc, MissingTool, PIP, PlatformError, check_platform, compiler, glibc,
};

use crate::download::DownloadError;
use crate::home::Home;
use crate::lock::{Lock, LockError};
use crate::progress::{Listener, Progress};
use std::path::{Path, PathBuf};

/// The only version that the binding speaks to.
pub const VERSION: &str = "2.11.0";

/// libtorch cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a machine that wheels exist for.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// Programs are missing.
    #[error("{}", platform::list_missing(.0))]
    Tools(Vec<MissingTool>),
    /// The user's own libtorch is another version, or none.
    #[error("LIBTORCH is {}, but {reason}", folder.display())]
    Own {
        /// The variable's value.
        folder: PathBuf,
        /// What is wrong with it.
        reason: VersionError,
    },
    /// Too little room.
    #[error("{} has {free} bytes free, but setting up libtorch takes {needed}", folder.display())]
    Disk {
        /// Where.
        folder: PathBuf,
        /// Bytes there are.
        free: u64,
        /// Bytes it takes, the downloads included.
        needed: u64,
    },
    /// pip failed.
    #[error("cannot download libtorch: {0}")]
    Download(#[from] DownloadError),
    /// A wheel is not the pinned one.
    #[error("{file} has sha256 {found}, expected {expected}")]
    Hash {
        /// The wheel.
        file: String,
        /// What the lock file says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// pip left no such wheel.
    #[error("pip says that it downloaded {package} {version}, but left no such wheel")]
    NoWheel {
        /// The package.
        package: String,
        /// Its version.
        version: String,
    },
    /// A wheel cannot be opened.
    #[error("cannot unpack {}: {source}", wheel.display())]
    Unpack {
        /// The wheel.
        wheel: PathBuf,
        /// Why.
        source: zip::result::ZipError,
    },
    /// The file system says no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// `.libtorch` is there and is not ours to replace.
    #[error("{} is no link, and holds no libtorch {VERSION}", .0.display())]
    NotALink(PathBuf),
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl SetupError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            SetupError::Own { .. } => Some(format!(
                "unset LIBTORCH to have libtorch {VERSION} fetched, or let it name a folder of that version"
            )),
            SetupError::Disk { .. } => Some(
                "free some space, or let BENCH_CACHE name a folder on a larger disk".to_owned(),
            ),
            SetupError::Download(DownloadError::Failed { .. }) => Some(format!(
                "check the network and run `bench setup` again; without one, let LIBTORCH name an unpacked libtorch {VERSION}"
            )),
            SetupError::Hash { .. } => Some(
                "run `bench setup` again; if it stays, whoever serves the file serves another one than was pinned: do not use it".to_owned(),
            ),
            SetupError::NotALink(path) => Some(format!("move {} away", path.display())),
            _ => None,
        }
    }
}

/// A libtorch that programs can be built and run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libtorch {
    /// Holds `include/` and `lib/`.
    pub root: PathBuf,
    /// Whether it is the user's own, named by `LIBTORCH`.
    pub own: bool,
    /// The folder of the CUDA half, where there is one.
    pub cuda: Option<PathBuf>,
}

impl Libtorch {
    /// What `LD_LIBRARY_PATH` of the torch half's programs begins with. An rpath leads to the first, but not with a target folder elsewhere.
    pub fn library_folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.root.join("lib")];
        folders.extend(self.cuda.clone().filter(|cuda| *cuda != folders[0]));
        folders
    }
}

/// What to set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Also the CUDA half: 2.5 GB more to download, 3.3 GB to keep.
    pub cuda: bool,
}

/// The libtorch that the checkout's link leads to, if it is there. Changes nothing.
///
/// # Errors
/// [`SetupError::Own`] when the user's own is another version.
pub fn find(home: &Home) -> Result<Option<Libtorch>, SetupError> {
    let root = match &home.user_libtorch {
        Some(folder) => {
            check_own(folder)?;
            folder.clone()
        }
        None => match std::fs::canonicalize(home.libtorch_link()) {
            Ok(folder) if version_of(&folder).is_ok_and(|version| version == VERSION) => folder,
            _ => return Ok(None),
        },
    };
    Ok(Some(Libtorch {
        cuda: cuda_of(home, &root),
        own: home.user_libtorch.is_some(),
        root,
    }))
}

/// A libtorch, set up unless it is there. A link that leads to the right version is left alone, whoever made it.
///
/// # Errors
/// [`SetupError`]; nothing half-done is ever taken for a libtorch, and the next call begins again.
pub fn ensure(
    home: &Home,
    options: Options,
    listener: &mut Listener,
) -> Result<Libtorch, SetupError> {
    if let Some(libtorch) = ready(home, options)? {
        return Ok(libtorch);
    }
    check_platform()?;
    let lock = home.libtorch_cache().join("setup.lock");
    let _lock = Lock::wait(&lock, "setting up libtorch", listener)?;
    if let Some(libtorch) = ready(home, options)? {
        return Ok(libtorch);
    }
    remove_leftovers(&home.libtorch_cache())?;
    let root = match find(home)? {
        Some(libtorch) => libtorch.root,
        None => bundle::prepare(home, &bundle::CPU, listener)?,
    };
    if options.cuda && cuda_of(home, &root).is_none() {
        bundle::prepare(home, &bundle::CUDA, listener)?;
    }
    link::make(&home.libtorch_link(), &root)?;
    listener(Progress::Noted {
        message: format!("libtorch {VERSION} is in {}", root.display()),
    });
    Ok(Libtorch {
        cuda: cuda_of(home, &root),
        own: home.user_libtorch.is_some(),
        root,
    })
}

/// What there is, if nothing is left to do.
fn ready(home: &Home, options: Options) -> Result<Option<Libtorch>, SetupError> {
    let Some(libtorch) = find(home)? else {
        return Ok(None);
    };
    let linked = link::leads_to(&home.libtorch_link(), &libtorch.root);
    let complete = linked && (libtorch.cuda.is_some() || !options.cuda);
    Ok(complete.then_some(libtorch))
}

fn check_own(folder: &Path) -> Result<(), SetupError> {
    let reason = match version_of(folder) {
        Ok(version) if version == VERSION => return Ok(()),
        Ok(version) => VersionError::Other(version),
        Err(reason) => reason,
    };
    Err(SetupError::Own {
        folder: folder.to_owned(),
        reason,
    })
}

/// The folder with libtorch_cuda.so: the user's own libtorch may hold both halves in one.
fn cuda_of(home: &Home, root: &Path) -> Option<PathBuf> {
    [root.join("lib"), bundle::CUDA.place(home).join("torch/lib")]
        .into_iter()
        .find(|folder| folder.join("libtorch_cuda.so").is_file())
}

/// Removes what a killed set-up left behind. Only called under the lock.
fn remove_leftovers(folder: &Path) -> Result<(), SetupError> {
    let entries = std::fs::read_dir(folder).map_err(failed("list", folder))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(bundle::SCRATCH) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> SetupError + 'a {
    move |source| SetupError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}
