//! Compiling a crate of the workspace with a fault in it, and what is built on it anew.

use super::list::{Mutant, Witness};
use crate::shell;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the sequences that differ; its own text, since it is compiled beside a mutant and not with this program.
const SCHEDULES: &str = include_str!("schedules.rs.txt");
/// Names the gradients that are clipped otherwise than PyTorch clips them.
const CLIPPING: &str = include_str!("clipping.rs.txt");

/// `cargo metadata`, as much of it as is read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize, Clone)]
struct Dependency {
    /// As code calls it.
    name: String,
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize, Clone)]
struct DependencyKind {
    kind: Option<String>,
}

/// The workspace as cargo has built it.
pub(super) struct Built {
    packages: BTreeMap<String, Package>,
    members: BTreeSet<String>,
    dependencies: BTreeMap<String, Vec<Dependency>>,
    /// Package to its library.
    libraries: BTreeMap<String, PathBuf>,
    native: BTreeSet<String>,
}

impl Built {
    /// Builds what mutants are built from, and reads from cargo where everything is.
    pub(super) fn new() -> Result<Built> {
        let text = shell::output(Command::new("cargo").args([
            "metadata",
            "--locked",
            "--format-version",
            "1",
        ]))?;
        let metadata: Metadata = serde_json::from_str(&text).context("cargo's metadata")?;
        let normal = |dependency: &Dependency| {
            let kinds = &dependency.dep_kinds;
            kinds.iter().any(|kind| kind.kind.is_none())
        };
        let dependencies = metadata.resolve.nodes.into_iter().map(|node| {
            let deps = node.deps.into_iter().filter(normal).collect();
            (node.id, deps)
        });
        let packages = metadata.packages.into_iter();
        let mut built = Built {
            packages: packages
                .map(|package| (package.id.clone(), package))
                .collect(),
            members: metadata.workspace_members,
            dependencies: dependencies.collect(),
            libraries: BTreeMap::new(),
            native: BTreeSet::new(),
        };
        built.build()?;
        Ok(built)
    }

    /// Every submission, and so everything below them.
    fn build(&mut self) -> Result<()> {
        let mut command = Command::new("cargo");
        command.args(["build", "--quiet", "--locked", "--release", "--lib"]);
        command.arg("--message-format=json");
        for id in &self.members {
            let package = &self.packages[id];
            if package.folder().parent() == Some(&shell::root().join("submissions")) {
                command.args(["-p", &package.name]);
            }
        }
        for line in shell::output(&mut command)?.lines() {
            let message: Value = serde_json::from_str(line)?;
            let texts = |pointer: &str| {
                let list = message.pointer(pointer).and_then(Value::as_array).cloned();
                let list = list.unwrap_or_default().into_iter();
                list.filter_map(|item| item.as_str().map(str::to_owned))
            };
            if message["reason"] == "build-script-executed" {
                self.native.extend(texts("/linked_paths"));
            }
            let is_library = |kind: String| kind == "lib" || kind == "proc-macro";
            if message["reason"] == "compiler-artifact" && texts("/target/kind").any(is_library) {
                let linked = |file: &String| file.ends_with(".rlib") || file.ends_with(".so");
                let id = message["package_id"].as_str().unwrap_or_default();
                if let Some(file) = texts("/filenames").find(linked) {
                    let _ = self.libraries.insert(id.to_owned(), file.into());
                }
            }
        }
        Ok(())
    }

    /// Compiles a crate with a fault, what the witness needs of it, and the witness' program.
    pub(super) fn mutant(&self, mutant: &Mutant) -> Result<PathBuf> {
        let folder = shell::root().join("target/mutants").join(mutant.package());
        std::fs::create_dir_all(&folder)?;
        let mut work = Work {
            built: self,
            mutated: self.member(mutant.package())?,
            mutant,
            folder: &folder,
            compiled: BTreeMap::new(),
        };
        let (package, source) = match mutant.witness {
            Witness::Submission(name) => {
                let package = self.member(name)?;
                (package, package.folder().join("src/main.rs"))
            }
            Witness::Schedules => (work.mutated, written(&folder, SCHEDULES)?),
            Witness::Clipping => (work.mutated, written(&folder, CLIPPING)?),
        };
        let mut externs = work.externs(package)?;
        externs.insert(package.name.replace('-', "_"), work.library(package)?);
        let program = folder.join("program");
        self.compile(package, &source, &externs, &program)?;
        Ok(program)
    }

