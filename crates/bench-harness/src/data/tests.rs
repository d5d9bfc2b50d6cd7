//! Fetching with programs made of shell scripts, and archives made of a few bytes.

use super::archive::tests::{debian_of, wheel_of};
use super::block::{Block, Cells};
use super::writer::Written;
use super::*;
use crate::progress::silent;
use crate::testing::Fixture;
use bench_core::run::SplitIdentity;
use bench_core::spec::columns::Columns;
use bench_core::spec::dataset::{Generated, ImageFormat, Package, RemoteFile, Source, Split};
use sha2::{Digest as _, Sha256};

/// Eight 1 x 2 images, all different, and their labels, as idx files by role.
fn files() -> BTreeMap<String, Vec<u8>> {
    let images = |count: u8, first: u8| {
        let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend((0..count).flat_map(|i| [first + i, i]));
        bytes
    };
    let labels = |count: u8| {
        let mut bytes = vec![0, 0, 8, 1, 0, 0, 0, count];
        bytes.extend((0..count).map(|i| i % 2));
        bytes
    };
    [
        ("train-images", images(6, 0)),
        ("train-labels", labels(6)),
        ("test-images", images(2, 100)),
        ("test-labels", labels(2)),
    ]
    .map(|(role, bytes)| (role.to_owned(), bytes))
    .into()
}

/// Paths inside of archives and folders: the role with `.idx`.
fn paths() -> BTreeMap<String, String> {
    files()
        .keys()
        .map(|role| (role.clone(), format!("{role}.idx")))
        .collect()
}

/// Makes an archive of paths and contents.
type Pack = fn(&[(&str, &[u8])]) -> Vec<u8>;

fn archive_of(pack: Pack) -> Vec<u8> {
    let files: Vec<(String, Vec<u8>)> = files()
        .into_iter()
        .map(|(role, bytes)| (format!("{role}.idx"), bytes))
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    pack(&files)
}

fn package(bytes: &[u8]) -> Package {
    Package {
        package: "toy-data".to_owned(),
        version: "1.0".to_owned(),
        sha256: hex(&Sha256::digest(bytes)),
        files: paths(),
    }
}

/// A data set with these sources and the right hashes.
fn toy(sources: Vec<Source>) -> Dataset {
    let split = |from: &str, start, count| Split {
        from: from.to_owned(),
        start,
        count,
        hash: String::new(),
    };
    let mut dataset = Dataset {
        schema: 1,
        about: None,
        licence: "none".to_owned(),
        format: Format::IdxImages(ImageFormat {
            height: 1,
            width: 2,
            channels: 1,
            classes: 2,
        }),
        sources,
        sha256: BTreeMap::new(),
        splits: bench_core::spec::dataset::Splits {
            train: split("train", 0, 4),
            validation: split("train", 4, 2),
            test: split("test", 0, 2),
        },
        folder: PathBuf::new(),
    };
    pin(&mut dataset);
    dataset
}

/// The splits of a data set of [`files`], in shards of at most so many bytes.
fn written(dataset: &Dataset, folder: &Path, bytes: usize) -> BTreeMap<SplitName, Written> {
    let write = |(role, content): (String, Vec<u8>)| {
        let path = folder.join(&role);
        std::fs::write(&path, content).unwrap();
        (role, path)
    };
    let files = files().into_iter().map(write).collect();
    split::write(dataset, &files, folder, bytes, &mut |_| {}).unwrap()
}

/// Sets the hashes to what the content has.
fn pin(dataset: &mut Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let written = written(dataset, folder.path(), SHARD_BYTES);
    dataset.splits.train.hash = written[&SplitName::Train].hash.clone();
    dataset.splits.validation.hash = written[&SplitName::Validation].hash.clone();
    dataset.splits.test.hash = written[&SplitName::Test].hash.clone();
}

