//! Packages on this disk, as `cargo metadata` tells of them, and what they are built on.

use super::source::Source;
use super::{ProgramError, lockfile, output};
use crate::home::Home;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A package. What is written of it into a source is its manifest, with all that it inherits and no path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    version: String,
    edition: String,
    #[serde(default)]
    links: Option<String>,
    features: BTreeMap<String, Vec<String>>,
    dependencies: Vec<Dependency>,
    pub(super) targets: Vec<Target>,
    #[serde(skip_serializing)]
    pub(super) manifest_path: PathBuf,
    /// None on this disk.
    #[serde(default, skip_serializing)]
    source: Option<String>,
}

/// What a package wants of another.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    source: Option<String>,
    req: String,
    /// `dev`, `build`, or none of them.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    rename: Option<String>,
    optional: bool,
    uses_default_features: bool,
    features: Vec<String>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default, skip_serializing)]
    path: Option<PathBuf>,
}

/// One of a package's programs or libraries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    kind: Vec<String>,
    #[serde(default)]
    crate_types: Vec<String>,
    #[serde(default)]
    edition: Option<String>,
    #[serde(default, rename = "required-features")]
    required_features: Vec<String>,
}

impl Target {
    fn is(&self, kinds: &[&str]) -> bool {
        self.kind.iter().any(|kind| kinds.contains(&kind.as_str()))
    }

    pub(super) fn is_program(&self) -> bool {
        self.is(&["bin"])
    }
}

impl Package {
    pub(super) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// Names of all that it asks for, for tests too: what is locked with it.
    pub(super) fn needs(&self) -> BTreeSet<String> {
        let needs = self.dependencies.iter();
        needs.map(|dependency| dependency.name.clone()).collect()
    }

    /// Without what only tests and examples want.
    fn compiled(mut self) -> Package {
        let others = ["test", "bench", "example"];
        self.targets.retain(|target| !target.is(&others));
        self.dependencies
            .retain(|dependency| dependency.kind.as_deref() != Some("dev"));
        self
    }
}

/// A workspace with its members, or all that its members are built on.
#[derive(Debug, Deserialize)]
struct Workspace {
    #[serde(rename = "workspace_root")]
    root: PathBuf,
    packages: Vec<Package>,
}

/// Packages that were asked for, each workspace looked at once.
#[derive(Debug)]
pub(super) struct Packages {
    home: Home,
    /// The checkout, or a revision of it.
    root: PathBuf,
    /// The checkout's first.
    workspaces: Vec<Workspace>,
}

impl Packages {
    pub(super) fn of(home: Home, root: PathBuf) -> Packages {
        Packages {
            home,
            root,
            workspaces: Vec::new(),
        }
    }

    /// Forgets what was read, since somebody may have edited it.
    pub(super) fn forget(&mut self) {
        self.workspaces.clear();
    }

    /// The package in a folder: a member of the checkout, or of another workspace.
    pub(super) fn at(&mut self, folder: &Path, submission: &str) -> Result<Package, ProgramError> {
        let manifest = folder.join("Cargo.toml");
        let missing = || ProgramError::NoCrate {
            submission: submission.to_owned(),
            manifest: manifest.clone(),
        };
        if !manifest.is_file() {
            return Err(missing());
        }
        if self.workspaces.is_empty() {
            let checkout = self.read(&self.root.join("Cargo.toml"), submission, &["--no-deps"])?;
            self.workspaces.push(checkout);
        }
        if self.known(&manifest).is_none() {
            let other = self.read(&manifest, submission, &["--no-deps"])?;
            self.workspaces.push(other);
        }
        self.known(&manifest).cloned().ok_or_else(missing)
    }

    /// Whether a package is a member of the checkout's workspace.
    pub(super) fn is_member(&self, package: &Package) -> bool {
        let mut members = self.workspaces.iter().take(1).flat_map(|w| &w.packages);
        members.any(|member| same_file(&member.manifest_path, &package.manifest_path))
    }

    /// The root of a package's workspace.
    pub(super) fn workspace<'a>(&'a self, package: &'a Package) -> &'a Path {
        let of = |workspace: &&Workspace| {
            let mut members = workspace.packages.iter();
            members.any(|member| same_file(&member.manifest_path, &package.manifest_path))
        };
        let workspace = self.workspaces.iter().find(of);
        workspace.map_or(package.folder(), |workspace| &workspace.root)
    }

    fn known(&self, manifest: &Path) -> Option<&Package> {
        let mut all = self.workspaces.iter().flat_map(|w| &w.packages);
        all.find(|package| same_file(&package.manifest_path, manifest))
    }

    fn read(
        &self,
        manifest: &Path,
        submission: &str,
        arguments: &[&str],
    ) -> Result<Workspace, ProgramError> {
        let output = self
            .home
            .command("cargo")
            .args(["metadata", "--format-version", "1", "--manifest-path"])
            .arg(manifest)
            .args(arguments)
            .current_dir(&self.root)
            .output()
            .map_err(output::no_cargo)?;
        match serde_json::from_slice::<Workspace>(&output.stdout) {
            Ok(workspace) if output.status.success() => Ok(workspace),
            _ => Err(output::cargo_error(
                submission,
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }

    /// Adds a package with all that it is built on; tells the root of its workspace.
    pub(super) fn add(
        &mut self,
        source: &mut Source,
        package: &Package,
        submission: &str,
    ) -> Result<PathBuf, ProgramError> {
        let mut found: Vec<Package> = Vec::new();
        let mut wanted = vec![package.folder().to_owned()];
        while let Some(folder) = wanted.pop() {
            if found.iter().any(|other| same_file(other.folder(), &folder)) {
                continue;
            }
            let package = self.at(&folder, submission)?.compiled();
            let paths = package.dependencies.iter();
            wanted.extend(paths.filter_map(|dependency| dependency.path.clone()));
            found.push(package);
        }
        let root = self.workspace(package).to_owned();
        // Without a lock file there is nothing to add: cargo says so when it builds.
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
        let mut patched = Vec::new();
        for locked in lockfile::closure(&lock, &[&package.name]) {
            let name = lockfile::name(&locked).unwrap_or_default().to_owned();
            match locked.contains("\nsource = ") {
                true => source.add(format!("locked {name}"), locked),
                false if self.knows(&name) => {}
                false => patched.push(name),
            }
        }
        if !patched.is_empty() {
            // Only cargo knows where they are: no manifest of these packages does.
            let all = self.read(&package.manifest_path, submission, &["--locked"])?;
            let is_it = |other: &Package| other.source.is_none() && patched.contains(&other.name);
            found.extend(
                all.packages
                    .into_iter()
                    .filter(is_it)
                    .map(Package::compiled),
            );
        }
        for package in &found {
            let manifest = serde_json::to_vec(package).unwrap_or_default();
            source.add(format!("package {}", package.name), manifest);
            source.add_folder(&package.name, package.folder())?;
        }
        Ok(root)
    }

    fn knows(&self, name: &str) -> bool {
        let mut all = self.workspaces.iter().flat_map(|w| &w.packages);
        all.any(|package| package.name == name)
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
