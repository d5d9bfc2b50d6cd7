//! A copy's `submission.yaml`: what it names by path, named from where the copy lies.

use super::{Place, ScaffoldError};
use crate::catalog;
use bench_core::spec::catalog::way;
use bench_core::spec::edit;
use std::path::Path;

const SCHEMA: &str = "crates/bench-core/schema/submission.json";

/// The text for a folder, with its editor's schema and what it extends.
///
/// # Errors
/// When it is no YAML.
pub(super) fn settled(text: &str, place: &Place) -> Result<String, ScaffoldError> {
    let text = with_schema(text, &path(&place.home.root.join(SCHEMA), place));
    let base = place.from.and_then(|from| catalog::base(from, &text));
    let Some(base) = base else {
        return Ok(text);
    };
    edit::extend(&text, &path(&base, place)).map_err(|error| ScaffoldError::Manifest {
        path: place.folder.join("submission.yaml"),
        what: error.to_string(),
    })
}

/// The way within the checkout, which may be moved as a whole; else an absolute path, as manifests have them.
fn path(to: &Path, place: &Place) -> String {
    let root = &place.home.root;
    let path = match place.folder.starts_with(root) && to.starts_with(root) {
        true => way(place.folder, to),
        false => to.to_owned(),
    };
    path.display().to_string()
}

fn with_schema(text: &str, schema: &str) -> String {
    const KEY: &str = "$schema=";
    let Some((before, rest)) = text.split_once(KEY) else {
        return text.to_owned();
    };
    let (old, after) = rest.split_at(rest.find('\n').unwrap_or(rest.len()));
    match old.trim_end().ends_with(SCHEMA) {
        true => format!("{before}{KEY}{schema}{after}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    /// A variant of `submissions/a`, copied to a folder of the checkout or beside it.
    #[test]
    fn paths_lead_from_where_the_copy_lies() {
        let fixture = Fixture::new();
        let home = &fixture.home;
        let root = home.root.display();
        fixture.file("checkout/submissions/a/submission.yaml", b"schema: 1\n");
        for (from, to, base, schema) in [
            ("submissions/v", "submissions/w", "../a", "../../"),
            ("results/x/y/v", "submissions/w", "../a", "../../"),
            (
                "submissions/v",
                "results/x/y/w",
                "../../../../submissions/a",
                "../../../../",
            ),
            (
                "submissions/v",
                "/elsewhere/w",
                "{root}/submissions/a",
                "{root}/",
            ),
        ] {
            let [base, schema] = [base, schema].map(|p| p.replace("{root}", &root.to_string()));
            let from = home.root.join(from);
            std::fs::create_dir_all(&from).unwrap();
            let place = Place {
                home,
                folder: &home.root.join(to),
                from: Some(&from),
                is_member: true,
            };
            for written in [
                way(&from, &home.root.join("submissions/a")),
                home.root.join("submissions/a"),
            ] {
                let text = format!("# $schema=../../{SCHEMA}\nextends: {}\n", written.display());
                assert_eq!(
                    settled(&text, &place).unwrap(),
                    format!("# $schema={schema}{SCHEMA}\nextends: {base}\n")
                );
            }
        }
    }

    #[test]
    fn a_schema_of_ones_own_stays() {
        let text = "# $schema=mine.json\nschema: 1\n";
        assert_eq!(with_schema(text, "x"), text);
    }
}
