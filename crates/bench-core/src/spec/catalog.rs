//! Everything that a checkout's files say, with every mistake in them.
//!
//! Pure: the texts come in, nothing is read here. A broken file never hides the healthy ones.

use super::blame;
use super::check::{self, Checked, Violation, Wrong};
use super::dataset::Dataset;
use super::diagnostic::{Diagnostic, Source, Span};
use super::extends;
pub use super::extends::{beside, extended, is_path, paths, way};
use super::harness::Harness;
use super::merge::{self, Layer};
use super::provenance;
use super::rules;
use super::scheduled;
use super::schema::Kind;
use super::search::Space;
use super::submission::{Python, Submission};
use super::workload::Workload;
use super::yaml::{self, Document, Mistake};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file as it comes in.
#[derive(Debug, Clone)]
pub struct File {
    /// What it should hold.
    pub kind: Kind,
    /// Path and text. Paths inside the checkout are relative to it, others absolute.
    pub source: Source,
    /// The folder that it lies in: absolute, inside of the checkout too, so that ways lead from one to the other.
    pub folder: PathBuf,
    /// The folder, as `folder` has it, of the submission that a submission extends; none where there is none.
    pub base: Option<PathBuf>,
    /// Whether a crate lies beside it: a submission without one is a variant of another's program.
    pub has_crate: bool,
    /// AlgoPerf's `tuning_search_space.json`, where one lies beside a submission.
    pub search_space: Option<Source>,
    /// Files of gradient norms beside a submission: their names end in `.norms`.
    pub norms: Vec<Source>,
}

/// Specs by name, and the mistakes that kept others out.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `harness.yaml`, where it is sound.
    pub harness: Option<Harness>,
    /// `workloads/*.yaml`.
    pub workloads: BTreeMap<String, Workload>,
    /// `workloads/datasets/*.yaml`.
    pub datasets: BTreeMap<String, Dataset>,
    /// `submissions/*/submission.yaml`, and others' folders that were named.
    pub submissions: BTreeMap<String, Entrant>,
    /// All mistakes of all files, in the files' order, then from top to bottom.
    pub diagnostics: Vec<Diagnostic>,
    /// What can be run and is probably not meant, in the same order. Of files without mistakes alone.
    pub remarks: Vec<Diagnostic>,
    /// Names of files that have mistakes: known, but not usable.
    broken: Vec<(Kind, String)>,
    /// Names that two workloads or two data sets have.
    doubled: Vec<(Kind, String)>,
    /// What each spec is made of.
    parts: Vec<Parts>,
    /// What the files say, sound or not, until the names in them are looked up.
    read: Vec<(Kind, String, Value)>,
}

/// A spec's files: its own and what lies beside it, and the same of all that it extends.
#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    name: String,
    files: Vec<Arc<Source>>,
}

impl Parts {
    /// The nearest first: layers begin with the oldest base.
    fn of(entry: &Entry, layers: &[Layer]) -> Parts {
        let bases = layers.iter().rev().skip(1).map(|layer| layer.entry);
        let files = std::iter::once(entry).chain(bases);
        Parts {
            kind: entry.kind,
            name: entry.name.clone(),
            files: files.flat_map(Entry::sources).cloned().collect(),
        }
    }
}

/// A submission and where its program is.
#[derive(Debug, Clone, PartialEq)]
pub struct Entrant {
    /// Its settings, `extends` applied.
    pub submission: Submission,
    /// Where its points come from: its settings, or AlgoPerf's file beside them.
    pub space: Space,
    /// Its own folder, absolute.
    pub folder: PathBuf,
    /// The crate that trains: its own, or the one of the submission it extends.
    pub program: String,
    /// That crate's folder.
    pub program_folder: PathBuf,
    /// The class that trains in the crate's place, in that folder.
    pub python: Option<Python>,
}

/// A file with what could be made of it.
pub(super) struct Entry {
    pub kind: Kind,
    pub name: String,
    pub folder: PathBuf,
    pub base: Option<PathBuf>,
    pub source: Arc<Source>,
    pub has_crate: bool,
    pub search_space: Option<Arc<Source>>,
    pub norms: Vec<Source>,
    pub document: Option<Document>,
}

impl Entry {
    /// Whether a submission's program lies beside it or is named in it.
    fn trains(&self) -> bool {
        self.has_crate || self.is_python()
    }

    /// Where it lies.
    pub(super) fn path(&self) -> PathBuf {
        let name = self.source.path.file_name().unwrap_or_default();
        self.folder.join(name)
    }

    /// Whether it names a class in Python.
    fn is_python(&self) -> bool {
        let value = self.document.as_ref().map(|document| &document.value);
        value.is_some_and(|value| value.get("python").is_some())
    }

