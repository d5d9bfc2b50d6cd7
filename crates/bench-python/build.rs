//! Compiles the bridge against libtorch's headers.

use std::path::PathBuf;
use std::{env, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/bridge.cpp");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let libraries = env::var_os("DEP_TCH_LIBTORCH_LIB")
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("torch-sys found no libtorch"))?;
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .include(libraries.join("../include"))
        .file("src/bridge.cpp")
        .try_compile("bench_python_bridge")
        .map_err(io::Error::other)
}
