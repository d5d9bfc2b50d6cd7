//! Set-up with programs made of shell scripts and wheels made of a few bytes.

use super::bundle::{Bundle, CPU};
use super::*;
use crate::data::hex;
use crate::progress::silent;
use crate::testing::Fixture;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

/// A wheel with these files, stored.
fn wheel(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*path, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A machine with tools, a pip that serves `torch-2.11.0-….whl`, and the bundle that pins it.
fn machine() -> (Fixture, Bundle) {
    let fixture = Fixture::new();
    for tool in ["cargo", "c++"] {
        fixture.program(tool, "echo 1.0");
    }
    let bytes = wheel(&[
        ("torch/include/torch/torch.h", "header"),
        ("torch/lib/libtorch_cpu.so", "cpu"),
        ("torch/lib/libc10.so", "c10"),
        ("torch/lib/libtorch_python.so", "python"),
        ("../torch/include/escape.h", "outside"),
    ]);
    let path = fixture.file("served/torch-2.11.0-cp311-any.whl", &bytes);
    let sha256 = hex(&Sha256::digest(&bytes));
    let lock = format!(
        "# {} bytes\ntorch==2.11.0 --hash=sha256:{sha256}\n",
        bytes.len()
    );
    fixture.program("pip", &serve(&path));
    let bundle = Bundle {
        lock: Box::leak(lock.into_boxed_str()),
        ..CPU
    };
    (fixture, bundle)
}

/// A pip that copies a file to its `--dest` and counts how often it was asked.
fn serve(path: &Path) -> String {
    format!(
        r#"[ "$1" = --version ] && echo pip 24.0 && exit 0
echo asked >> "$0.log"
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
/bin/cp {} "$dest""#,
        path.display()
    )
}

fn asked(fixture: &Fixture) -> usize {
    let log = std::fs::read_to_string(fixture.path("bin/pip.log")).unwrap_or_default();
    log.lines().count()
}

fn prepare(fixture: &Fixture, bundle: &Bundle) -> Result<PathBuf, SetupError> {
    std::fs::create_dir_all(fixture.home.libtorch_cache()).unwrap();
    bundle::prepare(&fixture.home, bundle, &mut silent)
}

/// Names of what lies in the cache's libtorch folder, but for the lock.
fn left(fixture: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(fixture.home.libtorch_cache()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "setup.lock")
        .collect()
}

#[test]
fn a_bundle_is_downloaded_unpacked_and_kept() {
    let (fixture, bundle) = machine();
    let place = prepare(&fixture, &bundle).unwrap();
    assert_eq!(left(&fixture), ["2.11.0-cpu"]);
    assert_eq!(version_of(&place).unwrap(), VERSION);
    let header = place.join("include/torch/torch.h");
    assert_eq!(std::fs::read_to_string(header).unwrap(), "header");
    assert!(!place.join("lib/libtorch_python.so").exists());
    assert_eq!(prepare(&fixture, &bundle).unwrap(), place);
    assert_eq!(asked(&fixture), 1);
    // From here on the checkout needs a link only, and then nothing at all.
    let libtorch = ensure(&fixture.home, Options::default(), &mut silent).unwrap();
    assert_eq!(
        fixture.home.libtorch_link().canonicalize().unwrap(),
        libtorch.root
    );
    assert_eq!(libtorch.library_folders(), [place.join("lib")]);
    let mut heard = Vec::new();
    ensure(&fixture.home, Options::default(), &mut |progress| {
        heard.push(progress)
    })
    .unwrap();
    assert_eq!(heard, []);
    assert_eq!(asked(&fixture), 1);
}

#[test]
fn another_wheel_than_the_pinned_one_is_refused() {
    let (fixture, bundle) = machine();
    let path = fixture.file("served/torch-2.11.0-cp311-any.whl", b"another one");
    fixture.program("pip", &serve(&path));
    let error = prepare(&fixture, &bundle).unwrap_err();
    let SetupError::Hash {
        file,
        expected,
        found,
    } = error
    else {
        panic!("{error}");
    };
    assert!(file.ends_with("torch-2.11.0-cp311-any.whl"), "{file}");
    assert!(bundle.lock.contains(&expected));
    assert_eq!(found, hex(&Sha256::digest(b"another one")));
    assert!(left(&fixture).is_empty());
}

#[test]
fn pips_own_complaint_about_a_hash_is_understood() {
    let (fixture, bundle) = machine();
    fixture.program(
        "pip",
        "[ \"$1\" = --version ] && echo pip 24.0 && exit 0\nprintf 'ERROR: THESE PACKAGES DO NOT MATCH\\n    torch==2.11.0 from x:\\n        Expected sha256 aa\\n             Got        bb\\n' >&2\nexit 1",
    );
    let error = prepare(&fixture, &bundle).unwrap_err();
    assert_eq!(
        error.to_string(),
        "torch==2.11.0 has sha256 bb, expected aa"
    );
}

#[test]
fn an_interrupted_download_begins_again() {
    let (fixture, bundle) = machine();
    let served = fixture.path("served/torch-2.11.0-cp311-any.whl");
    fixture.program(
        "pip",
        "[ \"$1\" = --version ] && echo pip 24.0 && exit 0\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=\"$2\"; shift; done\necho half > \"$dest/torch-2.11.0-cp311-any.whl\"\nkill -9 $$",
    );
    let error = prepare(&fixture, &bundle).unwrap_err();
    assert!(matches!(error, SetupError::Download(_)), "{error}");
    assert!(left(&fixture).is_empty());
    // A killed bench removes nothing itself: what it left is removed by the next one, under the lock.
    fixture.file("cache/libtorch/setting-up-abc/wheels/half.whl", b"half");
    fixture.program("pip", &serve(&served));
    prepare(&fixture, &bundle).unwrap();
    ensure(&fixture.home, Options::default(), &mut silent).unwrap();
    assert_eq!(left(&fixture), ["2.11.0-cpu"]);
}

#[test]
fn two_set_ups_at_once_download_once() {
    let (fixture, bundle) = machine();
    prepare(&fixture, &bundle).unwrap();
    let lock = fixture.home.libtorch_cache().join("setup.lock");
    let held = Lock::wait(&lock, "test", &mut silent).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (home, sender) = (&fixture.home, sender.clone());
            scope.spawn(move || {
                let mut listener = |progress| drop(sender.send(progress));
                ensure(home, Options::default(), &mut listener).unwrap();
            });
        }
        let waited = receiver.recv().unwrap();
        let Progress::Waited { behind } = waited else {
            panic!("{waited:?}");
        };
        let begins = format!("setting up libtorch (process {}, ", std::process::id());
        assert!(behind.starts_with(&begins), "{behind}");
        drop(held);
    });
    assert_eq!(asked(&fixture), 1);
}

