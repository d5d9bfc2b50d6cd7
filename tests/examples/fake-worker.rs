//! A worker and an evaluator that speak the protocol from a script: see `bench_tests::script`.
//!
//! Which of the two it is, it reads off its task: a worker is given the training split alone.
//! Its "training" is a chain of hashes of the steps, so that a resumed trial shows whether its state came back.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it plays a submission that misbehaves"
)]

use bench_core::number::Measured;
use bench_core::outcome::FailureKind;
use bench_core::protocol::{
    Claim, Command, DeviceReport, EVAL_FILE, Event, Message, Passes, STATE_FILE, Task,
};
use bench_core::run::SplitName;
use bench_tests::script::{Act, Moment, Script, VARIABLE};
use rustix::process::{Signal, getpid, kill_process};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(600);

struct Fake {
    task: Task,
    script: Script,
    evaluator: bool,
    step: u64,
    chain: u64,
    /// The last line it was told.
    told: String,
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("sleep") => thread::sleep(FOR_EVER),
        Some("spin") => spin(),
        _ => return play(),
    }
    ExitCode::SUCCESS
}

/// What a submission does that trains on while it is stopped.
fn spin() {
    let since = Instant::now();
    while since.elapsed() < FOR_EVER {
        std::hint::spin_loop();
    }
}

fn play() -> ExitCode {
    let mut lines = io::stdin().lock().lines();
    let Some(Ok(first)) = lines.next() else {
        return ExitCode::FAILURE;
    };
    let script = std::env::var(VARIABLE).unwrap_or_default();
    let script = serde_json::from_str(&script).unwrap_or_else(|_| Script::good());
    let Ok(task) = serde_json::from_str::<Task>(&first) else {
        return refuse(&script);
    };
    let mut fake = Fake {
        evaluator: task.local.data.len() > 1,
        script,
        step: 0,
        chain: 0,
        told: String::new(),
        task,
    };
    fake.start();
    for line in lines.map_while(Result::ok) {
        fake.told.clone_from(&line);
        match serde_json::from_str(&line).unwrap() {
            Command::Train { .. } => fake.train(),
            Command::Snapshot { folder } => fake.snapshot(&folder),
            Command::Evaluate { snapshot, splits } => fake.evaluate(&snapshot, &splits),
            Command::Stop => {
                fake.act(Moment::Stop);
                say(Event::Stopped {
                    unread: vec!["unused".to_owned()],
                    state: Some(2),
                    device_memory: None,
                });
                return ExitCode::SUCCESS;
            }
        }
    }
    // The referee is gone.
    ExitCode::FAILURE
}

/// What a program says that was given no task: the message has its version of the protocol.
fn refuse(script: &Script) -> ExitCode {
    match script.worker.get(&Moment::NoTask.key()) {
        Some(Act::Line(line)) => write(line.as_bytes(), true),
        Some(Act::LastWords(words)) => eprintln!("{words}"),
        _ => say(Event::Failed {
            kind: FailureKind::Error,
            message: "the first line is no task".to_owned(),
            location: None,
            step: None,
        }),
    }
    ExitCode::FAILURE
}

impl Fake {
    fn start(&mut self) {
        if let Some(resume) = &self.task.local.resume {
            let state = std::fs::read_to_string(resume.snapshot.join(STATE_FILE)).unwrap();
            let (step, chain) = state.split_once(' ').unwrap();
            (self.step, self.chain) = (step.parse().unwrap(), chain.parse().unwrap());
            assert_eq!(self.step, resume.step);
            self.act(Moment::Resume);
        }
        self.act(Moment::Load);
        if !self.evaluator {
            say(Event::Initialising);
            self.act(Moment::Init);
        }
        say(Event::Loaded);
        let act = self.act(Moment::WarmUp);
        let resume = self.task.local.resume.as_ref();
        let weights = match (act, resume) {
            (Some(Act::Weights(digest)), _) => digest,
            (_, Some(resume)) => digest(&resume.snapshot.join(EVAL_FILE)),
            (_, None) => "as built".to_owned(),
        };
        say(Event::Ready {
            parameters: 42,
            device: DeviceReport {
                device: "cpu".to_owned(),
                name: None,
                threads: self.task.run.threads,
                libtorch: "none".to_owned(),
                cuda: None,
            },
            weights: Some(weights),
        });
    }

    fn train(&mut self) {
        let began = Instant::now();
        let every = self.task.run.workload.evaluate.every_steps;
        thread::sleep(Duration::from_millis(self.script.interval_ms));
        for _ in 0..every {
            self.step += 1;
            self.chain = self
                .chain
                .wrapping_mul(6364136223846793005)
                .wrapping_add(self.step);
        }
        say(Event::Stepped { step: self.step });
        let act = self.act(Moment::Train(self.step));
        if let Some(Act::Drift) = act {
            self.chain ^= 1 << 42;
        }
        let lie = match act {
            Some(Act::Claim(seconds)) => seconds,
            _ => 0.0,
        };
        say(Event::EvalDue {
            step: match act {
                Some(Act::Step(step)) => step,
                _ => self.step,
            },
            complete: self.script.complete_at == Some(self.step),
            loss: Some(Measured(match act {
                Some(Act::Nan) => f64::NAN,
                _ => 1.0 / self.step as f64,
            })),
            passes: Passes {
                forward: 4 * every,
                backward: 4 * every,
                judged: 1,
            },
            claim: Claim {
                seconds: began.elapsed().as_secs_f64() + lie,
                ..Claim::default()
            },
        });
    }