/// All examples of a split.
fn held(prepared: &Prepared, split: SplitName, columns: &Columns) -> Block {
    let mut held = Block::empty(columns);
    for path in shard::files(&prepared.splits[&split]).unwrap() {
        let block = shard::load(&path, columns).unwrap();
        held.extend(&block, columns, &(0..block.examples()));
    }
    held
}

/// Puts all files into the user's folder for the data set `toy`.
fn put_files(fixture: &Fixture) {
    for (role, bytes) in files() {
        fixture.file(&format!("cache/files/toy/{role}.idx"), &bytes);
    }
}

/// A program that copies a file into the current folder, or to the path after `option`.
fn copy(path: &Path, option: &str) -> String {
    format!(
        "[ \"$1\" = --version ] && echo pip 24.0 && exit 0\necho asked >> \"$0.log\"\nto=.\nwhile [ $# -gt 0 ]; do [ \"$1\" = {option} ] && to=\"$2\"; shift; done\n/bin/cp {} \"$to\"",
        path.display()
    )
}

#[test]
fn every_kind_of_source_serves_the_same_content() {
    let debian = archive_of(debian_of);
    let wheel = archive_of(wheel_of);
    let remote = files()
        .into_iter()
        .map(|(role, bytes)| {
            let file = RemoteFile {
                url: format!("https://example.org/{role}"),
                sha256: hex(&Sha256::digest(bytes)),
            };
            (role, file)
        })
        .collect();
    let sources = [
        Source::Debian(package(&debian)),
        Source::Python(package(&wheel)),
        Source::Npm(package(&wheel)),
        Source::Https(remote),
        Source::Folder(paths()),
    ];
    for source in sources {
        let fixture = Fixture::new();
        let debian = fixture.file("served/toy-data_1.0_all.deb", &debian);
        let wheel = fixture.file("served/toy_data-1.0.whl", &wheel);
        fixture.program("apt-get", &copy(&debian, "none"));
        fixture.program("pip", &copy(&wheel, "--dest"));
        fixture.program("npm", &copy(&wheel, "none"));
        for (role, bytes) in files() {
            fixture.file(&format!("served/{role}"), &bytes);
        }
        let curl = format!(
            "while [ $# -gt 1 ]; do [ \"$1\" = --output ] && to=\"$2\"; shift; done\n/bin/cp \"{}/${{1##*/}}\" \"$to\"",
            fixture.path("served").display()
        );
        fixture.program("curl", &curl);
        if matches!(source, Source::Folder(_)) {
            put_files(&fixture);
        }
        let dataset = toy(vec![source.clone()]);
        let prepared = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
        let train = held(&prepared, SplitName::Train, &dataset.format.columns());
        assert_eq!(
            train.get("images").unwrap().bytes[..],
            [0, 0, 1, 1, 2, 2, 3, 3]
        );
        assert_eq!(train.get("labels").unwrap().bytes[..], [0, 1, 0, 1]);
        let manifest = Manifest::read(&prepared.folder).unwrap();
        assert_eq!(manifest.served_by, describe(&source));
        assert!(
            verify(&fixture.home, "toy", &dataset, &mut silent)
                .unwrap()
                .ok()
        );
    }
}

