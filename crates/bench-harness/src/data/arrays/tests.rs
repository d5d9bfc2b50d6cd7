//! Files that NumPy, pandas and safetensors write, made here byte by byte, and what nobody would.

use super::*;
use bench_core::spec::columns::{Number, Values};
use bench_core::spec::dataset::Shares;
use proptest::prelude::*;
use std::io::Write as _;
use tempfile::TempDir;

/// All examples of a file of a format.
fn decoded(format: &ArrayFormat, role: &str, path: &Path) -> Result<Block, String> {
    let columns = format.columns();
    let mut all = Block::empty(&columns);
    let files = [(told(super::role(format, role), path), path)];
    decode(format, role, &files, &mut |block| {
        all.extend(&block, &columns, &(0..block.examples()));
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    Ok(all)
}

fn floats(block: &Block, column: &str) -> Vec<f32> {
    let bytes = &block.get(column).unwrap().bytes;
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect()
}

fn file(name: &str, bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// As `numpy.save` writes it.
fn npy(kind: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn target(number: Number, values: Values) -> ArrayColumn {
    let mut column = ArrayColumn::new(number, values);
    column.target = true;
    column
}

fn flowers() -> ArrayFormat {
    let mut inputs = ArrayColumn::new(Number::F32, Values::Real);
    inputs.from = ["length", "colour"].map(str::to_owned).to_vec();
    inputs.one_hot.insert(
        "colour".to_owned(),
        vec!["red".to_owned(), "blue".to_owned()],
    );
    let mut kind = target(Number::U8, Values::Classes(2));
    kind.words = vec!["rose".to_owned(), "violet".to_owned()];
    ArrayFormat {
        columns: BTreeMap::from([("inputs".to_owned(), inputs), ("kind".to_owned(), kind)]),
        split: None,
    }
}

#[test]
fn tables_become_numbers() {
    for (name, text) in [
        (
            "a.csv",
            "\u{feff}kind,length,colour\nrose,1.5,red\n\"violet\", 2 ,blue\nrose,-3e0,\n",
        ),
        (
            "a.csv",
            "kind;length;colour\nrose;1.5;red\nviolet;2;blue\nrose;-3;?\n",
        ),
        (
            "a.tsv",
            "colour\tkind\tlength\r\nred\trose\t1.5\r\nblue\tviolet\t2\r\n\trose\t-3\r\n",
        ),
    ] {
        let (_folder, path) = file(name, text.as_bytes());
        let block = decoded(&flowers(), "train", &path).unwrap();
        assert_eq!(
            floats(&block, "inputs"),
            [1.5, 1.0, 0.0, 2.0, 0.0, 1.0, -3.0, 0.0, 0.0],
            "{text}"
        );
        assert_eq!(block.get("kind").unwrap().bytes, [0, 1, 0]);
    }
}

/// Whole numbers among others are numbers like them: `240` beside `240.5`.
#[test]
fn a_targets_mean_and_deviation_hold_for_whole_numbers_too() {
    let mut price = target(Number::F32, Values::Real);
    (price.mean, price.std) = (Some(200.0), Some(50.0));
    let mut inputs = ArrayColumn::new(Number::F32, Values::Real);
    inputs.from = vec!["area".to_owned()];
    let format = ArrayFormat {
        columns: BTreeMap::from([("inputs".to_owned(), inputs), ("price".to_owned(), price)]),
        split: None,
    };
    let (_folder, path) = file("a.csv", b"area,price\n1,240\n2,225.0\n3,175.5\n");
    let block = decoded(&format, "train", &path).unwrap();
    assert_eq!(floats(&block, "price"), [0.8, 0.5, -0.49]);
    assert_eq!(floats(&block, "inputs"), [1.0, 2.0, 3.0]);
}

#[test]
fn packed_tables_are_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(b"kind,length,colour\nrose,1.5,red\n")
        .unwrap();
    let (_folder, path) = file("a.csv.gz", &packed.finish().unwrap());
    assert_eq!(decoded(&flowers(), "train", &path).unwrap().examples(), 1);
}

#[test]
fn mistakes_in_tables_have_line_and_column() {
    let told = |text: &str| {
        let (_folder, path) = file("a.csv", text.as_bytes());
        decoded(&flowers(), "train", &path).unwrap_err()
    };
    let first = "kind,length,colour\n";
    for (text, expected) in [
        (
            format!("{first}rose,long,red\n"),
            "train/a.csv: line 2, column `length`: `long` is no number; ",
        ),
        (
            format!("{first}rose,1,red\nrose,,red\n"),
            "train/a.csv: line 3, column `length`: there is no number; ",
        ),
        (
            format!("{first}roze,1,red\n"),
            "train/a.csv: line 2, column `kind`: `roze` is none of the words that are declared; did you mean `rose`?",
        ),
        (
            format!("{first}rose,1,green\n"),
            "train/a.csv: line 2, column `colour`: `green` is none",
        ),
        (
            format!("{first}rose,1e99,red\n"),
            "train/a.csv: line 2, column `length`: ",
        ),
        (
            format!("{first}rose,inf,red\n"),
            "train/a.csv: line 2, column `length`: inf is no number of kind `f32`",
        ),
        (
            format!("{first}rose,1\n"),
            "train/a.csv: line 2: it has 2 entries, and the first line names 3 columns",
        ),
        (
            "kind,lenght,colour\n".to_owned(),
            "train/a.csv: there is no `length`; did you mean `lenght`?",
        ),
        (
            "1,2,3\n".to_owned(),
            "train/a.csv: line 1: `1`, `2`, `3` are numbers, and the first line has to name the columns",
        ),
        (
            "a,a\n".to_owned(),
            "train/a.csv: line 1: two columns are called `a`",
        ),
        (String::new(), "train/a.csv: it is empty"),
    ] {
        let told = told(&text);
        assert!(told.starts_with(expected), "{text}: {told}");
    }
    let (_folder, path) = file("a.csv", b"kind,length,colour\nrose,1,\xff\n");
    let told = decoded(&flowers(), "train", &path).unwrap_err();
    assert_eq!(
        told,
        "train/a.csv: line 2: entry 3 is not UTF-8: save the file as UTF-8"
    );
}

fn images(channels_last: bool) -> ArrayFormat {
    let mut image = ArrayColumn::new(Number::U8, Values::Real);
    image.from = vec!["x".to_owned()];
    image.shape = vec![2, 1, 2];
    image.channels_last = channels_last;
    let mut label = target(Number::U8, Values::Classes(3));
    label.from = vec!["y".to_owned()];
    ArrayFormat {
        columns: BTreeMap::from([("image".to_owned(), image), ("label".to_owned(), label)]),
        split: None,
    }
}

#[test]
fn arrays_of_all_kinds_of_file_are_the_same_data() {
    let pixels: Vec<u8> = (0..8).collect();
    let labels = [2_i64, 0];
    let labels: Vec<u8> = labels
        .iter()
        .flat_map(|label| label.to_le_bytes())
        .collect();
    let big: Vec<u8> = [2_i32, 0]
        .iter()
        .flat_map(|label| label.to_be_bytes())
        .collect();
    let shape = "(2, 2, 1, 2)";
    let view = |dtype, shape: &[usize], bytes: &[u8]| {
        safetensors::tensor::TensorView::new(dtype, shape.to_vec(), bytes)
            .map(|view| (view.dtype(), view.shape().to_vec(), bytes.to_vec()))
            .unwrap()
    };
    let tensors = [
        ("x", view(safetensors::Dtype::U8, &[2, 2, 1, 2], &pixels)),
        ("y", view(safetensors::Dtype::I64, &[2], &labels)),
    ];
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (
            *name,
            safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
        )
    });
    for (name, bytes) in [
        (
            "a.npz",
            npz(&[
                ("x", npy("|u1", shape, &pixels)),
                ("y", npy("<i8", "(2,)", &labels)),
            ]),
        ),
        (
            "b.npz",
            npz(&[
                ("y", npy(">i4", "(2,)", &big)),
                ("x", npy("|u1", shape, &pixels)),
            ]),
        ),
        (
            "c.safetensors",
            safetensors::serialize(views, None).unwrap(),
        ),
    ] {
        let (_folder, path) = file(name, &bytes);
        let block = decoded(&images(false), "train", &path).unwrap();
        assert_eq!(block.get("image").unwrap().bytes, pixels, "{name}");
        assert_eq!(block.get("label").unwrap().bytes, [2, 0], "{name}");
    }
    // `.npy` files are an array each, and one table together.
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        ("x_train.npy", npy("|u1", shape, &pixels)),
        ("y_train.npy", npy("<i8", "(2,)", &labels)),
    ]
    .map(|(name, bytes)| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let files = paths
        .each_ref()
        .map(|path| (told("train", path), path.as_path()));
    let mut examples = 0;
    decode(&images(false), "train", &files, &mut |block| {
        examples += block.examples();
        assert_eq!(block.get("label").unwrap().bytes, [2, 0]);
        Ok(())
    })
    .unwrap();
    assert_eq!(examples, 2);
}

#[test]
fn channels_come_first() {
    let pixels: Vec<u8> = (0..8).collect();
    let (_folder, path) = file(
        "a.npz",
        &npz(&[
            ("x", npy("|u1", "(2, 1, 2, 2)", &pixels)),
            ("y", npy("|u1", "(2,)", &[1, 1])),
        ]),
    );
    let block = decoded(&images(true), "train", &path).unwrap();
    assert_eq!(block.get("image").unwrap().bytes, [0, 2, 1, 3, 4, 6, 5, 7]);
}

#[test]
fn mistakes_in_arrays_have_row_or_byte() {
    let told = |name: &str, bytes: &[u8]| {
        let (_folder, path) = file(name, bytes);
        decoded(&images(false), "train", &path).unwrap_err()
    };
    let x = npy("|u1", "(2, 2, 1, 2)", &[0; 8]);
    let both = |y: Vec<u8>| npz(&[("x", x.clone()), ("y", y)]);
    for (bytes, expected) in [
        (
            both(npy("|u1", "(2,)", &[1, 3])),
            "train/a.npz: `y`, row 1: 3 is not among the 3 from 0 to 2",
        ),
        (
            both(npy("|u1", "(3,)", &[1, 1, 1])),
            "train/a.npz: `x` has 2 rows, and `y` 3",
        ),
        (
            both(npy("|u1", "(2,)", &[1])),
            "train/a.npz/y: byte 129: ends here, before the 2 rows of 1 bytes that it announces",
        ),
        (
            both(npy("|O", "(2,)", &[])),
            "train/a.npz/y: byte 10: arrays of `|O` are not read: save whole numbers, `float32`, `float64` or words",
        ),
        (
            both(b"\x93NUMPX..".to_vec()),
            "train/a.npz/y: byte 0: this is no `.npy` array: it does not begin with `\\x93NUMPY`",
        ),
        (
            npz(&[("x", x.clone())]),
            "train/a.npz: there is no `y`; did you mean `x`?",
        ),
        (
            npz(&[
                ("x", npy("|u1", "(2, 3)", &[0; 6])),
                ("y", npy("|u1", "(2,)", &[0; 2])),
            ]),
            "train/a.npz: column `image`: `x` [3] have 3 numbers a row, and its shape [2, 1, 2] has 4",
        ),
    ] {
        assert_eq!(told("a.npz", &bytes), expected);
    }
    assert!(
        told("a.npz", b"PK")
            .starts_with("train/a.npz: this is no `.npz` archive that can be read: ")
    );
    assert_eq!(
        told("a.safetensors", b"PK"),
        "train/a.safetensors: byte 0: ends within the length of its header"
    );
    assert_eq!(
        told("a.safetensors", &[255; 20]),
        "train/a.safetensors: byte 8: there is no header of 18446744073709551615 bytes"
    );
    assert!(told("a.xlsx", b"").starts_with("train/a.xlsx: its ending is none of `.csv`"));
}

#[test]
fn equal_inputs_are_in_one_split_whatever_their_order() {
    let shares = Shares {
        validation: 0.25,
        test: 0.25,
    };
    let mut price = target(Number::F32, Values::Real);
    price.from = vec!["price".to_owned()];
    let mut inputs = ArrayColumn::new(Number::F32, Values::Real);
    inputs.from = vec!["area".to_owned()];
    inputs.shape = vec![1];
    let format = ArrayFormat {
        columns: BTreeMap::from([("inputs".to_owned(), inputs), ("price".to_owned(), price)]),
        split: Some(shares),
    };
    let rows: Vec<String> = (0..400)
        .map(|row| format!("{},{}", row % 100, row))
        .collect();
    let text = |rows: &[String]| format!("area,price\n{}\n", rows.join("\n"));
    let mut turned = rows.clone();
    turned.reverse();
    let mut sizes = Vec::new();
    for split in ["train", "validation", "test"] {
        let areas = |rows: &[String]| {
            let (_folder, path) = file("a.csv", text(rows).as_bytes());
            let mut areas = floats(&decoded(&format, split, &path).unwrap(), "inputs");
            areas.sort_by(f32::total_cmp);
            areas
        };
        let there = areas(&rows);
        assert_eq!(there, areas(&turned));
        sizes.push(there.len());
        for area in there.chunk_by(|a, b| a == b) {
            assert_eq!(area.len(), 4, "all rows of one area are here");
        }
    }
    assert_eq!(sizes.iter().sum::<usize>(), 400);
    assert!(
        (60..=140).contains(&sizes[1]) && (60..=140).contains(&sizes[2]),
        "{sizes:?}"
    );
}

#[test]
fn a_survey_finds_out_what_a_table_is() {
    let text =
        "id,age,smokes,city,name,ill\n1,30,yes,Rome,Ann,0\n2,41,no,Oslo,Bob,1\n3,,no,Rome,Cy,1\n";
    let (folder, path) = file("patients.csv", text.as_bytes());
    let found = survey(folder.path(), None, None).unwrap();
    assert_eq!(found, survey(&path, None, None).unwrap());
    assert_eq!(
        found.files,
        BTreeMap::from([("data".to_owned(), "patients.csv".to_owned())])
    );
    let inputs = &found.format.columns["inputs"];
    assert_eq!(inputs.from, ["age", "smokes", "city", "name"]);
    assert_eq!(inputs.one_hot["city"], ["Oslo", "Rome"]);
    assert_eq!(
        (inputs.missing, inputs.column().shape),
        (Some(0.0), vec![8])
    );
    assert_eq!(found.format.columns["ill"].values, Values::Binary);
    assert!(found.format.split.is_some());
    let found = survey(&path, Some("age"), None).unwrap();
    assert_eq!(found.format.columns["age"].values, Values::Classes(2));
    let found = survey(&path, Some("age"), Some(TargetKind::Real)).unwrap();
    assert_eq!(found.format.columns["age"].values, Values::Real);
    let told = survey(&path, Some("agee"), None).unwrap_err().to_string();
    assert!(
        told.ends_with(
            "there is no column `agee`; there are `id`, `age`, `smokes`, `city`, `name`, `ill`"
        ),
        "{told}"
    );
    let told = survey(&path, Some("name"), Some(TargetKind::Real))
        .unwrap_err()
        .to_string();
    assert!(
        told.ends_with("`name` holds words, and no numbers: it is `classes`"),
        "{told}"
    );
}

#[test]
fn a_survey_finds_out_what_arrays_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("x_train.npy", &npy("|u1", "(4, 9, 8, 3)", &[0; 4 * 216]));
    write("y_train.npy", &npy("|u1", "(4,)", &[0, 1, 2, 1]));
    write("x_test.npy", &npy("|u1", "(2, 9, 8, 3)", &[0; 2 * 216]));
    write("y_test.npy", &npy("|u1", "(2,)", &[0, 1]));
    let found = survey(folder.path(), None, None).unwrap();
    let files = [("test", "*_test.npy"), ("train", "*_train.npy")];
    assert_eq!(
        found.files,
        files
            .map(|(role, file)| (role.to_owned(), file.to_owned()))
            .into()
    );
    let inputs = &found.format.columns["inputs"];
    assert_eq!(
        (inputs.shape.as_slice(), inputs.channels_last, inputs.number),
        (&[3, 9, 8][..], true, Number::U8)
    );
    assert_eq!(found.format.columns["y"].values, Values::Classes(3));
    assert!(found.format.columns["y"].words.is_empty() && found.format.split.is_none());

    let (_folder, path) = file(
        "text.npy",
        &npy("<u2", "(5,)", &[1, 0, 2, 0, 44, 1, 0, 0, 7, 0]),
    );
    let found = survey(&path, None, None).unwrap();
    assert_eq!(found.format.columns["text"].values, Values::Tokens(301));
    assert_eq!(found.format.columns["text"].number, Number::U16);
    let block = decoded(&found.format, "train", &path).unwrap();
    assert_eq!(
        (block.examples(), block.get("text").unwrap().bytes[4]),
        (5, 44)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_bytes_make_a_reader_panic(
        ending in prop_oneof!["csv", "tsv", "npy", "npz", "safetensors"],
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (_folder, path) = file(&format!("a.{ending}"), &bytes);
        let _ = decoded(&flowers(), "train", &path);
        let _ = survey(&path, None, None);
    }

    #[test]
    fn no_change_of_a_sound_file_makes_a_reader_panic(
        kind in 0..4_usize, place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let x = npy("|u1", "(2, 2, 1, 2)", &[0; 8]);
        let y = npy("<U2", "(2,)", &[65; 16]);
        let view = || safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &[0; 16]).unwrap();
        let (name, mut bytes) = match kind {
            0 => ("a.npz", npz(&[("x", x), ("y", y)])),
            1 => ("a.npy", x),
            2 => ("a.safetensors", safetensors::serialize([("x", view()), ("y", view())], None).unwrap()),
            _ => ("a.csv", b"x,y\n1,2\n\"3\",4\n".to_vec()),
        };
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if cut {
            bytes.truncate(place);
        }
        let (_folder, path) = file(name, &bytes);
        let _ = decoded(&images(true), "train", &path);
        let _ = survey(&path, Some("y"), None);
    }
}
