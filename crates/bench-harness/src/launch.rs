//! What starts a program of bench, be it a worker, an evaluator or a check: one value, whoever starts it and for whatever.

pub mod environment;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable by which the dynamic linker finds libtorch, also for a program that lies where its rpath leads nowhere.
const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// All that tells how a program is started. A builder says what the program is, whoever starts it says what it may touch; [`Launch::command`] is the
/// only way from here to a process. What it may read, write and use is complete: nothing is kept from a program yet, but whatever keeps it needs no
/// more than this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program's file and its arguments.
    pub argv: Vec<OsString>,
    /// Variables of its own, over those that every program of bench has: see [`environment`].
    pub environment: Vec<(OsString, OsString)>,
    /// Files and folders that it may read, beside the system's. They must be there when it starts.
    pub reads: Vec<PathBuf>,
    /// Folders that it may write.
    pub writes: Vec<PathBuf>,
    /// Numbers of the NVIDIA cards that it may use; none: the processor alone.
    pub cards: Vec<u32>,
}

/// Something that a program is to read is gone.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{} cannot start: {}, which it needs, is not there any more", program.display(), missing.display())]
pub struct LaunchError {
    /// Its file.
    pub program: PathBuf,
    /// What is gone.
    pub missing: PathBuf,
}

impl Launch {
    /// A program that touches nothing yet.
    pub fn of(program: impl Into<OsString>) -> Launch {
        Launch {
            argv: vec![program.into()],
            environment: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            cards: Vec::new(),
        }
    }

    /// With shared libraries in these folders, which are looked at before those of this process' own `LD_LIBRARY_PATH`.
    pub fn with_libraries(mut self, folders: &[PathBuf]) -> Launch {
        let own = std::env::var_os(LIBRARIES);
        let others = own.iter().flat_map(std::env::split_paths);
        let all = folders.iter().cloned().chain(others);
        // A folder with a colon in its name cannot be said.
        if let Ok(path) = std::env::join_paths(all)
            && !path.is_empty()
        {
            self.environment.push((LIBRARIES.into(), path));
        }
        self.reading(folders.iter().cloned())
    }

    /// With these arguments after the ones that it has.
    pub fn with(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Launch {
        self.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With these variables over the ones that it has.
    pub fn setting(mut self, variables: &[(OsString, OsString)]) -> Launch {
        self.environment.extend(variables.iter().cloned());
        self
    }

    /// It may read these too.
    pub fn reading(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Launch {
        self.reads.extend(paths);
        self
    }

    /// It may write below these folders too.
    pub fn writing(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Launch {
        self.writes.extend(folders);
        self
    }

    /// It may use these cards.
    pub fn on(mut self, cards: impl IntoIterator<Item = u32>) -> Launch {
        self.cards.extend(cards);
        self
    }

    /// The program's file.
    pub fn program(&self) -> &Path {
        Path::new(
            self.argv
                .first()
                .map_or(OsStr::new(""), OsString::as_os_str),
        )
    }

    /// The command, with an environment that holds nothing but what is said here and in [`environment`].
    ///
    /// # Errors
    /// When something that it needs is gone: hours may have passed since it was set up.
    pub fn command(&self, threads: u32) -> Result<Command, LaunchError> {
        if let Some(missing) = self.reads.iter().find(|path| !path.exists()) {
            return Err(LaunchError {
                program: self.program().to_owned(),
                missing: missing.clone(),
            });
        }
        let mut command = Command::new(self.program());
        command
            .args(self.argv.iter().skip(1))
            .env_clear()
            .envs(environment::variables(threads, &self.cards))
            .envs(self.environment.iter().cloned());
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_the_value_says_and_nothing_else() {
        let launch = Launch::of("/opt/lion")
            .with(["check", "--format"])
            .with_libraries(&["/".into()])
            .setting(&[("SCRIPT".into(), "a".into()), ("SCRIPT".into(), "b".into())]);
        let command = launch.command(3).unwrap();
        let argv: Vec<&OsStr> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .collect();
        assert_eq!(argv, ["/opt/lion", "check", "--format"]);
        let value = |name: &str| {
            let mut variables = command.get_envs();
            let found = variables.find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value).map(OsStr::to_os_string)
        };
        assert_eq!(value("OMP_NUM_THREADS"), Some("3".into()));
        assert_eq!(value("SCRIPT"), Some("b".into()));
        assert!(
            value("LD_LIBRARY_PATH")
                .unwrap()
                .to_string_lossy()
                .starts_with('/')
        );
        assert_eq!(value("CARGO_MANIFEST_DIR"), None);
    }

    #[test]
    fn what_is_gone_is_named_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("train.safetensors");
        let launch = Launch::of("/opt/lion").reading([folder.path().to_owned()]);
        assert!(launch.command(1).is_ok());
        let error = launch.reading([gone.clone()]).command(1).unwrap_err();
        assert_eq!(error.missing, gone);
        assert!(
            error.to_string().starts_with("/opt/lion cannot start: "),
            "{error}"
        );
    }
}
