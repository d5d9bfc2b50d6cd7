//! Compiles the shim against libtorch's headers and makes libtorch findable for `cargo run` and `cargo test`.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/shim.cpp");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let variable = |name: &str| {
        env::var_os(name).map(PathBuf::from).ok_or_else(|| {
            io::Error::other(format!("{name} is not set: torch-sys found no libtorch"))
        })
    };
    let libraries = variable("DEP_TCH_LIBTORCH_LIB")?;
    let include = libraries.join("../include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("src/shim.cpp")
        .try_compile("bench_torch_shim")
        .map_err(io::Error::other)?;
    println!("cargo:rustc-link-lib=dylib=torch_cpu");
    println!("cargo:rustc-link-lib=dylib=c10");

    let links = variable("OUT_DIR")?.join("lib");
    link_libraries(&libraries, &links)?;
    println!("cargo:rustc-link-search=native={}", links.display());
    Ok(())
}

/// Links every library of `from` into `to`. Cargo puts search paths inside its target folder, and only those, into the
/// LD_LIBRARY_PATH of what it runs: so programs find libtorch also where their rpath does not reach, as with a
/// CARGO_TARGET_DIR elsewhere.
fn link_libraries(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
        if name.to_string_lossy().contains(".so") {
            std::os::unix::fs::symlink(&path, to.join(name))?;
        }
    }
    Ok(())
}