    fn member(&self, name: &str) -> Result<&Package> {
        let mut members = self.members.iter().map(|id| &self.packages[id]);
        members
            .find(|package| package.name == name)
            .with_context(|| format!("the workspace has no `{name}`"))
    }

    fn compile(
        &self,
        package: &Package,
        source: &Path,
        externs: &BTreeMap<String, PathBuf>,
        output: &Path,
    ) -> Result<()> {
        let mut command = Command::new("rustc");
        command.args(["--edition", "2024", "--cap-lints", "allow"]);
        command.args(["-C", "opt-level=1"]);
        if output.extension().is_some() {
            let name = package.name.replace('-', "_");
            command.args(["--crate-type", "rlib", "--crate-name", &name]);
        }
        let dependencies = shell::root().join("target/release/deps");
        for path in [dependencies.as_path()].into_iter().chain(output.parent()) {
            command
                .arg("-L")
                .arg(format!("dependency={}", path.display()));
        }
        for path in &self.native {
            command.arg("-L").arg(path);
        }
        for (name, path) in externs {
            let place = format!("{name}={}", path.display());
            command.arg("--extern").arg(place);
        }
        command
            .env("CARGO_MANIFEST_DIR", package.folder())
            .env("CARGO_PKG_NAME", &package.name)
            .env("CARGO_PKG_VERSION", &package.version)
            .arg("-o")
            .args([output, source])
            .current_dir(shell::root());
        let done = command.output().context("cannot start rustc")?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("it does not compile: {said}");
        }
        Ok(())
    }
}

impl Package {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("/"))
    }
}

/// One mutant's libraries.
struct Work<'a> {
    built: &'a Built,
    mutated: &'a Package,
    mutant: &'a Mutant,
    folder: &'a Path,
    compiled: BTreeMap<String, PathBuf>,
}

impl<'a> Work<'a> {
    /// A package's library: cargo's, or compiled anew where the fault is in it or below it.
    fn library(&mut self, package: &'a Package) -> Result<PathBuf> {
        if !self.stands_on_the_fault(&package.id) {
            let library = self.built.libraries.get(&package.id);
            let missing = || format!("cargo names no library of {}", package.name);
            return library.cloned().with_context(missing);
        }
        if let Some(library) = self.compiled.get(&package.id) {
            return Ok(library.clone());
        }
        let externs = self.externs(package)?;
        let source = match package.id == self.mutated.id {
            true => self.faulty_source()?,
            false => package.folder().join("src/lib.rs"),
        };
        let name = package.name.replace('-', "_");
        let library = self.folder.join(format!("lib{name}.rlib"));
        self.built.compile(package, &source, &externs, &library)?;
        let _ = self.compiled.insert(package.id.clone(), library.clone());
        Ok(library)
    }

    /// The libraries that a package's code names.
    fn externs(&mut self, package: &'a Package) -> Result<BTreeMap<String, PathBuf>> {
        let dependencies = &self.built.dependencies[&package.id];
        let mut externs = BTreeMap::new();
        for dependency in dependencies {
            let library = self.library(&self.built.packages[&dependency.pkg])?;
            let _ = externs.insert(dependency.name.clone(), library);
        }
        Ok(externs)
    }

    fn stands_on_the_fault(&self, id: &str) -> bool {
        let below = || {
            let dependencies = self.built.dependencies[id].iter();
            let mut members = dependencies.filter(|dep| self.built.members.contains(&dep.pkg));
            members.any(|dep| self.stands_on_the_fault(&dep.pkg))
        };
        id == self.mutated.id || (self.built.members.contains(id) && below())
    }

    /// A copy of the crate's source with the fault.
    fn faulty_source(&self) -> Result<PathBuf> {
        let copy = self.folder.join("src");
        if copy.is_dir() {
            std::fs::remove_dir_all(&copy)?;
        }
        copy_tree(&self.mutated.folder().join("src"), &copy)?;
        let file = copy.join(self.mutant.file());
        let mut text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        for (from, to) in self.mutant.edits {
            ensure!(text.contains(from), "the source has no `{from}`");
            text = text.replace(from, to);
        }
        std::fs::write(&file, text)?;
        Ok(copy.join("lib.rs"))
    }
}

/// A witness' own source.
fn written(folder: &Path, text: &str) -> Result<PathBuf> {
    let path = folder.join("witness.rs");
    std::fs::write(&path, text)?;
    Ok(path)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            let _ = std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
