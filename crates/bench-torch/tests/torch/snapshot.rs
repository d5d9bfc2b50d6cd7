use crate::{normal, same_bits};
use bench_torch::snapshot::{Metadata, Snapshot, SnapshotError, save};
use std::fs;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    (folder, path)
}

/// One of each kind, and all that is hard about shapes, layouts and numbers.
fn tensors() -> Vec<(String, Tensor)> {
    let specials = [
        0.0_f32,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e-45,
        f32::from_bits(0x7fc0_1234),
    ];
    let mut list = vec![
        ("specials".to_owned(), Tensor::from_slice(&specials)),
        ("number".to_owned(), Tensor::from(3.5_f64)),
        (
            "empty".to_owned(),
            Tensor::zeros([0, 4], (Kind::Float, Device::Cpu)),
        ),
        (
            "transposed".to_owned(),
            normal(&[3, 5], Kind::Float).transpose(0, 1),
        ),
        (
            "expanded".to_owned(),
            normal(&[1, 5], Kind::Float).expand([3, 5], false),
        ),
        (
            "leaf".to_owned(),
            normal(&[7], Kind::Float).set_requires_grad(true),
        ),
        (
            "long name with \"quotes\" and ü".to_owned(),
            normal(&[300, 200], Kind::Float),
        ),
    ];
    let kinds = [
        Kind::Bool,
        Kind::Uint8,
        Kind::Int8,
        Kind::Int16,
        Kind::Int,
        Kind::Int64,
        Kind::Half,
        Kind::BFloat16,
    ];
    list.extend(kinds.map(|kind| {
        (
            format!("{kind:?}"),
            (normal(&[11], Kind::Float) * 50).to_kind(kind),
        )
    }));
    list
}

fn borrowed(list: &[(String, Tensor)]) -> Vec<(&str, &Tensor)> {
    list.iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect()
}

fn blank(list: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    list.iter()
        .map(|(name, tensor)| (name.clone(), tensor.detach().contiguous().zeros_like()))
        .collect()
}

#[test]
fn every_bit_comes_back() {
    let (_folder, path) = folder();
    let list = tensors();
    let metadata = Metadata::from([
        ("step".to_owned(), "12".to_owned()),
        ("rate".to_owned(), "NaN".to_owned()),
    ]);
    let size = save(&path, &borrowed(&list), &metadata).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), size);

    let snapshot = Snapshot::open(&path).unwrap();
    assert_eq!(snapshot.metadata(), &metadata);
    let loaded = blank(&list);
    snapshot.load(&borrowed(&loaded)).unwrap();
    for ((name, before), (_, after)) in list.iter().zip(&loaded) {
        assert!(same_bits(&before.detach(), after), "{name}");
        assert!(
            same_bits(&before.detach(), &snapshot.tensor(name).unwrap().unwrap()),
            "{name}"
        );
    }
    assert!(snapshot.tensor("no such").unwrap().is_none());

    // Into leaves and other layouts, in place.
    let strided = normal(&[3, 5], Kind::Float).transpose(0, 1);
    let leaf = normal(&[7], Kind::Float).set_requires_grad(true);
    save(
        &path,
        &[("t", &list[3].1), ("l", &list[5].1)],
        &Metadata::new(),
    )
    .unwrap();
    Snapshot::open(&path)
        .unwrap()
        .load(&[("t", &strided), ("l", &leaf)])
        .unwrap();
    assert!(same_bits(&strided, &list[3].1) && same_bits(&leaf.detach(), &list[5].1.detach()));
}

#[test]
fn equal_content_makes_equal_bytes_in_the_same_file() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = folder();
    let list = tensors();
    let metadata: Metadata = (0..20)
        .map(|i| (format!("key {i}"), i.to_string()))
        .collect();
    save(&path, &borrowed(&list), &metadata).unwrap();
    let (bytes, inode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().ino());
    let mut reversed = borrowed(&list);
    reversed.reverse();
    save(&path, &reversed, &metadata).unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
    assert_eq!(inode, fs::metadata(&path).unwrap().ino());
    // Shorter content leaves nothing of the longer behind.
    let size = save(&path, &borrowed(&list[..1]), &Metadata::new()).unwrap();
    assert_eq!(size, fs::metadata(&path).unwrap().len());
    assert_eq!(
        Snapshot::open(&path).unwrap().names().collect::<Vec<_>>(),
        ["specials"]
    );
    save(&path, &borrowed(&[]), &Metadata::new()).unwrap();
    Snapshot::open(&path).unwrap().load(&borrowed(&[])).unwrap();
}

#[test]
fn what_does_not_match_is_named_and_nothing_is_loaded() {
    let (_folder, path) = folder();
    let (a, b) = (normal(&[2, 3], Kind::Float), normal(&[4], Kind::Float));
    save(&path, &[("a", &a), ("b", &b)], &Metadata::new()).unwrap();
    let snapshot = Snapshot::open(&path).unwrap();
    let target = a.zeros_like();
    let refuse = |tensors: &[(&str, &Tensor)]| {
        let text = snapshot.load(tensors).unwrap_err().to_string();
        assert!(same_bits(&target, &a.zeros_like()));
        text
    };
    let text = refuse(&[("a", &target), ("c", &b)]);
    assert!(
        text.ends_with("does not match: missing [\"c\"], unexpected [\"b\"]"),
        "{text}"
    );
    let text = refuse(&[("a", &target), ("b", &normal(&[5], Kind::Float))]);
    assert!(
        text.starts_with("tensor `b` is Float [4] in ") && text.ends_with(" and Float [5] here"),
        "{text}"
    );
    let text = refuse(&[("a", &target), ("b", &normal(&[4], Kind::Double))]);
    assert!(text.ends_with(" and Double [4] here"), "{text}");

    let duplicate = save(&path, &[("a", &a), ("a", &b)], &Metadata::new());
    assert!(matches!(duplicate, Err(SnapshotError::Duplicate { name }) if name == "a"));
    let complex = a.to_kind(Kind::ComplexFloat);
    let kind = save(&path, &[("z", &complex)], &Metadata::new());
    assert!(matches!(kind, Err(SnapshotError::Kind { name, .. }) if name == "z"));
}

#[test]
fn a_broken_file_is_an_error() {
    let (folder, path) = folder();
    let missing = Snapshot::open(&path).unwrap_err().to_string();
    assert!(missing.starts_with("could not read "), "{missing}");
    save(
        &path,
        &[("a", &normal(&[50], Kind::Float))],
        &Metadata::new(),
    )
    .unwrap();
    let whole = fs::read(&path).unwrap();
    let mut interrupted = whole.clone();
    interrupted[..8].fill(0);
    let broken: [(&[u8], &str); 5] = [
        (&interrupted, "its writing was interrupted"),
        (&whole[..whole.len() - 1], "not a whole snapshot"),
        (&whole[..20], "not a whole snapshot"),
        (b"", "not a whole snapshot"),
        (b"garbage garbage garbage", "not a whole snapshot"),
    ];
    for (bytes, expected) in broken {
        fs::write(&path, bytes).unwrap();
        let error = Snapshot::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(
        save(&nowhere, &borrowed(&[]), &Metadata::new()),
        Err(SnapshotError::File { .. })
    ));
}