    fn snapshot(&mut self, folder: &Path) {
        self.act(Moment::Snapshot(self.step));
        let state = format!("{} {}", self.step, self.chain);
        std::fs::write(folder.join(STATE_FILE), &state).unwrap();
        let weights = weights(self.step, self.chain);
        std::fs::write(folder.join(EVAL_FILE), &weights).unwrap();
        say(Event::SnapshotWritten {
            bytes: (state.len() + weights.len()) as u64,
        });
    }

    fn evaluate(&mut self, snapshot: &Path, splits: &[SplitName]) {
        let weights = std::fs::read(snapshot).unwrap();
        let number = |place: usize| {
            let bytes = weights[weights.len() - 16..][place * 8..][..8].try_into();
            u64::from_le_bytes(bytes.unwrap())
        };
        let (step, chain) = (number(0), number(1));
        let act = self.act(Moment::Evaluate(step));
        let every = self.task.run.workload.evaluate.every_steps;
        let rates = &self.script.error_rates;
        let index = (step / every - 1).min(rates.len() as u64 - 1);
        let rate = match act {
            Some(Act::Nan) => f64::NAN,
            _ => rates[index as usize],
        };
        let metrics = BTreeMap::from([
            ("error-rate".to_owned(), Measured(rate)),
            ("cross-entropy".to_owned(), Measured((chain >> 40) as f64)),
        ]);
        let count = |split: SplitName| match (split, &act) {
            (SplitName::Validation, Some(Act::Count(count))) => *count,
            (SplitName::Train, _) => self.task.run.workload.evaluate.train_subset,
            _ => self.task.run.dataset.splits[&split].examples,
        };
        say(Event::Evaluated {
            metrics: splits
                .iter()
                .map(|&split| (split, metrics.clone()))
                .collect(),
            examples: splits.iter().map(|&split| (split, count(split))).collect(),
        });
    }

    /// Does what the script has for this moment; gives back what changes the answer instead.
    fn act(&self, moment: Moment) -> Option<Act> {
        let acts = match self.evaluator {
            true => &self.script.evaluator,
            false => &self.script.worker,
        };
        let act = match acts.get(&moment.key())?.clone() {
            Act::Once(mark, _) if mark.exists() => return None,
            Act::Once(mark, act) => {
                std::fs::write(mark, "").unwrap();
                *act
            }
            act => act,
        };
        match &act {
            Act::Hang => thread::sleep(FOR_EVER),
            Act::Plod => loop {
                say(Event::Stepped { step: self.step });
                thread::sleep(Duration::from_millis(5));
            },
            Act::Panic => panic!("the fake worker was told to panic"),
            Act::Fail(kind, message) => self.fail(kind, message),
            Act::Signal(number) => {
                let signal = Signal::from_named_raw(*number).unwrap();
                // Rust's own handler of SIGSEGV takes the first one and steps back.
                while kill_process(getpid(), signal).is_ok() {}
            }
            Act::Exit(code) => std::process::exit(i32::from(*code)),
            Act::LastWords(words) => {
                eprintln!("{words}");
                std::process::exit(1);
            }
            Act::Line(line) => write(line.as_bytes(), true),
            Act::HalfLine => {
                write(br#"{"v":2,"event":"eval-"#, false);
                std::process::exit(0);
            }
            Act::Oversized(bytes) => write(&vec![b'x'; *bytes], true),
            Act::Flood(count) => (0..*count).for_each(|number| {
                say(Event::Logged {
                    step: self.step,
                    values: BTreeMap::from([("number".to_owned(), Measured(number.into()))]),
                });
            }),
            Act::Slow(ms) => thread::sleep(Duration::from_millis(*ms)),
            Act::Grandchild => leave_child("sleep"),
            Act::Orphan => {
                leave_child("sleep");
                std::process::exit(0);
            }
            Act::Repeat => say(Event::Warned {
                message: self.told.clone(),
            }),
            Act::Restless => leave_child("spin"),
            Act::Claim(_)
            | Act::Nan
            | Act::Count(_)
            | Act::Step(_)
            | Act::Weights(_)
            | Act::Once(..)
            | Act::Drift => {}
        }
        Some(act)
    }

    fn fail(&self, kind: &str, message: &str) {
        let kind: FailureKind = serde_json::from_value(kind.into()).unwrap();
        say(Event::Failed {
            kind,
            message: message.to_owned(),
            location: Some("src/lib.rs:7".to_owned()),
            step: Some(self.step),
        });
        std::process::exit(1);
    }
}

/// A file of two tensors of one number, `step` and `chain`.
fn weights(step: u64, chain: u64) -> Vec<u8> {
    let header = br#"{"step":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"chain":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    [
        &length[..],
        header,
        &step.to_le_bytes(),
        &chain.to_le_bytes(),
    ]
    .concat()
}

/// A process that outlives this one unless somebody looks for it: `setsid` takes it out of the process group.
#[expect(
    clippy::zombie_processes,
    reason = "being left behind is what it is for"
)]
fn leave_child(doing: &str) {
    let itself = std::env::current_exe().unwrap();
    std::process::Command::new("setsid")
        .arg(itself)
        .arg(doing)
        .spawn()
        .unwrap();
}

fn digest(file: &Path) -> String {
    blake3::hash(&std::fs::read(file).unwrap())
        .to_hex()
        .to_string()
}

fn say(event: Event) {
    let line = serde_json::to_vec(&Message::from(event)).unwrap();
    write(&line, true);
}

fn write(bytes: &[u8], whole: bool) {
    let mut output = io::stdout().lock();
    let end: &[u8] = if whole { b"\n" } else { b"" };
    // A referee that is gone is told by the end of standard input.
    let _ = output.write_all(&[bytes, end].concat());
    let _ = output.flush();
}
