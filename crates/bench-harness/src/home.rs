//! Where things are: the checkout, the cache, and the environment variables that bench reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checkout cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// `BENCH_HOME` names something else.
    #[error("BENCH_HOME is {}, which is no checkout of bench: it holds no harness.yaml beside crates/bench-core", .0.display())]
    Variable(PathBuf),
    /// Nothing that was tried is one.
    #[error(
        "cannot find the checkout of bench: neither {} nor a folder above it holds harness.yaml beside crates/bench-core, and the checkout that bench was built from ({}) is gone",
        current.display(),
        built.display()
    )]
    NotFound {
        /// Where the search began.
        current: PathBuf,
        /// What this program was compiled from.
        built: PathBuf,
    },
    /// A variable holds what only a shell fills in.
    #[error("{variable} is {}: only a shell knows what `~` is", value.display())]
    Tilde {
        /// Which.
        variable: &'static str,
        /// What it holds.
        value: PathBuf,
    },
    /// The current folder is gone.
    #[error("cannot tell the current folder: {0}")]
    Current(#[source] std::io::Error),
}

/// Where things are on this machine.
#[derive(Debug, Clone)]
pub struct Home {
    /// The checkout: `BENCH_HOME`, else the nearest folder above the current one, else the one that this program was built from.
    pub root: PathBuf,
    /// What all checkouts share: `BENCH_CACHE`, else the user's cache folder, else, where there is no user's folder, a folder of the checkout's. May not exist
    /// yet.
    pub cache: PathBuf,
    /// Where the user keeps data files: `BENCH_DATA`.
    pub user_data: Option<PathBuf>,
    /// The user's own libtorch: `LIBTORCH`.
    pub user_libtorch: Option<PathBuf>,
    /// The user's own Python: `BENCH_PYTHON`, an interpreter, or that of the environment that is active, and which variable names it.
    pub user_python: Option<(&'static str, PathBuf)>,
    /// The user's own C++ compiler: `CXX`.
    pub user_compiler: Option<OsString>,
    /// Where programs are looked for: `PATH`.
    pub search_path: OsString,
    /// What builds depend on, beside the checkout.
    pub building: Building,
}

/// What this process' environment says about builds.
#[derive(Debug, Clone, Default)]
pub struct Building {
    /// Cargo's own folder: `CARGO_HOME`, else `~/.cargo`.
    pub cargo_home: Option<PathBuf>,
    /// Variables by which compilers make other programs, such as `RUSTFLAGS`.
    pub flags: BTreeMap<String, OsString>,
}

impl Building {
    fn find(
        variables: impl Iterator<Item = (OsString, OsString)>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Building {
        let flag = |(name, value): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            is_flag(&name).then_some((name, value))
        };
        let own = || Some(PathBuf::from(variable("HOME")?).join(".cargo"));
        Building {
            cargo_home: variable("CARGO_HOME").map(PathBuf::from).or_else(own),
            flags: variables.filter_map(flag).collect(),
        }
    }
}

/// Whether a variable changes what compilers make. One that says how fast or where to is none, nor is a compiler's cache.
fn is_flag(name: &str) -> bool {
    const ALONE: [&str; 4] = [
        "RUSTC",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_BOOTSTRAP",
    ];
    const BEGINNINGS: [&str; 4] = [
        "CARGO_BUILD_",
        "CARGO_PROFILE_RELEASE_",
        "CARGO_TARGET_",
        "CXX",
    ];
    const NONE: [&str; 4] = ["_JOBS", "_DIR", "_TMPDIR", "_WRAPPER"];
    let begins = |beginning: &&str| name.starts_with(*beginning);
    let is_none = NONE.iter().any(|ending| name.ends_with(ending));
    ALONE.contains(&name) || BEGINNINGS.iter().any(begins) && !is_none
}

impl Home {
    /// Looks at this process' environment and current folder.
    ///
    /// # Errors
    /// [`HomeError`] says what was looked for and where.
    pub fn find() -> Result<Home, HomeError> {
        let current = std::env::current_dir().map_err(HomeError::Current)?;
        let built = Path::new(env!("CARGO_MANIFEST_DIR"));
        let variable = |name: &str| match std::env::var_os(name).filter(|value| !value.is_empty()) {
            // Without the variable the system knows where its users live.
            None if name == "HOME" => std::env::home_dir().map(PathBuf::into_os_string),
            value => value,
        };
        Ok(Home {
            building: Building::find(std::env::vars_os(), variable),
            ..Home::find_from(
                &current,
                built.ancestors().nth(2).unwrap_or(built),
                variable,
            )?
        })
    }

