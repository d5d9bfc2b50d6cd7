//! Trials handed to something else: a Slurm of two nodes in a folder, one that is played by four scripts, and commands.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed, or says that it is skipped"
)]

use bench_tests::checkout::{Checkout, follows};
use bench_tests::script::Script;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Slurm's four commands as far as `bench` asks them: everything that is submitted waits in the queue, until it is cancelled.
const PLAYED: [(&str, &str); 4] = [
    ("scontrol", "echo 'MaxArraySize            = @'"),
    (
        "sbatch",
        r#"n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n > count; cat > $n.job; echo $n"#,
    ),
    (
        "squeue",
        r#"for job in *.job; do [ -e "$job" ] || continue
  name=$(sed -n 's/^#SBATCH --job-name=//p' "$job"); last=$(sed -n 's/^#SBATCH --array=0-//p' "$job")
  seq 0 "$last" | sed "s/.*/$name|${job%.job}|&|PENDING||Resources/"
done"#,
    ),
    ("scancel", r#"for job in "$@"; do rm "$job.job"; done"#),
];

/// A folder of such commands, with arrays of so many tasks at most.
fn played(folder: &Path, array: usize) -> PathBuf {
    std::fs::create_dir_all(folder.join("queue")).unwrap();
    for (name, script) in PLAYED {
        let path = folder.join(name);
        let script = script.replace(" = @", &format!(" = {array}"));
        let text = format!("#!/bin/bash\ncd '{}/queue'\n{script}\n", folder.display());
        std::fs::write(&path, text).unwrap();
        let executable = Command::new("chmod").arg("+x").arg(&path).status();
        assert!(executable.unwrap().success());
    }
    folder.to_owned()
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn trials_are_submitted_in_chunks_and_hold_no_more_than_their_share() {
    submit_and_cancel(10, 11, 25);
}

#[test]
#[ignore = "takes minutes: cargo xtask test"]
fn ten_thousand_trials_are_too() {
    submit_and_cancel(1000, 1001, 2500);
}

/// Ten trials in each of so many studies, where two arrays of at most so many tasks have room in the share of the queue, and no third.
fn submit_and_cancel(studies: usize, array: usize, at_most: usize) {
    let (all, sent) = (10 * studies, 2 * array);
    let left = all - sent;
    let checkout = Checkout::new();
    let folder = tempfile::tempdir().unwrap();
    let slurm = played(folder.path(), array);
    let harness = std::fs::read_to_string(checkout.root().join("harness.yaml")).unwrap();
    let profile = format!(
        "executors: {{ slurm: {{ partition: main, at-most: {at_most}, memory: 4G, setup: [\"module load x\"], extra: [\"--nice\"] }} }}\n"
    );
    checkout.write("harness.yaml", &(harness + &profile));
    let bench = |line: &str| {
        let line = format!("PATH=\"{}:$PATH\" bench {line}", slurm.display());
        text(&checkout.shell(&line, ""))
    };
    let run = &format!(
        "run adamw --ruleset external-tuning --studies {studies} --trials 10 --on slurm --quiet"
    );

    let scripts = bench(&format!("{run} --dry-run"));
    let arrays = scripts.matches("#!/bin/bash").count();
    assert_eq!(arrays, all.div_ceil(array), "{scripts:.3000}");
    for line in [
        &format!("#SBATCH --array=0-{}\n", array - 1),
        "#SBATCH --partition=main\n",
        "#SBATCH --time=31\n",
        "#SBATCH --cpus-per-task=1\n",
        "#SBATCH --mem=4G\n",
        "#SBATCH --nice\nmodule load x\nexec '",
    ] {
        assert!(scripts.contains(line), "{line} in {scripts:.3000}");
    }
    assert!(!checkout.root().join("results").exists(), "a dry run");

    let told = bench(run);
    let second = format!("trials {array} to {}", sent - 1);
    let wait = format!("{left} trials wait");
    assert!(told.contains(&format!("job 2: {second}")), "{told}");
    assert!(told.contains(&wait), "{told}");
    let seen = bench("watch --once");
    let queued = format!("{sent} queued, {left} not submitted yet");
    assert!(seen.contains(&queued), "{seen}");

    // Again: nothing twice, and there is no room for more.
    let told = bench(run);
    let there = format!("{sent} trials are queued or running");
    assert!(told.contains(&there) && !told.contains("job 3"), "{told}");

    let told = bench("cancel");
    let cancelled = format!("cancelled {sent} queued trials");
    assert!(told.contains(&cancelled), "{told}");
    let told = bench(run);
    assert!(told.contains(&format!("job 4: {second}")), "{told}");
    assert!(told.contains(&wait), "{told}");
}

#[test]
fn a_command_takes_one_task_a_trial_and_a_task_is_started_as_often_as_one_likes() {
    let checkout = Checkout::new();
    let (code, told) = checkout.says("bench run adamw --on 'command: true'", "");
    assert!(code == 2 && told.contains("{task}"), "{told}");
    let run = "bench run adamw broken --studies 3 --on 'command: echo \"{task}\" >> tasks'";
    let (code, told) = checkout.says(run, "");
    assert_eq!(code, 3, "one does not compile: {told}");
    // Whatever the checkout is by then.
    let emptied = checkout.shell("rm -r submissions crates harness.yaml target", "");
    assert!(emptied.status.success());
    let all = "test $(wc -l < tasks) = 3 && sh tasks && sh tasks";
    let (code, told) = checkout.says(all, "");
    assert_eq!(code, 0, "{told}");
    assert_eq!(told.matches("started").count(), 3, "{told}");
    assert_eq!(told.matches("target-reached after").count(), 6, "{told}");
}

/// A Slurm of two nodes of one core each.
struct Cluster {
    folder: tempfile::TempDir,
    controller: Child,
    nodes: BTreeMap<&'static str, Child>,
    _munge: Munge,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for daemon in self.nodes.values_mut().chain([&mut self.controller]) {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// The daemon by which Slurm's parts know each other: the system's, or one that ends with this.
struct Munge(Option<Child>);

impl Munge {
    /// None where it may not be started.
    fn start() -> Option<Munge> {
        let answers = || {
            let asked = Command::new("munge").arg("-n").output();
            asked.is_ok_and(|asked| asked.status.success())
        };
        if answers() {
            return Some(Munge(None));
        }
        let prepare = "[ -e /etc/munge/munge.key ] || mungekey --create; mkdir -p /run/munge && chown munge /run/munge";
        let prepared = Command::new("sh").args(["-c", prepare]).output().unwrap();
        let user = ["--reuid=munge", "--regid=munge", "--clear-groups"];
        let child = Command::new("setpriv")
            .args(user)
            .args(["munged", "--foreground"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let munge = Munge(Some(child.ok().filter(|_| prepared.status.success())?));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !answers() {
            if Instant::now() > deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Some(munge)
    }
}

impl Drop for Munge {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Cluster {
    /// None where Slurm or the right to start it is missing.
    fn start() -> Option<Cluster> {
        let is_there = |command: &str| {
            let line = format!("command -v {command} > /dev/null");
            Command::new("sh")
                .args(["-c", &line])
                .status()
                .is_ok_and(|status| status.success())
        };
        if !["slurmctld", "slurmd", "sbatch", "munged"]
            .into_iter()
            .all(is_there)
        {
            eprintln!("SKIPPED: no Slurm here (Debian's packages slurm-wlm and munge)");
            return None;
        }
        let Some(munge) = Munge::start() else {
            eprintln!("SKIPPED: munge does not start here");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let configuration = format!(
            "ClusterName=local\nSlurmctldHost=localhost\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\n\
            SlurmctldPort=16817\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
            SelectTypeParameters=CR_Core\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool-%n\n\
            SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/slurmd-%n.pid\nSlurmctldLogFile={at}/slurmctld.log\n\
            SlurmdLogFile={at}/slurmd-%n.log\nMpiDefault=none\nReturnToService=2\nJobRequeue=1\nSlurmdTimeout=10\nKillWait=5\n\
            SchedulerParameters=batch_sched_delay=1,sched_interval=2\n\
            NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=17001 CPUs=1 RealMemory=1000\n\
            NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=17002 CPUs=1 RealMemory=1000\n\
            PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PreemptMode=REQUEUE\n"
        );
        std::fs::write(folder.path().join("slurm.conf"), configuration).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        let controller = daemon(folder.path(), "slurmctld", &["-D"]);
        let mut cluster = Cluster {
            folder,
            controller,
            nodes: BTreeMap::new(),
            _munge: munge,
        };
        cluster.boot("n1");
        cluster.boot("n2");
        cluster.wait_for("both nodes", |cluster| {
            cluster.does("sinfo -h -o %T").trim() == "idle"
        });
        Some(cluster)
    }

    fn boot(&mut self, node: &'static str) {
        let daemon = daemon(self.folder.path(), "slurmd", &["-D", "-N", node]);
        self.nodes.insert(node, daemon);
    }

    /// Kills a node's daemon; what runs there goes on.
    fn lose(&mut self, node: &'static str) {
        let mut daemon = self.nodes.remove(node).unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    fn variable(&self) -> String {
        format!("SLURM_CONF='{}/slurm.conf'", self.folder.path().display())
    }

    fn does(&self, line: &str) -> String {
        let line = format!("export {}; {line}", self.variable());
        text(&Command::new("sh").args(["-c", &line]).output().unwrap())
    }

    fn wait_for(&self, what: &str, done: impl Fn(&Cluster) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !done(self) {
            let queue = || self.does("squeue; sinfo");
            assert!(Instant::now() < deadline, "no {what}: {}", queue());
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn daemon(folder: &Path, program: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .env("SLURM_CONF", folder.join("slurm.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Trials and what became of them, without times.
fn board(checkout: &Checkout, results: &str) -> Vec<String> {
    let told = checkout.shell(
        &format!("bench status --results {results} --format csv"),
        "",
    );
    let told = String::from_utf8(told.stdout).unwrap();
    let mut lines = told.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let wanted = [
        "submission",
        "workload",
        "study",
        "trial",
        "outcome",
        "steps",
    ];
    let places = wanted.map(|name| head.iter().position(|column| *column == name).unwrap());
    let row = |line: Vec<&str>| places.map(|place| line[place]).join(" ");
    let mut rows: Vec<String> = lines.map(row).collect();
    rows.sort();
    rows
}

#[test]
#[ignore = "starts a cluster and takes minutes: cargo xtask test"]
fn two_nodes_come_to_the_board_of_one_machine_whatever_happens_to_them() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let checkout = Checkout::new();
    checkout.submission("slow", &follows(&Script::good()));
    let lines = [
        "bench run slow --studies 4 --quiet",
        "bench run adamw --ruleset external-tuning --studies 18 --trials 2 --quiet",
    ];
    for line in lines {
        checkout.does(&format!("{line} --results serial"), "");
    }
    let serial = board(&checkout, "serial");
    assert_eq!(serial.len(), 40);

    // The same in steps, and long enough for something to happen meanwhile.
    let slow = Script {
        interval_ms: 2000,
        ..Script::good()
    };
    checkout.submission("slow", &follows(&slow));
    let on_cluster = |cluster: &Cluster, line: &str| {
        let line = format!("{} {line} --results shared --on slurm", cluster.variable());
        checkout.does(&line, "")
    };
    for line in lines {
        let told = on_cluster(&cluster, line);
        assert!(told.contains("job "), "{told}");
    }
    let again = on_cluster(&cluster, lines[0]);
    assert!(
        again.contains("no trial is missing: nothing to submit"),
        "{again}"
    );

    // One is sent back into the queue, and one node's daemon dies with a trial on it.
    let running = |node: &str| format!("squeue -h -t R -w {node} -o %A_%K | head -n 1");
    cluster.wait_for("trials on both nodes", |cluster| {
        let leases = checkout.shell("find . -path '*/slow/*' -name lease.json | wc -l", "shared");
        text(&leases).trim() == "2" && !cluster.does(&running("n2")).trim().is_empty()
    });
    thread::sleep(Duration::from_secs(3));
    let task = cluster.does("squeue -h -t R -w n1 -o %F_%K");
    cluster.does(&format!("scontrol requeue {}", task.trim()));
    cluster.lose("n2");
    cluster.wait_for("word of the lost node", |cluster| {
        cluster.does("sinfo -h -n n2 -o %T").contains("down")
    });
    let seen = checkout.does(
        &format!("{} bench watch --once --results shared", cluster.variable()),
        "",
    );
    assert!(seen.contains("plan "), "{seen}");
    let told = checkout.does(
        &format!("{} bench cancel --results shared", cluster.variable()),
        "",
    );
    assert!(told.contains("cancelled "), "{told}");
    cluster.boot("n2");
    cluster.does("scontrol update nodename=n2 state=resume");
    cluster.wait_for("empty queue", |cluster| {
        cluster.does("squeue -h").trim().is_empty()
    });

    for _ in 0..4 {
        for line in lines {
            on_cluster(&cluster, &format!("{line} --wait"));
        }
    }
    let shared = board(&checkout, "shared");
    assert_eq!(shared, serial, "{}", cluster.does("squeue; sinfo"));
    // Nothing twice, and no stale lock.
    let found = checkout.shell("find . -name lease.json | wc -l", "shared");
    assert_eq!(text(&found).trim(), "0");
    let told = checkout.does("bench verify shared", "");
    assert!(told.contains("40"), "{told}");
    let (records, attempts) = (checkout.trials("shared"), shared.len());
    assert_eq!(records, attempts, "one attempt a trial");
}
