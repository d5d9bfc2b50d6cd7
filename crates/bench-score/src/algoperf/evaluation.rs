//! One trial's log as evaluations.

use super::finding::{Problem, Remark};
use super::targets::Range;
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
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        remarks.note(None, Problem::Encoding);
        return (Vec::new(), remarks.0);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut rows = rows(bytes).into_iter();
    let Some((_, header)) = rows.next() else {
        remarks.note(None, Problem::Empty);
        return (Vec::new(), remarks.0);
    };
    if let Some(found) = other_delimiter(&header) {
        remarks.note(Some(1), Problem::Delimiter { found });
        return (Vec::new(), remarks.0);
    }
    let columns = Columns::of(&header, column, &mut remarks);
    let mut evaluations: Vec<Evaluation> = Vec::new();
    let mut latest = 0.0;
    for (line, row) in rows {
        let mut evaluation = columns.evaluation(&row, line, &mut remarks);
        if let Some(before) = evaluations.last() {
            order(before, &evaluation, &mut remarks);
        }
        if evaluation.seconds < latest {
            let column = SECONDS.to_owned();
            remarks.note(Some(line), Problem::OutOfOrder { column });
            evaluation = evaluation.uncounted();
        }
        latest = evaluation.seconds.max(latest);
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
        let line = |row: &ByteRecord| row.position().map_or(1, |place| line(bytes, place));
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
    if this.step < before.step {
        remarks.note(line, Problem::StepsFall);
    }
}

/// A row's line: the reader counts a line only once it is over, and leaves the second half of `\r\n` and empty lines to the row that follows.
fn line(bytes: &[u8], place: &csv::Position) -> u64 {
    let rest = usize::try_from(place.byte())
        .ok()
        .and_then(|at| bytes.get(at..));
    let ends = rest.unwrap_or_default().iter();
    let ends = ends.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    place.line() + ends.filter(|&&byte| byte == b'\n').count() as u64
}

/// What stands where commas should, if a header has none.
fn other_delimiter(header: &ByteRecord) -> Option<char> {
    let only = header.get(0).filter(|_| header.len() == 1)?;
    [';', '\t'].into_iter().find(|&c| only.contains(&(c as u8)))
}

impl Evaluation {
    /// As a row that never counts.
    fn uncounted(self) -> Evaluation {
        Evaluation {
            seconds: f64::NAN,
            value: f64::NAN,
            ..self
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
    /// Of the values.
    range: Range,
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
            range: Range::of(metric),
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
        let seconds = read(row, &self.seconds, Range::SECONDS, at, remarks);
        let value = read(row, &self.value, self.range, at, remarks);
        let evaluation = Evaluation {
            line,
            step: read(row, &self.step, Range::STEPS, at, remarks).unwrap_or(f64::NAN),
            seconds: seconds.unwrap_or(f64::NAN),
            value: value.unwrap_or(f64::NAN),
        };
        match seconds.and(value) {
            Some(_) => evaluation,
            None => evaluation.uncounted(),
        }
    }
}

/// A row's number in a column: NaN where there is none, nothing where it cannot be true.
fn read(
    row: &ByteRecord,
    column: &Column,
    range: Range,
    at: Option<u64>,
    remarks: &mut Remarks,
) -> Option<f64> {
    let Some(field) = column.place.and_then(|place| row.get(place)) else {
        return Some(f64::NAN);
    };
    let name = || column.name.to_owned();
    match number(field) {
        Some(number) if number.is_nan() => {
            remarks.note(at, Problem::NaN { column: name() });
            Some(number)
        }
        Some(number) if range.holds(number) && !vanished(number, field) => Some(number),
        Some(_) => {
            remarks.note(
                at,
                Problem::Impossible {
                    column: name(),
                    text: shown(field),
                    range: range.to_string(),
                },
            );
            None
        }
        None => {
            remarks.note(at, not_a_number(column.name, field));
            Some(f64::NAN)
        }
    }
}

/// Whether a text that is not zero is too small for a number.
fn vanished(number: f64, field: &[u8]) -> bool {
    let digits = field.split(|byte| byte.eq_ignore_ascii_case(&b'e')).next();
    let some = digits.is_some_and(|digits| digits.iter().any(|byte| (b'1'..=b'9').contains(byte)));
    number == 0.0 && some
}

fn not_a_number(column: &str, field: &[u8]) -> Problem {
    Problem::NotANumber {
        column: column.to_owned(),
        text: shown(field),
    }
}

fn shown(field: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text: String = String::from_utf8_lossy(field).chars().take(SHOWN).collect();
    text.escape_debug().to_string()
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
        assert_eq!(remarks, [remark(3, 1, Problem::StepsFall)]);
    }

