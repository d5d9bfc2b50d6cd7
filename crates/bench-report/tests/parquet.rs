//! What we write as Parquet, read by the format's own library.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_report::{Cell, Column, Grid};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use std::io::Write;

/// Words, a whole number or none, a number or none.
type Row = (String, Option<u64>, Option<f64>);

fn grid(rows: &[Row]) -> Grid {
    let optional = |text: Option<String>| text.map_or_else(Cell::default, Cell::plain);
    let cells = |(words, whole, real): &Row| {
        vec![
            Cell::plain(words),
            optional(whole.map(|n| n.to_string())),
            optional(real.map(|x| x.to_string())),
        ]
    };
    Grid {
        columns: vec![
            Column::words("submission", "submission", 0),
            Column::counts("steps", "steps", 0),
            Column::numbers("time", "seconds", 0),
        ],
        rows: rows.iter().map(cells).collect(),
    }
}

/// The columns' names, and the rows.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<Row>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = reader.metadata().file_metadata().schema().get_fields();
    let names = columns.iter().map(|column| column.name().to_owned());
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let words = match fields[0] {
            Field::Str(words) => words.clone(),
            // As in CSV, an empty text is none.
            Field::Null => String::new(),
            other => panic!("{other:?} is no text"),
        };
        let whole = match fields[1] {
            Field::Null => None,
            Field::ULong(whole) => Some(*whole),
            other => panic!("{other:?} is no whole number"),
        };
        let real = match fields[2] {
            Field::Null => None,
            Field::Double(real) => Some(*real),
            other => panic!("{other:?} is no number"),
        };
        (words, whole, real)
    });
    (names.collect(), rows.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_library_reads_what_was_written(
        rows in prop::collection::vec(
            // Few different texts and many of them, so that the dictionary's runs are of both kinds.
            (".{0,3}|[ab]", proptest::option::of(any::<u64>()), proptest::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO)),
            0..600,
        ),
    ) {
        let (names, read) = read(&grid(&rows).parquet());
        prop_assert_eq!(names, ["submission", "steps", "seconds"]);
        prop_assert_eq!(read, rows);
    }
}
