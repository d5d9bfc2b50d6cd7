//! What a supervised program sees of this machine: an allow-list, and the settings that speed and numbers depend on.

use crate::channel::Source;
use bench_core::protocol::TRIAL_VARIABLE;
use bench_core::run::DeviceKind;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Passed on as they are. Everything else that happens to be set in a shell stays out of a measurement.
const PASSED_ON: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "TZ",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "CUDA_VISIBLE_DEVICES",
];

/// The environment of one trial's programs.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Of worker and evaluator each.
    pub threads: u32,
    /// What they compute on.
    pub device: DeviceKind,
    /// Folders of libtorch's shared libraries; none for programs without it.
    pub libtorch: Vec<PathBuf>,
    /// Unique to the trial on this machine.
    pub token: String,
    /// More variables, such as a fake worker's script.
    pub extra: Vec<(OsString, OsString)>,
}

impl Surroundings {
    /// All variables, and no others.
    pub fn variables(&self, source: Source) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = PASSED_ON
            .iter()
            .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
            .collect();
        let mut set = |name: &str, value: &OsStr| variables.push((name.into(), value.into()));
        let threads = OsString::from(self.threads.to_string());
        for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
            set(name, &threads);
        }
        // Spinning threads starve each other as soon as the machine does anything else; libgomp reads this when it is loaded.
        set("OMP_WAIT_POLICY", "passive".as_ref());
        // Where the kernel gives huge pages only on request, the heap asks for them. With small ones an update takes up to a fifth longer, and how much depends
        // on where its tensors happen to lie. glibc reads this before `main`.
        set("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1".as_ref());
        set(TRIAL_VARIABLE, self.marker(source).as_ref());
        match self.device {
            DeviceKind::Cpu => set("CUDA_VISIBLE_DEVICES", "".as_ref()),
            // Without a workspace of fixed size cuBLAS is not deterministic.
            DeviceKind::Cuda => set("CUBLAS_WORKSPACE_CONFIG", ":4096:8".as_ref()),
        }
        if let Some(path) = self.library_path() {
            set("LD_LIBRARY_PATH", &path);
        }
        variables.extend(self.extra.iter().cloned());
        variables
    }

    fn marker(&self, source: Source) -> String {
        marker(&self.token, source)
    }

    fn library_path(&self) -> Option<OsString> {
        let own = env::var_os("LD_LIBRARY_PATH");
        let folders = self.libtorch.iter().cloned();
        let others = own.iter().flat_map(env::split_paths);
        let all: Vec<PathBuf> = folders.chain(others).collect();
        (!all.is_empty())
            .then(|| env::join_paths(all).ok())
            .flatten()
    }
}

/// The value of [`TRIAL_VARIABLE`]: marks every process that a trial's programs start, whatever group or session it moves to.
pub(super) fn marker(token: &str, source: Source) -> String {
    format!("{token}/{}", source.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_environment_is_an_allow_list() {
        let surroundings = Surroundings {
            threads: 3,
            device: DeviceKind::Cpu,
            libtorch: vec!["/opt/libtorch/lib".into()],
            token: "t-1".to_owned(),
            extra: vec![],
        };
        let variables: BTreeMap<_, _> = surroundings
            .variables(Source::Worker)
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        assert!(!variables.keys().any(|name| name.starts_with("CARGO")));
        assert!(variables["LD_LIBRARY_PATH"].starts_with("/opt/libtorch/lib"));
        assert_eq!(variables["OMP_NUM_THREADS"], "3");
        assert_eq!(variables["GLIBC_TUNABLES"], "glibc.malloc.hugetlb=1");
        assert_eq!(variables["CUDA_VISIBLE_DEVICES"], "");
        assert_eq!(variables["BENCH_TRIAL"], "t-1/worker");
    }
}
