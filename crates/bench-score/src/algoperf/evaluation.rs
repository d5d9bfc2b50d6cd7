//! One trial's log as evaluations.

use super::finding::{Problem, Remark};
use csv::{ByteRecord, ReaderBuilder};

/// One evaluation of a trial. What the log does not say is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Line in the file, from 1.
    pub line: u32,
    /// Steps done (`global_step`).
    pub step: f64,
    /// Submission time in seconds (`score`).
    pub seconds: f64,
    /// Of the target metric on the validation split.
    pub value: f64,
}

const SECONDS: &str = "score";
const STEP: &str = "global_step";

/// Reads the bytes of an `eval_measurements.csv`, whatever they are, taking three columns of it: time, steps and `column`.
///
/// Rows stay in the file's order, as they count.
pub fn read_evaluations(bytes: &[u8], column: &str) -> (Vec<Evaluation>, Vec<Remark>) {
    let mut remarks = Remarks::default();
    if bytes.is_empty() {
        remarks.note(None, Problem::Empty);
        return (Vec::new(), remarks.0);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut rows = rows(bytes).into_iter();
    let Some((_, header)) = rows.next() else {
        remarks.note(None, Problem::Empty);
        return (Vec::new(), remarks.0);
    };
    let columns = Columns::of(&header, column, &mut remarks);
    let mut evaluations = Vec::new();
    for (line, row) in rows {
        let evaluation = columns.evaluation(&row, line, &mut remarks);
        if let Some(before) = evaluations.last() {
            order(before, &evaluation, &mut remarks);
        }
        evaluations.push(evaluation);
    }
    if evaluations.is_empty() {
        remarks.note(None, Problem::NoEvaluations);
    } else if bytes.last() != Some(&b'\n') {
        let last = evaluations.last().map(|last| u64::from(last.line));
        remarks.note(last, Problem::TornLine);
    }
    (evaluations, remarks.0)
}

/// The rows of a file, each with its line. A row is a line: a quotation mark that nothing closes takes no other row with it.
fn rows(bytes: &[u8]) -> Vec<(u64, ByteRecord)> {
    let read = |bytes: &[u8], first: u64| {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        // Reading from memory cannot fail, and a flexible reader takes rows of any length.
        let rows = reader.into_byte_records().map_while(Result::ok);
        let line = |row: &ByteRecord| row.position().map_or(1, csv::Position::line);
        rows.map(|row| (first + line(&row), row))
            .collect::<Vec<_>>()
    };
    let whole = read(bytes, 0);
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let lines = bytes.split(is_end).filter(|line| !line.is_empty());
    if !bytes.contains(&b'"') || whole.len() == lines.count() {
        return whole;
    }
    let lines = bytes.split(|byte| *byte == b'\n').zip(0..);
    lines
        .flat_map(|(line, before)| read(line, before))
        .collect()
}

fn order(before: &Evaluation, this: &Evaluation, remarks: &mut Remarks) {
    let line = Some(u64::from(this.line));
    if (before.step, before.seconds, before.value) == (this.step, this.seconds, this.value) {
        remarks.note(line, Problem::DuplicateRow);
    }
    for (name, before, this) in [
        (SECONDS, before.seconds, this.seconds),
        (STEP, before.step, this.step),
    ] {
        if this < before {
            let column = name.to_owned();
            remarks.note(line, Problem::OutOfOrder { column });
        }
    }
}

/// Oddities of one file, each kind once.
#[derive(Default)]
struct Remarks(Vec<Remark>);

impl Remarks {
    fn note(&mut self, line: Option<u64>, problem: Problem) {
        match self
            .0
            .iter_mut()
            .find(|remark| remark.problem.is_like(&problem))
        {
            Some(remark) => remark.count += 1,
            None => self.0.push(Remark {
                line,
                count: 1,
                problem,
            }),
        }
    }
}

/// A column's name and its place in a row.
struct Column<'a> {
    name: &'a str,
    place: Option<usize>,
}

struct Columns<'a> {
    seconds: Column<'a>,
    step: Column<'a>,
    value: Column<'a>,
    fields: usize,
}

