//! `extends:` — the files that a variant is made of, and what to write where there is no such base.

use super::catalog::Entry;
use super::check::Violation;
use super::diagnostic::help_with;
use super::merge::Layer;
use super::schema::Kind;
use super::yaml;
use std::path::{Component, Path, PathBuf};

/// What a file's text says that it extends.
pub fn extended(text: &str) -> Option<String> {
    let (document, _) = yaml::parse(text);
    let base = document?.value.get("extends")?.as_str()?.to_owned();
    Some(base)
}

/// What a workload's text names by paths: the workload that it extends, and its data set.
pub fn paths(text: &str) -> Vec<(Kind, String)> {
    let (document, _) = yaml::parse(text);
    let named = |kind: Kind, key: &str| {
        let value = document.as_ref()?.value.get(key)?.as_str()?;
        is_path(value).then(|| (kind, value.to_owned()))
    };
    let named = [
        named(Kind::Workload, "extends"),
        named(Kind::Dataset, "dataset"),
    ];
    named.into_iter().flatten().collect()
}

/// Whether a workload or data set is named by its file, and not as those of the checkout are.
pub fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".yaml")
}

/// The file that is named in a file of this folder.
pub fn beside(folder: &Path, named: &str) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in folder.join(named).components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The files that make up `entry`, its oldest base first and itself last.
pub(super) fn chain<'a>(
    entries: &'a [Entry],
    entry: &'a Entry,
) -> Result<Vec<Layer<'a>>, Violation> {
    let mut layers = vec![Layer { entry }];
    let mut here = entry;
    while let Some(base) = written(here) {
        let Some(found) = entries.iter().find(|other| is_base(other, here, base)) else {
            return Err(match std::ptr::eq(here, entry) {
                true => unknown(entries, entry, base),
                false => lost(here, base),
            });
        };
        if layers.iter().any(|layer| std::ptr::eq(layer.entry, found)) {
            return Err(circle(&layers, found));
        }
        layers.push(Layer { entry: found });
        here = found;
    }
    layers.reverse();
    Ok(layers)
}

fn written(entry: &Entry) -> Option<&str> {
    match entry.kind {
        Kind::Workload | Kind::Submission => {
            entry.document.as_ref()?.value.get("extends")?.as_str()
        }
        Kind::Dataset | Kind::Harness => None,
    }
}

/// Workloads are extended by name or by their file, submissions by folder, which whoever read the files has looked up.
fn is_base(candidate: &Entry, variant: &Entry, base: &str) -> bool {
    candidate.kind == variant.kind
        && match variant.kind {
            Kind::Submission => variant.base.as_ref() == Some(&candidate.folder),
            _ if is_path(base) => candidate.path() == beside(&variant.folder, base),
            _ => candidate.name == base,
        }
}

fn circle(layers: &[Layer], found: &Entry) -> Violation {
    let names: Vec<&str> = layers
        .iter()
        .map(|layer| layer.entry.name.as_str())
        .collect();
    Violation::new(
        "/extends",
        format!(
            "`extends` goes in a circle: {} -> {}",
            names.join(" -> "),
            found.name
        ),
        "let one of them stand on its own",
    )
}

/// No file has that name, or lies there. The help is what would work in its place.
fn unknown(entries: &[Entry], variant: &Entry, base: &str) -> Violation {
    let kind = variant.kind.name();
    let others: Vec<&Entry> = entries
        .iter()
        .filter(|other| other.kind == variant.kind && !std::ptr::eq(*other, variant))
        .collect();
    let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
    let meant = match variant.kind {
        Kind::Submission => folder_name(base),
        _ => base,
    };
    let offered = |name: &str| match others.iter().find(|other| other.name == name) {
        Some(other) if other.kind == Kind::Submission => path_to(other, variant, base),
        _ => name.to_owned(),
    };
    let help = help_with(meant, &names, offered);
    Violation::new(
        "/extends",
        format!("cannot extend `{base}`: there is no such {kind}"),
        help.unwrap_or_else(|| format!("there is no {kind} yet")),
    )
}

/// What a variant extends is there, but goes on from something that is not.
fn lost(between: &Entry, base: &str) -> Violation {
    let (name, kind) = (&between.name, between.kind.name());
    Violation::new(
        "/extends",
        format!("`{name}` itself extends `{base}`, and there is no such {kind}"),
        format!("mend {} first", between.source.path.display()),
    )
}

/// The name of the submission that a path is meant to lead to.
fn folder_name(base: &str) -> &str {
    let names = base.rsplit('/');
    names
        .into_iter()
        .find(|name| !["", "submission.yaml"].contains(name))
        .unwrap_or(base)
}

/// What a variant writes to extend another, absolute where it wrote that.
fn path_to(base: &Entry, variant: &Entry, written: &str) -> String {
    let path = match Path::new(written).is_absolute() {
        true => base.folder.clone(),
        false => way(&variant.folder, &base.folder),
    };
    path.display().to_string()
}

/// The way from one folder to another, both absolute.
pub fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(from, to)| from == to)
        .count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_there() {
        for (from, to, expected) in [
            ("/co/submissions/a", "/co/submissions/b", "../b"),
            (
                "/co/claims/x/a",
                "/co/submissions/b",
                "../../../submissions/b",
            ),
            (
                "/home/me/a",
                "/co/submissions/b",
                "../../../co/submissions/b",
            ),
        ] {
            assert_eq!(way(Path::new(from), Path::new(to)), Path::new(expected));
        }
    }

    #[test]
    fn the_name_that_is_meant_is_the_last() {
        for base in ["adamw", "../adamw", "../adamw/", "/x/adamw/submission.yaml"] {
            assert_eq!(folder_name(base), "adamw");
        }
        assert_eq!(folder_name("/"), "/");
    }
}