    fn find_from(
        current: &Path,
        built: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Home, HomeError> {
        for name in ["BENCH_HOME", "BENCH_CACHE", "BENCH_DATA", "LIBTORCH"] {
            let value = variable(name).map(PathBuf::from);
            if let Some(value) = value.filter(|value| value.starts_with("~")) {
                return Err(HomeError::Tilde {
                    variable: name,
                    value,
                });
            }
        }
        let path = |name| variable(name).map(|value| current.join(value));
        let root = match path("BENCH_HOME") {
            Some(root) if is_checkout(&root) => root,
            Some(root) => return Err(HomeError::Variable(root)),
            None => current
                .ancestors()
                .chain([built])
                .find(|folder| is_checkout(folder))
                .ok_or_else(|| HomeError::NotFound {
                    current: current.to_owned(),
                    built: built.to_owned(),
                })?
                .to_owned(),
        };
        let cache = path("BENCH_CACHE")
            .or_else(|| {
                // Its standard has relative ones ignored.
                let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
                Some(cache.filter(|cache| cache.is_absolute())?.join("bench"))
            })
            .or_else(|| Some(path("HOME")?.join(".cache/bench")))
            .unwrap_or_else(|| root.join("target/bench-cache"));
        Ok(Home {
            // One name for every file in it: given paths have their links resolved too.
            root: root.canonicalize().unwrap_or(root),
            // Under `cargo run`, cargo itself sets LIBTORCH to a checkout's link: that one is ours.
            user_libtorch: path("LIBTORCH").filter(|folder| !folder.ends_with(LINK)),
            user_data: path("BENCH_DATA"),
            user_python: path("BENCH_PYTHON")
                .map(|python| ("BENCH_PYTHON", python))
                .or_else(|| Some(("VIRTUAL_ENV", path("VIRTUAL_ENV")?.join("bin/python")))),
            user_compiler: variable("CXX"),
            search_path: variable("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            cache,
            building: Building::default(),
        })
    }

    /// The git-ignored link to libtorch that `.cargo/config.toml` names.
    pub fn libtorch_link(&self) -> PathBuf {
        self.root.join(LINK)
    }

    /// Prepared libtorch folders, one a version and kind.
    pub fn libtorch_cache(&self) -> PathBuf {
        self.cache.join("libtorch")
    }

    /// Decoded data sets.
    pub fn data_cache(&self) -> PathBuf {
        self.cache.join("data")
    }

    /// Revisions of the checkout, for comparisons with it.
    pub fn revisions(&self) -> PathBuf {
        self.cache.join("revisions")
    }

    /// Copies of programs, by their content: what trials run.
    pub fn programs(&self) -> PathBuf {
        self.cache.join("programs")
    }

    /// What cargo builds, submissions included.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// A command that finds its program, and programs it starts, where the user's own shell would.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command
            .env("PATH", &self.search_path)
            .envs(&self.building.flags);
        command
    }

    /// The file that a command of this name would run.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.search_path)
            .map(|folder| folder.join(name))
            .find(|file| {
                rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
            })
    }
}

const LINK: &str = ".libtorch";

fn is_checkout(folder: &Path) -> bool {
    folder.join("harness.yaml").is_file() && folder.join("crates/bench-core").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(at: &Path) -> PathBuf {
        std::fs::create_dir_all(at.join("crates/bench-core/src")).unwrap();
        std::fs::create_dir_all(at.join("submissions/lion")).unwrap();
        std::fs::write(at.join("harness.yaml"), "schema: 1\n").unwrap();
        at.to_owned()
    }

    type Variables<'a> = &'a [(&'a str, &'a Path)];

    fn find(current: &Path, built: &Path, variables: Variables) -> Result<Home, HomeError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Home::find_from(current, built, |name| match (name, variables.get(name)) {
            ("HOME", None) => Some("/home/me".into()),
            (_, value) => value.map(|value| value.as_os_str().to_owned()),
        })
    }