#[test]
fn content_that_no_file_pins_is_in_the_identity_all_the_same() {
    let identity = |first: u8| {
        let fixture = Fixture::new();
        put_files(&fixture);
        let mut images = files()["train-images"].to_vec();
        images[16] = first;
        fixture.file("cache/files/toy/train-images.idx", &images);
        let mut dataset = toy(vec![Source::Folder(paths())]);
        let splits = &mut dataset.splits;
        let pinned = splits.test.hash.clone();
        splits.train.hash = Split::UNPINNED.to_owned();
        splits.validation.hash = Split::UNPINNED.to_owned();
        let mut identity = DatasetIdentity {
            name: "toy".to_owned(),
            columns: dataset.format.columns(),
            splits: split::named(&dataset.splits)
                .into_iter()
                .map(|(name, split)| {
                    let (examples, hash) = (split.count, split.hash.clone());
                    (name, SplitIdentity { examples, hash })
                })
                .collect(),
        };
        assert!(identity.is_unpinned());
        let prepared = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
        prepared.identify(&mut identity).unwrap();
        assert!(!identity.is_unpinned());
        let report = verify(&fixture.home, "toy", &dataset, &mut silent).unwrap();
        for (name, held) in &report.splits {
            assert_eq!(identity.splits[name].hash, held.hash, "{}", name.name());
        }
        assert_eq!(identity.splits[&SplitName::Test].hash, pinned);
        identity
    };
    let (one, other) = (identity(0), identity(77));
    assert_eq!(one, identity(0));
    assert_ne!(
        one.splits[&SplitName::Train],
        other.splits[&SplitName::Train]
    );
    assert_eq!(
        one.splits[&SplitName::Validation],
        other.splits[&SplitName::Validation]
    );
}

#[test]
fn the_second_process_finds_what_the_first_fetched() {
    let fixture = Fixture::new();
    let archive = fixture.file("served/toy.deb", &archive_of(debian_of));
    fixture.program("apt-get", &copy(&archive, "none"));
    let dataset = toy(vec![Source::Debian(package(&archive_of(debian_of)))]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap());
        }
    });
    let log = std::fs::read_to_string(fixture.path("bin/apt-get.log")).unwrap();
    assert_eq!(log.lines().count(), 1);
    let prepared = find(&fixture.home, "toy", &dataset).unwrap().unwrap();
    let entries = std::fs::read_dir(prepared.folder.parent().unwrap()).unwrap();
    assert_eq!(
        entries.count(),
        1,
        "nothing but the prepared folder is left"
    );
    for path in prepared
        .splits
        .values()
        .map(|folder| shard::file(folder, 0))
    {
        assert!(path.metadata().unwrap().permissions().readonly());
    }
}

#[test]
fn a_supplied_file_is_the_owners_where_its_sum_is_known() {
    let fixture = Fixture::new();
    put_files(&fixture);
    let mut dataset = toy(vec![Source::Folder(paths())]);
    let owners = hex(&Sha256::digest(&files()["train-labels"]));
    dataset.sha256 = BTreeMap::from([("train-labels.idx".to_owned(), owners)]);
    fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();

    let fixture = Fixture::new();
    put_files(&fixture);
    fixture.file("cache/files/toy/train-labels.idx", b"other");
    let error = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("train-labels.idx has sha256") && told.contains(", expected "),
        "{told}"
    );
}

#[test]
fn an_archive_in_the_users_folder_needs_no_network() {
    let fixture = Fixture::new();
    let bytes = archive_of(debian_of);
    fixture.file("cache/files/toy/under-any-name", &bytes);
    fixture.file("cache/files/toy/another", b"another");
    let dataset = toy(vec![Source::Debian(package(&bytes))]);
    fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
}

