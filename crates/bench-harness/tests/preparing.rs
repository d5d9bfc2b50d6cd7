//! Data sets much larger than the memory that preparing them takes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::spec::dataset::Dataset;
use bench_harness::data;
use bench_harness::home::Home;
use bench_harness::progress::Progress;
use std::fs::File;
use std::io::Write as _;

const MEBIBYTE: usize = 1 << 20;
/// Of the training file.
const MEBIBYTES: usize = 96;

/// Kibibytes of a line of `/proc/self/status`.
fn memory(line: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().find_map(|all| all.strip_prefix(line)).unwrap();
    let number = found.trim_start_matches(':').trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// The only test of this program: memory is the whole process'.
#[test]
fn memory_is_that_of_a_few_shards_and_progress_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home {
        user_python: None,
        root: folder.path().join("checkout"),
        cache: folder.path().join("cache"),
        user_data: Some(folder.path().join("own")),
        user_libtorch: None,
        user_compiler: None,
        search_path: Default::default(),
        building: Default::default(),
    };
    let own = folder.path().join("own/text");
    std::fs::create_dir_all(&own).unwrap();
    for (name, size) in [("train.bin", MEBIBYTES), ("test.bin", 1)] {
        let mut file = File::create(own.join(name)).unwrap();
        for piece in 0..size {
            let bytes: Vec<u8> = (0..MEBIBYTE)
                .map(|place| (place / 7 + piece) as u8)
                .collect();
            file.write_all(&bytes).unwrap();
        }
    }
    let total = (MEBIBYTES + 1) * MEBIBYTE;
    let split = |from: &str, start: usize, count: usize| serde_json::json!({ "from": from, "start": start, "count": count, "hash": "unpinned" });
    let dataset: Dataset = serde_json::from_value(serde_json::json!({
        "schema": 1, "licence": "none", "format": { "tokens": { "vocabulary": 256 } },
        "sources": [{ "folder": { "train": "train.bin", "test": "test.bin" } }],
        "splits": {
            "train": split("train", 0, (MEBIBYTES - 1) * MEBIBYTE),
            "validation": split("train", (MEBIBYTES - 1) * MEBIBYTE, MEBIBYTE),
            "test": split("test", 0, MEBIBYTE),
        },
    }))
    .unwrap();
    let (mut announced, mut last) = (None, 0);
    let mut listener = |progress| match progress {
        Progress::Began { bytes, .. } => announced = bytes,
        Progress::Advanced { bytes } => {
            assert!(bytes >= last);
            last = bytes;
        }
        _ => {}
    };
    let before = memory("VmRSS");
    let shard = 4 * MEBIBYTE;
    let prepared = data::fetch_in_shards(&home, "text", &dataset, shard, &mut listener).unwrap();
    let taken = (memory("VmHWM") - before) * 1024;
    assert!(
        taken < 6 * shard as u64,
        "{taken} bytes for shards of {shard}"
    );
    assert_eq!((announced, last), (Some(total as u64), total as u64));
    let manifest = data::Manifest::read(&prepared.folder).unwrap();
    let shards: Vec<usize> = manifest
        .splits
        .values()
        .map(|split| split.shards.len())
        .collect();
    assert_eq!(shards, [(MEBIBYTES - 1).div_ceil(4), 1, 1]);
}
