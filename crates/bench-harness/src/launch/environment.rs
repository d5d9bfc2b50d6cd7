//! What every program of bench sees of this machine: an allow-list, and the settings that speed and numbers depend on.

use std::env;
use std::ffi::{OsStr, OsString};

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

/// All variables of a program that computes with so many threads, on these cards or on the processor alone.
pub fn variables(threads: u32, cards: &[u32]) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = PASSED_ON
        .iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
        .collect();
    let mut set = |name: &str, value: &OsStr| variables.push((name.into(), value.into()));
    let threads = OsString::from(threads.to_string());
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
        set(name, &threads);
    }
    // Spinning threads starve each other as soon as the machine does anything else; libgomp reads this when it is loaded.
    set("OMP_WAIT_POLICY", "passive".as_ref());
    // Where the kernel gives huge pages only on request, the heap asks for them. With small ones an update takes up to a fifth longer, and how much depends
    // on where its tensors happen to lie. glibc reads this before `main`.
    set("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1".as_ref());
    // Without AVX-512, oneDNN 3's kernel for the weights' gradient of 1x1 convolutions (jit_avx2_1x1_convolution_bwd_weights) writes beyond its memory on
    // the small residual networks here. One level below is sound.
    if !std::arch::is_x86_feature_detected!("avx512f") {
        set("DNNL_MAX_CPU_ISA", "AVX".as_ref());
    }
    match cards {
        [] => set("CUDA_VISIBLE_DEVICES", "".as_ref()),
        // Without a workspace of fixed size cuBLAS is not deterministic. Which cards there are is not changed: their numbers are in the task.
        _ => set("CUBLAS_WORKSPACE_CONFIG", ":4096:8".as_ref()),
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn of(cards: &[u32]) -> BTreeMap<String, String> {
        variables(3, cards)
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    #[test]
    fn the_environment_is_an_allow_list() {
        let variables = of(&[]);
        assert!(!variables.keys().any(|name| name.starts_with("CARGO")));
        assert_eq!(variables["OMP_NUM_THREADS"], "3");
        assert_eq!(variables["GLIBC_TUNABLES"], "glibc.malloc.hugetlb=1");
        assert_eq!(variables["CUDA_VISIBLE_DEVICES"], "");
        assert_eq!(
            variables.contains_key("DNNL_MAX_CPU_ISA"),
            !std::arch::is_x86_feature_detected!("avx512f")
        );
        assert_ne!(
            of(&[0]).get("CUDA_VISIBLE_DEVICES").map(String::as_str),
            Some("")
        );
        assert!(of(&[0]).contains_key("CUBLAS_WORKSPACE_CONFIG"));
    }
}