#[test]
fn offline_all_failures_are_told_and_what_to_put_where() {
    let fixture = Fixture::new();
    let words = "E: Unable to locate package toy-data";
    fixture.program("apt-get", &format!("echo '{words}' >&2; exit 100"));
    let other = fixture.file("served/toy_data-1.0.whl", b"other");
    fixture.program("pip", &copy(&other, "--dest"));
    let mut dataset = toy(vec![
        Source::Debian(package(b"deb")),
        Source::Python(package(b"wheel")),
        Source::Npm(package(b"npm")),
        Source::Folder(paths()),
    ]);
    let mut notes = 0;
    let mut listener = |progress| notes += u32::from(matches!(progress, Progress::Noted { .. }));
    let error = fetch(&fixture.home, "toy", &dataset, &mut listener).unwrap_err();
    let tmp = fixture.path("").display().to_string();
    let (deb, wheel, npm) = (
        hex(&Sha256::digest("deb")),
        hex(&Sha256::digest("wheel")),
        hex(&Sha256::digest("npm")),
    );
    assert_eq!(
        error.to_string().replace(&tmp, "/"),
        format!(
            "no source serves data set `toy`:\n  Debian package toy-data: apt-get ended with exit status: 100: {words} (are the package lists there? `apt-get update` fetches them)\n  Python package toy-data: toy_data-1.0.whl has sha256 {}, expected {wheel}\n  npm package toy-data: npm is not installed\n  your folder: /cache/files/toy/test-images.idx is not there",
            hex(&Sha256::digest("other"))
        )
    );
    assert_eq!(
        error.help().unwrap().replace(&tmp, "/"),
        format!(
            "without a network, put one of these into /cache/files/toy and run the same command again:\n  the archive of Debian package toy-data 1.0 (sha256 {deb})\n  the archive of Python package toy-data 1.0 (sha256 {wheel})\n  the archive of npm package toy-data 1.0 (sha256 {npm})\n  test-images.idx, test-labels.idx, train-images.idx, train-labels.idx"
        )
    );
    assert_eq!(notes, 4);
    // The next source is tried when one fails.
    dataset.sources.rotate_left(1);
    put_files(&fixture);
    fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
}