    /// The files in which there may be mistakes.
    fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        std::iter::once(&self.source).chain(&self.search_space)
    }
}

impl Catalog {
    /// Reads all files. Mistakes are in [`Catalog::diagnostics`].
    pub fn parse(files: Vec<File>) -> Catalog {
        let mut catalog = Catalog::default();
        let mut entries: Vec<Entry> = files.into_iter().map(|file| catalog.entry(file)).collect();
        name_datasets(&mut entries);
        for (position, entry) in entries.iter().enumerate() {
            catalog.add(&entries, position, entry);
        }
        for (kind, name) in std::mem::take(&mut catalog.doubled) {
            catalog.remove(kind, &name);
        }
        for (kind, name, mistakes) in catalog.references(&entries) {
            catalog.broken.push((kind, name.clone()));
            catalog.remove(kind, &name);
            for mistake in mistakes.into_iter().flatten() {
                catalog.tell(mistake);
            }
        }
        catalog.order(&entries);
        catalog
    }

    /// The mistakes that keep a spec out, in whichever of the files that it is made of.
    pub fn mistakes_of(&self, kind: Kind, name: &str) -> Vec<&Diagnostic> {
        let is_it = |parts: &&Parts| parts.kind == kind && parts.name == name;
        let all = self.parts.iter().filter(is_it);
        all.flat_map(|parts| self.mistakes(Some(parts))).collect()
    }

    /// The same for the spec that is written in this file.
    pub fn mistakes_in(&self, path: &Path) -> Vec<&Diagnostic> {
        let is_it = |parts: &&Parts| parts.files.first().is_some_and(|own| own.path == path);
        self.mistakes(self.parts.iter().find(is_it))
    }

    /// The remarks on the spec that is written in this file.
    pub fn remarks_in(&self, path: &Path) -> Vec<&Diagnostic> {
        let is_its = |remark: &&Diagnostic| remark.source.path == path;
        self.remarks.iter().filter(is_its).collect()
    }

    fn mistakes(&self, parts: Option<&Parts>) -> Vec<&Diagnostic> {
        let files = parts.map_or(&[][..], |parts| &parts.files);
        self.diagnostics
            .iter()
            .filter(|diagnostic| files.contains(&diagnostic.source))
            .collect()
    }

    /// Whether a file of that name exists but has mistakes.
    pub fn is_broken(&self, kind: Kind, name: &str) -> bool {
        self.broken
            .iter()
            .any(|(its_kind, its_name)| *its_kind == kind && its_name == name)
    }

    fn entry(&mut self, file: File) -> Entry {
        let (document, mistakes) = match file.source.text.find(char::REPLACEMENT_CHARACTER) {
            Some(start) => (None, vec![not_utf8(start)]),
            None => yaml::parse(&file.source.text),
        };
        let source = Arc::new(file.source);
        let entry = Entry {
            kind: file.kind,
            name: name(file.kind, &source.path),
            folder: file.folder,
            base: file.base,
            source,
            has_crate: file.has_crate,
            search_space: file.search_space.map(Arc::new),
            norms: file.norms,
            document,
        };
        for mistake in mistakes {
            self.mistake(&entry.source, mistake.span, mistake.message, mistake.help);
        }
        entry
    }

    fn add(&mut self, entries: &[Entry], position: usize, entry: &Entry) {
        let layers = extends::chain(entries, entry);
        self.parts
            .push(Parts::of(entry, layers.as_deref().unwrap_or_default()));
        if entries[..position]
            .iter()
            .any(|other| other.kind == entry.kind && other.name == entry.name)
        {
            let message = format!("a second {} called `{}`", entry.kind.name(), entry.name);
            let help = Some("rename one of them".to_owned());
            // Neither is what the name means.
            if matches!(entry.kind, Kind::Workload | Kind::Dataset) {
                self.broken.push((entry.kind, entry.name.clone()));
                self.doubled.push((entry.kind, entry.name.clone()));
            }
            return self.mistake(&entry.source, Span::default(), message, help);
        }
        let layers = match layers {
            Ok(layers) => layers,
            Err(violation) => return self.alone(entry, violation),
        };
        if layers.iter().any(|layer| layer.entry.document.is_none()) {
            self.broken.push((entry.kind, entry.name.clone()));
            return;
        }
        match entry.kind {
            Kind::Harness => {
                if let Some(harness) = self.read(&layers, rules::harness) {
                    self.harness = Some(harness);
                }
            }
            Kind::Workload => {
                if let Some(mut workload) = self.read(&layers, rules::workload) {
                    self.remarks.extend(provenance::own(&layers, &mut workload));
                    self.workloads.insert(entry.name.clone(), workload);
                }
            }
            Kind::Dataset => {
                if let Some(mut dataset) = self.read::<Dataset>(&layers, rules::dataset) {
                    dataset.folder.clone_from(&entry.folder);
                    self.datasets.insert(entry.name.clone(), dataset);
                }
            }
            Kind::Submission => self.add_submission(&layers, entry),
        }
    }