#[test]
fn missing_programs_are_named_with_their_packages() {
    let (fixture, bundle) = machine();
    for name in ["cargo", "c++", "pip"] {
        std::fs::remove_file(fixture.path("bin").join(name)).unwrap();
    }
    assert_eq!(
        prepare(&fixture, &bundle).unwrap_err().to_string(),
        "programs are missing:\n  cargo, Rust's build program: `apt install rustup` on Debian, `dnf install rustup` on Fedora\n  a C++ compiler (`c++`, or what CXX names): `apt install g++` on Debian, `dnf install gcc-c++` on Fedora\n  pip 20.3 or newer, Python's package client: `apt install python3-pip` on Debian, `dnf install python3-pip` on Fedora"
    );
    assert!(left(&fixture).is_empty());
}

#[test]
fn offline_says_what_else_there_is() {
    let (fixture, bundle) = machine();
    fixture.program(
        "pip",
        "[ \"$1\" = --version ] && echo pip 24.0 && exit 0\necho 'ERROR: Could not find a version that satisfies the requirement torch==2.11.0' >&2\nexit 1",
    );
    let error = prepare(&fixture, &bundle).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot download libtorch: pip ended with exit status: 1: ERROR: Could not find a version that satisfies the requirement torch==2.11.0"
    );
    assert!(error.help().unwrap().contains("LIBTORCH"));
}

#[test]
fn the_users_own_libtorch_wins() {
    let (fixture, bundle) = machine();
    prepare(&fixture, &bundle).unwrap();
    ensure(&fixture.home, Options::default(), &mut silent).unwrap();
    let own = fixture.path("own");
    let home = Home {
        user_libtorch: Some(own.clone()),
        ..fixture.home.clone()
    };
    let error = ensure(&home, Options::default(), &mut silent).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("lib/libtorch_cpu.so does not exist"),
        "{error}"
    );
    link::tests::libtorch(&own, Some("2.10.0"));
    let error = ensure(&home, Options::default(), &mut silent).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it holds libtorch 2.10.0, and only 2.11.0 fits"),
        "{error}"
    );
    link::tests::libtorch(&own, Some("2.11.0+cu130"));
    let libtorch = ensure(&home, Options::default(), &mut silent).unwrap();
    assert!(libtorch.own);
    assert_eq!(
        home.libtorch_link().canonicalize().unwrap(),
        own.canonicalize().unwrap()
    );
    // Both halves in one folder: nothing is fetched for cards either.
    std::fs::write(own.join("lib/libtorch_cuda.so"), "").unwrap();
    let libtorch = ensure(&home, Options { cuda: true }, &mut silent).unwrap();
    assert_eq!(libtorch.library_folders(), [own.join("lib")]);
    assert_eq!(asked(&fixture), 1);
}
