//! What a submission may be called.

/// Words that no crate can be called, or that would hide one that every crate sees.
const RESERVED: [&str; 55] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue",
    "core", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen",
    "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "self", "static", "std", "struct", "super", "test", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name that will not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no word in kebab case.
    #[error(
        "`{name}` is no name for a submission: small letters, digits and single hyphens, beginning with a letter"
    )]
    Form {
        /// What was given.
        name: String,
        /// The nearest name that will do.
        nearest: Option<String>,
    },
    /// Rust would misunderstand it.
    #[error("`{0}` is a word of Rust's own, so no crate can have that name")]
    Reserved(String),
    /// The lock file has a crate of that name.
    #[error("`{0}` is taken: a crate of that name is in the checkout's Cargo.lock")]
    Taken(String),
}

/// Whether a new submission may be called so, beside the crates that are locked.
///
/// # Errors
/// When not.
pub(super) fn check(name: &str, lock: &str) -> Result<(), NameError> {
    if kebab(name).as_deref() != Some(name) {
        return Err(NameError::Form {
            name: name.to_owned(),
            nearest: kebab(name),
        });
    }
    if RESERVED.contains(&name) {
        return Err(NameError::Reserved(name.to_owned()));
    }
    let entry = format!("name = \"{name}\"");
    match lock.lines().any(|line| line == entry) {
        true => Err(NameError::Taken(name.to_owned())),
        false => Ok(()),
    }
}

/// The letters and digits of a text in kebab case; none where there is no letter to begin with.
fn kebab(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut small = false;
    for character in text.chars() {
        if !character.is_ascii_alphanumeric() {
            small = false;
            if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
            continue;
        }
        if character.is_ascii_uppercase() && small {
            name.push('-');
        }
        small = !character.is_ascii_uppercase();
        name.push(character.to_ascii_lowercase());
    }
    let name = name
        .trim_end_matches('-')
        .trim_start_matches(|c: char| !c.is_ascii_lowercase());
    (!name.is_empty()).then(|| name.to_owned())
}

/// As an identifier: `my_algo`.
pub(super) fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

/// As a type: `MyAlgo`.
pub(super) fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_free() {
        let lock = "[[package]]\nname = \"tch\"\n";
        assert_eq!(check("my-algo2", lock), Ok(()));
        for (name, nearest) in [
            ("MyAlgo", Some("my-algo")),
            ("my_algo", Some("my-algo")),
            ("my--algo-", Some("my-algo")),
            ("3dgs", Some("dgs")),
            ("größe", Some("gr-e")),
            ("42", None),
            ("", None),
        ] {
            assert_eq!(
                check(name, lock),
                Err(NameError::Form {
                    name: name.to_owned(),
                    nearest: nearest.map(str::to_owned)
                })
            );
        }
        for word in ["async", "self", "while", "yield"] {
            assert!(matches!(check(word, lock), Err(NameError::Reserved(_))));
        }
        assert!(matches!(check("tch", lock), Err(NameError::Taken(_))));
    }

    #[test]
    fn names_in_code() {
        assert_eq!(identifier("sgd-nesterov"), "sgd_nesterov");
        assert_eq!(camel("sgd-nesterov"), "SgdNesterov");
    }
}