    #[test]
    fn variable_then_nearest_then_built_from() {
        let folder = tempfile::tempdir().unwrap();
        let here = checkout(&folder.path().join("here"));
        let there = checkout(&folder.path().join("there"));
        let elsewhere = folder.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let inside = here.join("submissions/lion");
        let cases: [(&Path, Variables, &Path); 4] = [
            (&inside, &[], &here),
            (&inside, &[("BENCH_HOME", &there)], &there),
            (
                &inside,
                &[("BENCH_HOME", Path::new("../../../there"))],
                &there,
            ),
            (&elsewhere, &[], &there),
        ];
        for (current, variables, expected) in cases {
            let home = find(current, &there, variables).unwrap();
            assert_eq!(
                home.root.canonicalize().unwrap(),
                expected.canonicalize().unwrap()
            );
        }
        let error = find(&inside, &there, &[("BENCH_HOME", &elsewhere)]).unwrap_err();
        assert!(matches!(error, HomeError::Variable(path) if path == elsewhere));
        let error = find(&elsewhere, &elsewhere, &[]).unwrap_err();
        assert!(error.to_string().contains("elsewhere"), "{error}");
    }

    #[test]
    fn variables_that_change_programs_are_told_from_others() {
        let set = |name: &str| (OsString::from(name), OsString::from("x"));
        let names = [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_BUILD_RUSTFLAGS",
            "CXXFLAGS",
            "RUSTC",
        ];
        let others = [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "RUSTC_WRAPPER",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "RUST_BACKTRACE",
        ];
        let variables = names.iter().chain(&others).map(|name| set(name));
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/me"));
        let building = Building::find(variables, home);
        let found: Vec<&str> = building.flags.keys().map(String::as_str).collect();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(found, names);
        assert_eq!(building.cargo_home, Some("/home/me/.cargo".into()));
    }

    #[test]
    fn a_home_that_no_shell_filled_in_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = checkout(&folder.path().join("checkout"));
        for name in ["BENCH_HOME", "BENCH_CACHE", "BENCH_DATA", "LIBTORCH"] {
            let error = find(&root, &root, &[(name, Path::new("~/bench"))]).unwrap_err();
            let expected = format!("{name} is ~/bench: only a shell knows what `~` is");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn cache_and_own_libtorch() {
        let folder = tempfile::tempdir().unwrap();
        let root = checkout(&folder.path().join("checkout"));
        let home = |variables: Variables| find(&root, &root, variables).unwrap();
        assert_eq!(home(&[]).cache, Path::new("/home/me/.cache/bench"));
        let xdg = ("XDG_CACHE_HOME", Path::new("/xdg"));
        assert_eq!(home(&[xdg]).cache, Path::new("/xdg/bench"));
        let relative = ("XDG_CACHE_HOME", Path::new("xdg"));
        assert_eq!(home(&[relative]).cache, Path::new("/home/me/.cache/bench"));
        let homeless = Home::find_from(&root, &root, |_| None).unwrap();
        assert_eq!(homeless.cache, root.join("target/bench-cache"));
        let own = ("BENCH_CACHE", Path::new("/own"));
        assert_eq!(home(&[xdg, own]).cache, Path::new("/own"));
        assert_eq!(home(&[]).user_libtorch, None);
        let link = root.join(".libtorch");
        assert_eq!(home(&[("LIBTORCH", &link)]).user_libtorch, None);
        let mine = home(&[("LIBTORCH", Path::new("/opt/libtorch"))]);
        assert_eq!(
            mine.user_libtorch.as_deref(),
            Some(Path::new("/opt/libtorch"))
        );
    }
}