impl<'a> Columns<'a> {
    fn of(header: &ByteRecord, metric: &'a str, remarks: &mut Remarks) -> Columns<'a> {
        let mut find = |name: &'a str| {
            let mut places = header
                .iter()
                .enumerate()
                .filter(|(_, field)| field.trim_ascii() == name.as_bytes());
            let place = places.next().map(|(place, _)| place);
            if places.next().is_some() {
                let column = name.to_owned();
                remarks.note(Some(1), Problem::DoubleColumn { column });
            }
            if place.is_none() {
                let column = name.to_owned();
                let problem = if name == STEP {
                    Problem::NoSteps { column }
                } else {
                    Problem::NoColumn { column }
                };
                remarks.note(Some(1), problem);
            }
            Column { name, place }
        };
        Columns {
            seconds: find(SECONDS),
            step: find(STEP),
            value: find(metric),
            fields: header.len(),
        }
    }

    fn evaluation(&self, row: &ByteRecord, line: u64, remarks: &mut Remarks) -> Evaluation {
        let at = Some(line);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        if row.len() > self.fields {
            remarks.note(at, Problem::LongRow);
            let (step, seconds, value) = (f64::NAN, f64::NAN, f64::NAN);
            return Evaluation {
                line,
                step,
                seconds,
                value,
            };
        }
        if row.len() < self.fields {
            remarks.note(at, Problem::ShortRow);
        }
        let mut number = |column: &Column| {
            let Some(field) = column.place.and_then(|place| row.get(place)) else {
                return f64::NAN;
            };
            match number(field) {
                Some(number) => {
                    if number.is_nan() {
                        let column = column.name.to_owned();
                        remarks.note(at, Problem::NaN { column });
                    }
                    number
                }
                None => {
                    remarks.note(at, not_a_number(column.name, field));
                    f64::NAN
                }
            }
        };
        Evaluation {
            line,
            step: number(&self.step),
            seconds: number(&self.seconds),
            value: number(&self.value),
        }
    }
}

fn not_a_number(column: &str, field: &[u8]) -> Problem {
    const SHOWN: usize = 40;
    let text: String = String::from_utf8_lossy(field).chars().take(SHOWN).collect();
    Problem::NotANumber {
        column: column.to_owned(),
        text: text.escape_debug().to_string(),
    }
}

/// The words that the official reader takes for NaN.
const NO_VALUE: [&str; 9] = [
    "", "na", "n/a", "#n/a", "#na", "<na>", "null", "none", "-nan",
];

fn number(field: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(field.trim_ascii()).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) if NO_VALUE.iter().any(|word| text.eq_ignore_ascii_case(word)) => Some(f64::NAN),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<f64>, Vec<Remark>) {
        let (evaluations, remarks) = read_evaluations(text.as_bytes(), "validation/loss");
        let values = evaluations
            .iter()
            .map(|evaluation| evaluation.value)
            .collect();
        (values, remarks)
    }

    fn remark(line: impl Into<Option<u64>>, count: u64, problem: Problem) -> Remark {
        Remark {
            line: line.into(),
            count,
            problem,
        }
    }

    #[test]
    fn a_healthy_log_has_no_remarks() {
        let (values, remarks) =
            read("extra,global_step,score,validation/loss\r\nx,1,2.5,0.5\r\ny,2,3.5,0.25\r\n");
        assert_eq!(values, [0.5, 0.25]);
        assert_eq!(remarks, []);
    }

    #[test]
    fn every_oddity_has_its_line() {
        let text = "global_step,score,validation/loss\n1,2,0.5\n2,3\n3,4,abc\n4,5,nan\n5,6,\n6,7,1,9\n7,6,0.1\n7,6,0.1\n8,9,0.05";
        let (values, remarks) = read(text);
        assert_eq!(values.len(), 9);
        let column = || "validation/loss".to_owned();
        let abc = Problem::NotANumber {
            column: column(),
            text: "abc".to_owned(),
        };
        let expected = [
            remark(3, 1, Problem::ShortRow),
            remark(4, 1, abc),
            remark(5, 2, Problem::NaN { column: column() }),
            remark(7, 1, Problem::LongRow),
            remark(9, 1, Problem::DuplicateRow),
            remark(10, 1, Problem::TornLine),
        ];
        assert_eq!(remarks, expected);
        let (_, remarks) = read("global_step,score,validation/loss\n7,7,1\n6,8,1\n");
        let column = "global_step".to_owned();
        assert_eq!(remarks, [remark(3, 1, Problem::OutOfOrder { column })]);
    }

    #[test]
    fn files_without_evaluations_are_told_apart() {
        assert_eq!(read("").1, [remark(None, 1, Problem::Empty)]);
        assert_eq!(read("\n\n").1, [remark(None, 1, Problem::Empty)]);
        let (_, remarks) = read("score\n");
        assert_eq!(remarks.len(), 3);
        assert_eq!(remarks[2].problem, Problem::NoEvaluations);
    }
}
