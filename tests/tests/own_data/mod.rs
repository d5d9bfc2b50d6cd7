//! Files in the true formats of the data sets that nobody serves, put where a user puts them: fetched, verified, trained on, and refused when cut short.
//!
//! The data sets and workloads are the committed ones with smaller numbers, so what is read here is what is read there.

use std::fmt::Write as _;
use std::path::Path;

/// CIFAR-10's records: a byte of label and 32x32 pixels of three channels.
const RECORD: usize = 1 + 3 * 32 * 32;
/// GPT-2's vocabulary; its last token stands between documents.
const END_OF_TEXT: u16 = 50_256;
/// Tokens that the small model reads, and the one after them.
const PIECE: usize = 17;

/// What is typed, in order, each with whether it works.
pub(crate) fn lines() -> Vec<(String, bool)> {
    let own = "BENCH_DATA=own-data BENCH_CACHE=own-cache bench";
    let mut lines = Vec::new();
    for name in ["small-cifar", "small-finewebedu"] {
        for words in [
            "data fetch",
            "data verify",
            "run submissions/adamw --workload",
        ] {
            lines.push((format!("{own} {words} {name}"), true));
        }
    }
    for name in ["cut-cifar", "cut-finewebedu"] {
        lines.push((format!("{own} data fetch {name}"), false));
    }
    lines
}

/// Writes data, data sets and workloads into a checkout.
pub(crate) fn write(checkout: &Path) {
    let write = |path: &str, bytes: &[u8]| {
        let path = checkout.join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file is written");
    };
    let committed = |path: &str| std::fs::read_to_string(checkout.join(path)).expect("a spec");

    // Without the sums of the owner's files, which these are not.
    let owners = committed("workloads/datasets/cifar-10.yaml");
    let (sources, rest) = owners.split_once("sha256:\n").expect("it has sums");
    let (_, splits) = rest.split_once("splits:\n").expect("splits follow");
    let images = replaced(
        &format!("{sources}splits:\n{splits}"),
        &[
            ("45000", "160"),
            ("count: 5000", "count: 40"),
            ("10000", "40"),
        ],
    );
    let text = replaced(
        &committed("workloads/datasets/finewebedu.yaml"),
        &[
            ("8958366750", &(200 * PIECE).to_string()),
            ("102500000", &(40 * PIECE).to_string()),
            ("10250000", &(30 * PIECE).to_string()),
        ],
    );
    for name in ["small", "cut"] {
        write(
            &format!("workloads/datasets/{name}-cifar.yaml"),
            images.as_bytes(),
        );
        write(
            &format!("workloads/datasets/{name}-finewebedu.yaml"),
            text.as_bytes(),
        );
        for batch in 1..=5 {
            write(
                &format!("own-data/{name}-cifar/data_batch_{batch}.bin"),
                &records(batch, 40),
            );
        }
        write(
            &format!("own-data/{name}-cifar/test_batch.bin"),
            &records(9, 40),
        );
        write(
            &format!("own-data/{name}-finewebedu/train.bin"),
            &tokens(1, 230 * PIECE),
        );
        write(
            &format!("own-data/{name}-finewebedu/validation.bin"),
            &tokens(2, 40 * PIECE),
        );
    }
    write(
        "own-data/cut-cifar/data_batch_3.bin",
        &records(3, 40)[..39 * RECORD + 5],
    );
    write(
        "own-data/cut-finewebedu/train.bin",
        &tokens(1, 230 * PIECE)[1..],
    );
    write(
        "workloads/small-cifar.yaml",
        workload("cifar", "", "resnet: { stages: [1, 1], filters: 2 }").as_bytes(),
    );
    let decoder = "decoder: { width: 8, layers: 1, heads: 2, hidden: 8 }";
    let length = format!("input: {{ sequence-length: {} }}\n", PIECE - 1);
    write(
        "workloads/small-finewebedu.yaml",
        workload("finewebedu", &length, decoder).as_bytes(),
    );
}

fn workload(data: &str, input: &str, model: &str) -> String {
    let base = if data == "cifar" {
        "cifar"
    } else {
        "finewebedu-lm"
    };
    let mut text =
        format!("schema: 1\nextends: {base}\ndataset: small-{data}\n{input}model: {{ {model} }}\n");
    text.push_str("budget: { time: 60s, steps: 4 }\nstep-hint: 4\n");
    let _ = writeln!(
        text,
        "evaluate: {{ every-steps: 2, batch-size: 16, train-subset: 20 }}"
    );
    text
}

fn replaced(text: &str, numbers: &[(&str, &str)]) -> String {
    numbers.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to)
    })
}

/// Numbers that look random and never repeat soon, by seed and place.
fn noise(seed: u64, place: u64) -> u64 {
    let mut z = (seed << 32 ^ place).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// CIFAR-10's binary batch: pictures of ten brightnesses, by label.
fn records(seed: u64, count: usize) -> Vec<u8> {
    let record = |example: usize| {
        let label = (noise(seed, example as u64) % 10) as u8;
        let pixel = move |i: usize| {
            20 * label + (noise(seed + 100, (example * RECORD + i) as u64) % 50) as u8
        };
        std::iter::once(label).chain((1..RECORD).map(pixel))
    };
    (0..count).flat_map(record).collect()
}

/// 16-bit little-endian tokens of GPT-2's vocabulary, few of them often, in documents.
fn tokens(seed: u64, count: usize) -> Vec<u8> {
    let token = |place: usize| match noise(seed, place as u64) % 60 {
        0 => END_OF_TEXT,
        1..20 => (noise(seed + 7, place as u64) % u64::from(END_OF_TEXT)) as u16,
        often => often as u16,
    };
    (0..count)
        .flat_map(|place| token(place).to_le_bytes())
        .collect()
}
