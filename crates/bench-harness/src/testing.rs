//! A checkout and programs made of a few lines of shell, for tests.

use crate::home::Home;
use std::path::PathBuf;

/// A home in a temporary folder. Its search path holds only the programs that a test puts there.
pub(crate) struct Fixture {
    pub(crate) home: Home,
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["checkout", "bin"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let home = Home {
            root: path("checkout"),
            cache: path("cache"),
            user_data: None,
            user_python: None,
            user_libtorch: None,
            user_compiler: None,
            building: Default::default(),
            search_path: path("bin").into(),
        };
        Fixture { home, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that runs this shell script. Other programs in it need absolute paths.
    ///
    /// A shell writes it: a file that this process has open for writing could not be run while another test's thread forks.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let status = std::process::Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod 755 "$2""#,
                "sh",
            ])
            .arg(script)
            .arg(self.path("bin").join(name))
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// A file with this content, for scripts to copy.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}