#[test]
fn other_content_than_pinned_and_shared_examples_are_refused() {
    let fixture = Fixture::new();
    put_files(&fixture);
    let mut dataset = toy(vec![Source::Folder(paths())]);
    dataset.splits.validation.hash = "0".repeat(64);
    let error = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    let found = toy(vec![]).splits.validation.hash;
    assert!(
        error
            .to_string()
            .contains(&format!("validation: hash {found}, expected 000")),
        "{error}"
    );

    let mut dataset = toy(vec![Source::Folder(paths())]);
    dataset.splits.validation.start = 3;
    pin(&mut dataset);
    let error = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    let words =
        "splits `train` and `validation` share 1 examples; the first are number 3 and number 0";
    assert!(error.to_string().contains(words), "{error}");

    dataset.splits.test.count = 3;
    let error = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    let words = "split `test` takes examples 0 to 3 of `test`, which has 2";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn verify_finds_damage() {
    let fixture = Fixture::new();
    put_files(&fixture);
    let dataset = toy(vec![Source::Folder(paths())]);
    let error = verify(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    assert_eq!(error.help().unwrap(), "`bench data fetch toy` fetches it");
    let prepared = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
    let report = verify(&fixture.home, "toy", &dataset, &mut silent).unwrap();
    assert!(report.ok());
    assert_eq!(report.splits[&SplitName::Train].classes, [2, 2]);
    assert_eq!(report.census.duplicates[&SplitName::Train], 0);
    let path = &shard::file(&prepared.splits[&SplitName::Train], 0);
    let bytes = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(path, damaged).unwrap();
    assert!(
        !verify(&fixture.home, "toy", &dataset, &mut silent)
            .unwrap()
            .ok()
    );
    std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    let error = verify(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    assert!(
        error.to_string().contains("train/00000.safetensors"),
        "{error}"
    );
}

#[test]
fn duplicates_are_counted() {
    let columns = Columns::images(1, 1, 1, 256);
    let keys = |levels: &[u8]| {
        let cells = || Cells::fixed(levels.to_vec());
        let block = Block::new(levels.len(), [("images", cells()), ("labels", cells())]);
        let mut keys = Vec::new();
        census::keys(&columns, &block, &mut keys);
        keys
    };
    let census = Census::of(&BTreeMap::from([
        (SplitName::Train, keys(&[1, 2, 2, 3, 2])),
        (SplitName::Validation, keys(&[4, 4])),
        (SplitName::Test, keys(&[5, 2, 3])),
    ]));
    assert_eq!(census.duplicates[&SplitName::Train], 2);
    assert_eq!(census.duplicates[&SplitName::Validation], 1);
    assert_eq!(
        census.overlaps,
        [Overlap {
            first: SplitName::Train,
            second: SplitName::Test,
            examples: 2,
            at: (1, 1)
        }]
    );
}

#[test]
fn splits_are_the_same_in_shards_of_any_size() {
    let dataset = toy(vec![]);
    let whole = tempfile::tempdir().unwrap();
    let whole = written(&dataset, whole.path(), SHARD_BYTES);
    for (bytes, shards) in [(1, 4), (3, 4), (6, 2), (9, 2), (12, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let parts = written(&dataset, folder.path(), bytes);
        assert_eq!(parts[&SplitName::Train].shards.len(), shards, "{bytes}");
        for (split, written) in &parts {
            assert_eq!(written.hash, whole[split].hash, "{bytes}");
            assert_eq!(written.keys, whole[split].keys, "{bytes}");
        }
    }
}

#[test]
fn preparing_goes_on_behind_the_last_whole_shard() {
    let dataset = toy(vec![Source::Folder(paths())]);
    let (fixture, other) = (Fixture::new(), Fixture::new());
    put_files(&fixture);
    put_files(&other);
    let columns = dataset.format.columns();
    let fetch = |fixture: &Fixture| {
        fetch_in_shards(&fixture.home, "toy", &dataset, 6, &mut silent).unwrap()
    };
    let whole = fetch(&fixture);
    // As if it had been interrupted behind the first shard of the training split, with a second one begun.
    let work = Work {
        home: &other.home,
        name: "toy",
        dataset: &dataset,
        parent: &other.home.data_cache().join("toy"),
        bytes: 6,
    };
    let supplied = |role: &String| {
        (
            role.clone(),
            other.path("cache/files/toy").join(format!("{role}.idx")),
        )
    };
    let supplied = files().keys().map(supplied).collect();
    let stamp = work.stamp(dataset.sources.first(), &supplied).unwrap();
    let stage = store::stage(work.parent, &stamp).unwrap();
    let from = &whole.splits[&SplitName::Train];
    let to = split_folder(&stage, SplitName::Train);
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(shard::file(from, 0), shard::file(&to, 0)).unwrap();
    std::fs::write(shard::file(&to, 1), "cut off").unwrap();
    std::fs::write(shard::file(&to, 1).with_extension("part"), "cut off").unwrap();
    let kept = std::fs::metadata(shard::file(&to, 0))
        .unwrap()
        .modified()
        .unwrap();
    let resumed = fetch(&other);
    assert!(!stage.exists());
    for split in SplitName::ALL {
        assert_eq!(
            held(&resumed, split, &columns),
            held(&whole, split, &columns)
        );
    }
    let first = shard::file(&resumed.splits[&SplitName::Train], 0);
    assert_eq!(std::fs::metadata(first).unwrap().modified().unwrap(), kept);
    // Of other files, nothing is taken over.
    assert_ne!(work.stamp(None, &supplied).unwrap(), stamp);
    std::fs::write(&supplied["test-labels"], b"other").unwrap();
    assert_ne!(
        work.stamp(dataset.sources.first(), &supplied).unwrap(),
        stamp
    );
}

#[test]
fn generated_data_needs_nothing() {
    let fixture = Fixture::new();
    let mut dataset = toy(vec![]);
    dataset.format = Format::Generated(Generated {
        image: ImageFormat {
            height: 2,
            width: 2,
            channels: 3,
            classes: 2,
        },
        train: 6,
        test: 2,
        seed: 7,
        noise: 0.3,
    });
    let error = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap_err();
    assert!(matches!(error, DataError::Content { .. }), "{error}");
    pin(&mut dataset);
    let prepared = fetch(&fixture.home, "toy", &dataset, &mut silent).unwrap();
    let test = held(&prepared, SplitName::Test, &dataset.format.columns());
    assert_eq!(test.examples(), 2);
    assert_eq!(test.get("images").unwrap().bytes.len(), 2 * 3 * 2 * 2);
}