    #[test]
    fn what_cannot_be_never_counts() {
        let header = "global_step,score,validation/bleu\n";
        let read =
            |rows: &str| read_evaluations((header.to_owned() + rows).as_bytes(), "validation/bleu");
        let cases = [
            ("1,10,1e400", "validation/bleu", "1e400", "from 0 to 100"),
            ("1,10,-0.1", "validation/bleu", "-0.1", "from 0 to 100"),
            ("1,10,100.5", "validation/bleu", "100.5", "from 0 to 100"),
            ("1,10,1e-400", "validation/bleu", "1e-400", "from 0 to 100"),
            ("1,0,30", "score", "0", "above 0"),
            ("1,-5,30", "score", "-5", "above 0"),
            ("1,inf,30", "score", "inf", "above 0"),
            ("10.5,10,30", "global_step", "10.5", "a whole number from 0"),
        ];
        for (row, column, text, range) in cases {
            let (evaluations, remarks) = read(&format!("1,5,0\n{row}\n9,20,25\n"));
            let counts = |index: usize| !evaluations[index].value.is_nan();
            let is_step = column == "global_step";
            assert_eq!(
                [counts(0), counts(1), counts(2)],
                [true, is_step, true],
                "{row}"
            );
            let problem = Problem::Impossible {
                column: column.to_owned(),
                text: text.to_owned(),
                range: range.to_owned(),
            };
            let remark = remarks.into_iter().find(|remark| remark.problem == problem);
            assert_eq!(remark.map(|remark| remark.line), Some(Some(3)), "{row}");
        }
        // A time below an earlier one, whatever stands between.
        let (evaluations, remarks) = read("1,100,1\n2,nan,2\n3,79,30\n4,101,30\n");
        assert!(evaluations[2].value.is_nan() && evaluations[2].seconds.is_nan());
        assert_eq!(evaluations[3].value, 30.0);
        let column = "score".to_owned();
        assert!(remarks.contains(&remark(4, 1, Problem::OutOfOrder { column })));
    }

    #[test]
    fn other_formats_are_one_finding_with_their_name() {
        let delimiter = |found| [remark(1, 1, Problem::Delimiter { found })];
        assert_eq!(
            read("global_step;score;validation/loss\n1;2;0,5\n").1,
            delimiter(';')
        );
        assert_eq!(
            read("global_step\tscore\tvalidation/loss\n1\t2\t0.5\n").1,
            delimiter('\t')
        );
        let utf16: Vec<u8> = "score\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let bytes = [&b"\xFF\xFE"[..], &utf16].concat();
        let (evaluations, remarks) = read_evaluations(&bytes, "validation/loss");
        assert_eq!(
            (evaluations.len(), remarks),
            (0, vec![remark(None, 1, Problem::Encoding)])
        );
    }

    #[test]
    fn lines_count_alike_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let rows = [
                "global_step,score,validation/loss",
                "1,2,0.5",
                "",
                "2,3,abc",
                "3,4,0.25",
                "",
            ];
            let (evaluations, remarks) =
                read_evaluations(rows.join(end).as_bytes(), "validation/loss");
            let lines: Vec<u32> = evaluations.iter().map(|one| one.line).collect();
            assert_eq!(lines, [2, 4, 5], "{end:?}");
            assert_eq!(remarks[0].line, Some(4), "{end:?}");
        }
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