    /// A file whose base cannot be had: what is wrong in it in any case, apart from fields that its base may have.
    fn alone(&mut self, entry: &Entry, violation: Violation) {
        let layers = [Layer::of(entry)];
        self.broken.push((entry.kind, entry.name.clone()));
        self.violation(&layers, violation);
        let checked = checked(entry.kind, &layers, merge::merged(&layers));
        for violation in checked.violations {
            if violation.wrong != Wrong::Missing {
                self.violation(&layers, violation);
            }
        }
    }

    fn add_submission(&mut self, layers: &[Layer], entry: &Entry) {
        let Some(submission) = self.read(layers, rules::submission) else {
            return;
        };
        // The nearest layer with a program trains; the last layer is the file itself.
        let Some(program) = layers.iter().rev().find(|layer| layer.entry.trains()) else {
            let message =
                "a submission needs a program: neither it nor what it extends has a Cargo.toml";
            let help = "add a crate (`bench check` says what it needs), `python: { file: lion.py }`, or `extends: ../adamw`";
            self.broken.push((entry.kind, entry.name.clone()));
            return self.violation(layers, Violation::new("", message, help));
        };
        let Some(space) = self.space(layers, &submission) else {
            return self.broken.push((entry.kind, entry.name.clone()));
        };
        let remarks = rules::odd(&submission).into_iter();
        let remarks = remarks.filter_map(|remark| blame::remark(layers, &remark));
        self.remarks.extend(remarks);
        let entrant = Entrant {
            python: program
                .entry
                .is_python()
                .then(|| submission.python.clone())
                .flatten(),
            space,
            submission,
            folder: entry.folder.clone(),
            program: program.entry.name.clone(),
            program_folder: program.entry.folder.clone(),
        };
        self.submissions.insert(entry.name.clone(), entrant);
    }

    /// A typed value, when schema and rules find nothing wrong.
    fn read<T: DeserializeOwned>(
        &mut self,
        layers: &[Layer],
        rules: impl Fn(&Value) -> Vec<Violation>,
    ) -> Option<T> {
        let entry = layers.last()?.entry;
        let judged = |layers: &[Layer], merged: Value| {
            let Checked {
                mut violations,
                known,
            } = checked(entry.kind, layers, merged);
            violations.extend(rules(&known));
            (violations, known)
        };
        let (mut violations, known) = judged(layers, merge::merged(layers));
        self.read
            .push((entry.kind, entry.name.clone(), known.clone()));
        violations.retain(|violation| !layers.iter().any(|layer| layer.lost(&violation.pointer)));
        let read = T::deserialize(&known);
        let lost = layers.iter().any(|layer| layer.lost_any());
        if let (true, Err(error)) = (violations.is_empty() && !lost, &read) {
            violations.push(Violation::new("", error.to_string(), "see `bench schema`"));
        }
        let own_mistakes = self.diagnostics.iter().any(|diagnostic| {
            let is_its = |layer: &Layer| Arc::ptr_eq(&diagnostic.source, &layer.entry.source);
            layers.iter().any(is_its)
        });
        let sound = violations.is_empty() && !own_mistakes;
        let judge = |layers: &[Layer], merged: Value| judged(layers, merged).0;
        for violation in violations {
            if let Some(mistake) = blame::told(layers, violation, &judge) {
                self.tell(mistake);
            }
        }
        if !sound {
            self.broken.push((entry.kind, entry.name.clone()));
        }
        read.ok().filter(|_| sound)
    }

    /// What is wrong in files about others: all of it, before any is taken out for that.
    fn references(&mut self, entries: &[Entry]) -> Vec<(Kind, String, Vec<Option<Diagnostic>>)> {
        let read = std::mem::take(&mut self.read);
        let judge = |layers: &[Layer], merged: Value| {
            let kind = layers.first().map(|layer| layer.entry.kind);
            let known = kind.map(|kind| checked(kind, layers, merged).known);
            let found = kind.zip(known);
            found.map_or(Vec::new(), |(kind, known)| {
                rules::references(self, kind, &known)
            })
        };
        let found = read.into_iter().filter_map(|(kind, name, file)| {
            let is_its = |entry: &&Entry| entry.kind == kind && entry.name == name;
            let layers = extends::chain(entries, entries.iter().find(is_its)?).ok()?;
            let violations = rules::references(self, kind, &file).into_iter();
            let told: Vec<_> = violations
                .map(|violation| blame::told(&layers, violation, &judge))
                .collect();
            (!told.is_empty()).then_some((kind, name, told))
        });
        found.collect()
    }

