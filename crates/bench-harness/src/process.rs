//! A supervised program: its own process group, a bare environment, stopped and continued as a whole, and never left behind.

mod kernel;
mod log;
mod processor;
mod strays;

use crate::channel::{self, Arrival, Source};
use crate::launch::{Launch, LaunchError};
use bench_core::protocol::{Command, TRIAL_VARIABLE, Task};
use log::Log;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Serialize;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

/// How often a process is looked at while something is expected of it.
const LOOK: Duration = Duration::from_millis(1);
/// How long a killed process may take to vanish: longer only where a driver holds it.
const VANISH: Duration = Duration::from_secs(30);

/// A program could not be run or kept in hand.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Something that it needs is gone.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// It did not start.
    #[error("{} did not start: {cause}", program.display())]
    Spawn {
        /// Its file.
        program: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Its standard error has nowhere to go.
    #[error("{} cannot be written: {cause}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It ignores SIGSTOP, as a process in the middle of a driver's call does.
    #[error("the {} could not be stopped within {within:?}", source_name.name())]
    Unstoppable {
        /// Which.
        source_name: Source,
        /// How long was waited.
        within: Duration,
    },
    /// A system call failed.
    #[error("the {} cannot be signalled: {cause}", source_name.name())]
    Signal {
        /// Which.
        source_name: Source,
        /// Why.
        cause: io::Error,
    },
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// Code or signal.
    pub status: ExitStatus,
    /// Highest resident memory, in bytes.
    pub peak_memory: u64,
    /// Processor time, with that of children that it waited for.
    pub cpu: Duration,
}

/// A worker or evaluator. Dropping it kills its process group.
#[derive(Debug)]
pub struct Process {
    source: Source,
    pid: Pid,
    stdin: Option<ChildStdin>,
    log: Log,
    token: String,
    exit: Option<Exit>,
}

impl Process {
    /// Starts a program in a process group of its own, its output going to `arrivals` and its standard error to `log`. `token` is unique on this
    /// machine: it marks every process that the program starts, whatever group or session that moves to.
    ///
    /// The calling thread must outlive the process: the kernel sends the parent's death signal when that *thread* ends.
    ///
    /// # Errors
    /// When it does not start, or its log cannot be written.
    pub fn spawn(
        source: Source,
        launch: &Launch,
        threads: u32,
        token: &str,
        log: &Path,
        arrivals: SyncSender<Arrival>,
    ) -> Result<Process, ProcessError> {
        let spawn_error = |cause| ProcessError::Spawn {
            program: launch.program().to_owned(),
            cause,
        };
        let mut command = launch.command(threads)?;
        let file = Log::open(log).map_err(|cause| ProcessError::Log {
            path: log.to_owned(),
            cause,
        })?;
        command
            .env(TRIAL_VARIABLE, marker(token, source))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        kernel::die_with_this_process(&mut command);
        let mut child = command.spawn().map_err(spawn_error)?;
        let pid = Pid::from_child(&child);
        let mut process = Process {
            source,
            pid,
            stdin: child.stdin.take(),
            log: Log::default(),
            token: token.to_owned(),
            exit: None,
        };
        kernel::prefer_for_oom_kill(pid);
        if let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) {
            channel::listen(source, output, arrivals).map_err(spawn_error)?;
            process.log = Log::follow(source, errors, file).map_err(spawn_error)?;
        }
        Ok(process)
    }

    /// Writes the first line.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub fn assign(&mut self, task: &Task) -> io::Result<()> {
        self.write_line(task)
    }

    /// Writes a command.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub fn send(&mut self, command: &Command) -> io::Result<()> {
        self.write_line(command)
    }

    /// Writes any line, for programs of which nothing is known yet.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(crate) fn write_line(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        match &mut self.stdin {
            Some(stdin) => stdin.write_all(&line),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Stops every process of the group and waits until the program itself stands still, all of its threads.
    ///
    /// # Errors
    /// When it does not stop. One that has ended counts as stopped.
    pub fn freeze(&mut self, within: Duration) -> Result<(), ProcessError> {
        self.signal(Signal::STOP)?;
        let since = Instant::now();
        while !self.stands_still()? {
            if since.elapsed() > within {
                return Err(ProcessError::Unstoppable {
                    source_name: self.source,
                    within,
                });
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Lets a stopped group go on.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn thaw(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT)
    }

    /// Processor time used so far by its process group and by what left it, to a hundredth of a second; none where the kernel does not tell.
    pub fn cpu(&self) -> Option<Duration> {
        processor::used(self.pid, &strays::mark(&self.token, self.source))
    }

    fn stands_still(&self) -> Result<bool, ProcessError> {
        let stopped = self.look(WaitIdOptions::STOPPED)?;
        Ok(stopped || self.has_exited()?)
    }

    /// Whether the program has ended. It stays a zombie, so that its process group cannot become somebody else's.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn has_exited(&self) -> Result<bool, ProcessError> {
        Ok(self.exit.is_some() || self.look(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?)
    }

    fn look(&self, options: WaitIdOptions) -> Result<bool, ProcessError> {
        waitid(WaitId::Pid(self.pid), options | WaitIdOptions::NOHANG)
            .map(|status| status.is_some())
            .map_err(|cause| self.signal_error(cause.into()))
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        match kill_process_group(self.pid, signal) {
            // Nobody left in the group but a zombie.
            Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => Ok(()),
            Err(cause) => Err(self.signal_error(cause.into())),
        }
    }

    fn signal_error(&self, cause: io::Error) -> ProcessError {
        ProcessError::Signal {
            source_name: self.source,
            cause,
        }
    }

    /// Waits until the program ends by itself, or until `hurry` says so.
    pub fn await_exit(&self, within: Duration, mut hurry: impl FnMut() -> bool) -> bool {
        let since = Instant::now();
        loop {
            match self.has_exited() {
                Ok(false) if since.elapsed() < within && !hurry() => thread::sleep(LOOK),
                answer => return answer.unwrap_or(true),
            }
        }
    }

    /// Asks the group to end, waits `grace`, kills what is left of it, and of what left it, and reaps.
    pub fn terminate(&mut self, grace: Duration, hurry: impl FnMut() -> bool) -> Option<Exit> {
        if self.exit.is_none() {
            // A signal that cannot be sent is answered by the kill below.
            let _ = self.signal(Signal::TERM);
            let _ = self.signal(Signal::CONT);
            self.await_exit(grace, hurry);
        }
        self.kill()
    }

    /// Kills the group at once, and what left it, and reaps.
    pub fn kill(&mut self) -> Option<Exit> {
        if self.exit.is_none() {
            self.stdin = None;
            let _ = self.signal(Signal::KILL);
            self.exit = kernel::reap(self.pid, VANISH);
            strays::kill(&self.token, self.source);
            self.log.finish();
        }
        self.exit
    }

    /// The last lines of its standard error.
    pub fn last_words(&self) -> String {
        self.log.tail()
    }
}

/// The value of [`TRIAL_VARIABLE`].
fn marker(token: &str, source: Source) -> String {
    format!("{token}/{}", source.name())
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
