//! The checkout's release profile, for a workspace to which the checkout's crates are dependencies.

use crate::program::{closure, locked_name as name};

/// The profile's tables, without what is about packages that the new workspace does not have. The checkout's own crates are named one by one:
/// elsewhere they are dependencies, and what `"*"` says of those is not what the checkout builds its own with.
pub(super) fn release(root: &str, lock: &str, needs: &[&str]) -> String {
    let general = table(root, "[profile.release]");
    let packages = table(root, "[profile.release.package]");
    let built = closure(lock, needs);
    let is_own = |package: &&String| !package.contains("\nsource = ");
    let own: Vec<&str> = built
        .iter()
        .filter(is_own)
        .filter_map(|p| name(p))
        .collect();
    let built: Vec<&str> = built.iter().filter_map(|p| name(p)).collect();
    let is_kept = |line: &&str| {
        let key = line.split(" = ").next().unwrap_or_default();
        key == "\"*\"" || built.contains(&key) && !own.contains(&key)
    };
    let kept = packages.iter().copied().filter(is_kept).map(str::to_owned);
    let own = own.iter().map(|name| in_full(name, &general, &packages));
    let packages: Vec<String> = kept.chain(own).collect();
    let mut text = String::new();
    for (name, lines) in [("", general.join("\n")), (".package", packages.join("\n"))] {
        if !lines.is_empty() {
            text += &format!("\n[profile.release{name}]\n{lines}\n");
        }
    }
    text
}

/// The settings of a table of the root manifest, one a line.
fn table<'a>(root: &'a str, name: &str) -> Vec<&'a str> {
    let lines = root.lines().skip_while(|line| *line != name).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| line.contains(" = ") && !line.starts_with('#'))
        .collect()
}

/// A crate's settings in the checkout with nothing left out, since `"*"` would fill it in: its own, else the profile's, else cargo's.
fn in_full(name: &str, general: &[&str], packages: &[&str]) -> String {
    let key = format!("{name} = ");
    let own = packages.iter().find_map(|line| line.strip_prefix(&key));
    let own = own.unwrap_or_default().trim_matches(['{', '}', ' ']);
    let setting = |(key, default): (&str, &str)| {
        let key = format!("{key} = ");
        let mut lines = own.split(',').chain(general.iter().copied());
        let value = lines.find_map(|line| line.trim().strip_prefix(&key));
        key.clone() + value.unwrap_or(default)
    };
    let [debug, level] = [("debug", "false"), ("opt-level", "3")].map(setting);
    format!("{name} = {{ {debug}, {level} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
[profile.release]
debug = "line-tables-only"

[profile.release.package]
# Compile time.
"*" = { debug = false, opt-level = 1 }
tch = { opt-level = 3 }
indicatif = { opt-level = 3 }
bench-core = { debug = false, opt-level = 1 }
bench-torch = { debug = false }
bench-cli = { debug = false }
"#;
    const LOCK: &str = r#"
[[package]]
name = "adamw"
version = "0.1.0"
dependencies = [
 "bench-sdk",
]

[[package]]
name = "bench-cli"
version = "0.1.0"

[[package]]
name = "bench-core"
version = "0.1.0"

[[package]]
name = "bench-sdk"
version = "0.1.0"
dependencies = [
 "bench-core",
 "bench-torch",
]

[[package]]
name = "bench-torch"
version = "0.1.0"
dependencies = [
 "tch",
]

[[package]]
name = "indicatif"
version = "0.18.0"
source = "registry"

[[package]]
name = "tch"
version = "0.24.0"
source = "registry"
"#;

    #[test]
    fn the_checkouts_crates_are_built_as_in_the_checkout() {
        let expected = r#"
[profile.release]
debug = "line-tables-only"

[profile.release.package]
"*" = { debug = false, opt-level = 1 }
tch = { opt-level = 3 }
adamw = { debug = "line-tables-only", opt-level = 3 }
bench-core = { debug = false, opt-level = 1 }
bench-sdk = { debug = "line-tables-only", opt-level = 3 }
bench-torch = { debug = false, opt-level = 3 }
"#;
        assert_eq!(release(ROOT, LOCK, &["adamw", "bench-sdk"]), expected);
        let faster = ROOT.replacen("debug", "opt-level = 2\ndebug", 1);
        let text = release(&faster, LOCK, &["adamw"]);
        assert!(
            text.contains("bench-torch = { debug = false, opt-level = 2 }"),
            "{text}"
        );
        assert_eq!(release("", "", &["adamw"]), "");
    }
}