    fn remove(&mut self, kind: Kind, name: &str) {
        match kind {
            Kind::Workload => drop(self.workloads.remove(name)),
            Kind::Harness => self.harness = None,
            Kind::Submission => drop(self.submissions.remove(name)),
            Kind::Dataset => drop(self.datasets.remove(name)),
        }
    }

    /// Puts a violation where a person can mend it: into the layer that wrote the value.
    pub(super) fn violation(&mut self, layers: &[Layer], violation: Violation) {
        if let Some((entry, span)) = merge::place(layers, &violation) {
            self.mistake(&entry.source, span, violation.message, violation.help);
        }
    }

    pub(super) fn mistake(
        &mut self,
        source: &Arc<Source>,
        span: Span,
        message: String,
        help: Option<String>,
    ) {
        self.tell(Diagnostic {
            source: source.clone(),
            span,
            message,
            help,
        });
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        // A base's mistake shows up in all of its variants.
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn order(&mut self, entries: &[Entry]) {
        let rank = |source: &Arc<Source>| {
            let is_its = |entry: &Entry| entry.sources().any(|its| Arc::ptr_eq(its, source));
            entries.iter().position(is_its)
        };
        let place = |diagnostic: &Diagnostic| (rank(&diagnostic.source), diagnostic.span);
        self.diagnostics.sort_by_key(place);
        self.remarks.sort_by_key(place);
    }
}

/// The layers of a file, merged into one value, gone through its schema.
fn checked(kind: Kind, layers: &[Layer], mut file: Value) -> Checked {
    if kind != Kind::Submission {
        return check::check(kind, file);
    }
    let unread = scheduled::read_norms(&mut file, layers);
    let mut checked = scheduled::check(file);
    checked.violations.extend(unread);
    checked
}

/// Puts the names of data sets in the place of paths that lead to them. A path that leads nowhere stays, and is told.
fn name_datasets(entries: &mut [Entry]) {
    let is_data = |entry: &&Entry| entry.kind == Kind::Dataset;
    let known = entries.iter().filter(is_data);
    let known: Vec<(PathBuf, String)> = known.map(|own| (own.path(), own.name.clone())).collect();
    for entry in entries.iter_mut().filter(|own| own.kind == Kind::Workload) {
        let document = entry.document.as_mut();
        let Some(dataset) = document.and_then(|document| document.value.get_mut("dataset")) else {
            continue;
        };
        let Some(path) = dataset.as_str().filter(|name| is_path(name)) else {
            continue;
        };
        let path = beside(&entry.folder, path);
        if let Some((_, name)) = known.iter().find(|(other, _)| *other == path) {
            *dataset = Value::from(name.as_str());
        }
    }
}

/// A file's name in specs.
/// The name of a Python file by itself: it keeps its ending, so that it never passes for the entrant of that name. AlgoPerf's files all have one name, and are known by
/// the folder: `lion/submission.py` and `lion/pytorch/submission.py` are `lion.py`.
pub fn python_name(path: &Path) -> Option<String> {
    /// The file that AlgoPerf's runner imports.
    const SUBMISSION: &str = "submission.py";
    path.extension().filter(|ending| *ending == "py")?;
    let file = path.file_name()?.to_string_lossy();
    let mut folders = path.ancestors().skip(1).filter_map(Path::file_name);
    let folder = folders.find(|folder| *folder != "pytorch");
    match (file == SUBMISSION, folder) {
        (true, Some(folder)) => Some(format!("{}.py", folder.to_string_lossy())),
        _ => Some(file.into_owned()),
    }
}

fn name(kind: Kind, path: &Path) -> String {
    if let Some(name) = python_name(path).filter(|_| kind == Kind::Submission) {
        return name;
    }
    let named = match kind {
        Kind::Submission => path.parent().and_then(Path::file_name),
        Kind::Workload | Kind::Dataset | Kind::Harness => path.file_stem(),
    };
    named.unwrap_or_default().to_string_lossy().into_owned()
}

/// Whoever read the file put a replacement character where its bytes are no text.
fn not_utf8(start: usize) -> Mistake {
    Mistake {
        span: Span {
            start,
            length: char::REPLACEMENT_CHARACTER.len_utf8(),
        },
        message: "these bytes are not UTF-8".to_owned(),
        help: Some("save the file as UTF-8".to_owned()),
    }
}
