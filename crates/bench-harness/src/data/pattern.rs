//! Roles that several files play: a name with `*` or `?` stands for all that match.
//!
//! Such a file's key among a source's files is `<role>/<its name>`, so that files of a role come in the order of their names.

/// Whether a name is a pattern.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether `*` (any letters but `/`) and `?` (one of them) can stand for what differs.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    // The last `*`, and how much of the name it stands for: only this one is ever widened.
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(b'?') if name[seen] != b'/' => (at, seen) = (at + 1, seen + 1),
            Some(&letter) if letter == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match star {
                Some((place, until)) if name[until] != b'/' => {
                    star = Some((place, until + 1));
                    (at, seen) = (place + 1, until + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[at..].iter().all(|&letter| letter == b'*')
}

/// The key of one of the files that play a role.
pub(crate) fn key(role: &str, path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    format!("{role}/{name}")
}

/// The role in a key.
pub(crate) fn role(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks_stand_for_letters() {
        for (pattern, name, expected) in [
            ("package/c???", "package/ca01", true),
            ("package/c???", "package/ca1", false),
            ("package/c???", "package/c/01", false),
            ("*.txt", "a.b.txt", true),
            ("*.txt", "a/b.txt", false),
            ("data_batch_*.bin", "data_batch_1.bin", true),
            ("*", "", true),
            ("**", "ab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert_eq!(role(&key("train", "a/b/c.bin")), "train");
    }

    proptest! {
        #[test]
        fn names_match_themselves_and_a_star(name in "[a-z.]{0,12}", other in ".{0,12}") {
            prop_assert!(matches(&name, &name));
            prop_assert!(matches("*", &name));
            let _ = matches(&other, &name);
        }
    }
}
