//! Where data and model meet: the columns that a model wants, found among those that a data set has.

use super::columns::{Column, Columns, Meaning, Rows, Values};
use std::fmt;

/// What a kind of model reads and may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What it reads. Where that is one column, it is the data's only other input whatever its name; several are found by their names.
    pub inputs: &'static [Want],
    /// What it reads, or its scores are made with, where the data has columns of these names.
    pub beside: &'static [Want],
    /// What it can give: one of these.
    pub targets: &'static [Meaning],
}

/// A column that a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// The model's name for it.
    pub name: &'static str,
    /// How many sizes a row has, and what they are; any shape where none is said.
    pub sizes: Option<&'static [&'static str]>,
    /// Rows of an example.
    pub rows: Rows,
    /// What its numbers mean.
    pub values: Meaning,
}

/// `images of [channels, height, width], real numbers`.
impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.rows {
            Rows::One => {}
            Rows::Ragged => f.write_str("ragged ")?,
            Rows::Running => f.write_str("running ")?,
        }
        f.write_str(self.values.name())?;
        match self.sizes {
            None => f.write_str(" of any shape"),
            Some([]) => Ok(()),
            Some(sizes) => write!(f, " of shape [{}]", sizes.join(", ")),
        }
    }
}

/// What a model is built for: the columns that it wanted, as the data has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What it reads, in the order in which it wants them.
    pub inputs: Vec<Slot>,
    /// What goes with that, of columns that data may lack.
    pub beside: Vec<Slot>,
    /// What it is asked for.
    pub target: Slot,
}

/// A column in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The model's name for it.
    pub name: String,
    /// The data's name for it.
    pub column: String,
    /// Sizes of what a batch holds of an example. Of a running column: how much is read at once.
    pub shape: Vec<u64>,
    /// Rows of an example.
    pub rows: Rows,
    /// What its numbers mean.
    pub values: Values,
}

/// Data and model that do not fit, both named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The model wants other columns.
    #[error("model `{model}` reads {wanted}, and data set `{data}` holds {held}")]
    Inputs {
        /// Kind of model.
        model: &'static str,
        /// What it wants.
        wanted: String,
        /// Name of the data set.
        data: String,
        /// What that has.
        held: String,
    },
    /// The model gives something else than the data asks for.
    #[error("model `{model}` gives {wanted}, and data set `{data}` asks for {held}")]
    Target {
        /// Kind of model.
        model: &'static str,
        /// What it can give.
        wanted: String,
        /// Name of the data set.
        data: String,
        /// What that asks for.
        held: String,
    },
    /// Nothing says how a running column is cut.
    #[error("data set `{data}` holds text, and nothing says how much of it is read at once")]
    Length {
        /// Name of the data set.
        data: String,
    },
    /// The model's sizes do not go with the data's.
    #[error("model `{model}` on data set `{data}`: {problem}")]
    Sizes {
        /// Kind of model.
        model: &'static str,
        /// Name of the data set.
        data: String,
        /// What is wrong with which value.
        problem: String,
    },
}

impl Interface {
    /// The columns of a data set that a model wants; `length` is how much of a running column is read at once.
    ///
    /// # Errors
    /// [`Misfit`] where it has no such columns.
    pub fn find(
        model: &'static str,
        wanted: &Wanted,
        data: &str,
        columns: &Columns,
        length: Option<u64>,
    ) -> Result<Interface, Misfit> {
        let data = || data.to_owned();
        let Some(found) = inputs(wanted, columns) else {
            return Err(Misfit::Inputs {
                model,
                wanted: match wanted.inputs {
                    [one] => one.to_string(),
                    several => {
                        let named = several
                            .iter()
                            .map(|want| format!("`{}`: {want}", want.name));
                        listed(named, "; ")
                    }
                },
                data: data(),
                held: columns.to_string(),
            });
        };
        let target = columns.target();
        let target = target.filter(|(_, column)| wanted.targets.contains(&column.values.meaning()));
        let Some((target_name, target)) = target else {
            let names = wanted.targets.iter().map(|meaning| meaning.name());
            let held = columns
                .target()
                .map_or("nothing".to_owned(), |(name, column)| {
                    format!("`{name}`: {column}")
                });
            return Err(Misfit::Target {
                model,
                wanted: listed(names.map(str::to_owned), " or "),
                data: data(),
                held,
            });
        };
        let sizes = |column: &Column| match (column.rows, length) {
            (Rows::Running, None) => Err(Misfit::Length { data: data() }),
            (Rows::Running, Some(length)) => Ok([&[length], &column.shape[..]].concat()),
            _ => Ok(column.shape.clone()),
        };
        let slot = |name: &str, own: &str, column: &Column| {
            Ok(Slot {
                name: name.to_owned(),
                column: own.to_owned(),
                shape: sizes(column)?,
                rows: column.rows,
                values: column.values,
            })
        };
        let pairs = wanted.inputs.iter().zip(found);
        let beside = wanted.beside.iter().filter_map(|want| named(want, columns));
        Ok(Interface {
            inputs: pairs
                .map(|(want, (own, column))| slot(want.name, own, column))
                .collect::<Result<_, _>>()?,
            beside: beside
                .map(|(own, column)| slot(own, own, column))
                .collect::<Result<_, _>>()?,
            target: slot("targets", target_name, target)?,
        })
    }

    /// One input of this shape, one class of so many as target.
    pub fn classes(shape: &[u64], classes: u64) -> Interface {
        Interface {
            inputs: vec![Slot::new("inputs", shape, Rows::One, Values::Real)],
            beside: Vec::new(),
            target: Slot::new("targets", &[], Rows::One, Values::Classes(classes)),
        }
    }

    /// Text of so many tokens, read `length` at once.
    pub fn text(length: u64, vocabulary: u64) -> Interface {
        let slot =
            |name: &str| Slot::new(name, &[length], Rows::Running, Values::Tokens(vocabulary));
        Interface {
            inputs: vec![slot("inputs")],
            beside: Vec::new(),
            target: slot("targets"),
        }
    }

    /// Sizes of the first input: the only one of most models.
    pub fn input(&self) -> &[u64] {
        self.inputs.first().map_or(&[], |slot| &slot.shape)
    }

    /// Numbers that a model gives for each target: a score a class or token, else as many as the target has.
    pub fn outputs(&self) -> u64 {
        match self.target.values.below() {
            Some(count) => count,
            None => self.target.shape.iter().product(),
        }
    }
}

impl Slot {
    /// A column of this name in a place of the same name.
    pub fn new(name: &str, shape: &[u64], rows: Rows, values: Values) -> Slot {
        Slot {
            name: name.to_owned(),
            column: name.to_owned(),
            shape: shape.to_vec(),
            rows,
            values,
        }
    }
}

/// The data's columns for what is read, in that order.
fn inputs<'a>(wanted: &Wanted, columns: &'a Columns) -> Option<Vec<(&'a str, &'a Column)>> {
    match wanted.inputs {
        [one] => {
            let beside = |name: &str| wanted.beside.iter().any(|want| want.name == name);
            let mut all = columns.inputs().filter(|(name, _)| !beside(name));
            let only = all.next()?;
            (all.next().is_none() && one.fits(only.1)).then(|| vec![only])
        }
        several => several.iter().map(|want| named(want, columns)).collect(),
    }
}

/// The data's column of a name, where it is what is wanted of it.
fn named<'a>(want: &Want, columns: &'a Columns) -> Option<(&'a str, &'a Column)> {
    let mut all = columns.inputs();
    all.find(|(name, column)| *name == want.name && want.fits(column))
}

impl Want {
    fn fits(&self, column: &Column) -> bool {
        column.rows == self.rows
            && column.values.meaning() == self.values
            && self
                .sizes
                .is_none_or(|sizes| sizes.len() == column.shape.len())
    }
}

fn listed(items: impl Iterator<Item = String>, joint: &str) -> String {
    items.collect::<Vec<_>>().join(joint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::columns::Number;

    const PIXELS: Wanted = Wanted {
        inputs: &[Want {
            name: "inputs",
            sizes: Some(&["channels", "height", "width"]),
            rows: Rows::One,
            values: Meaning::Real,
        }],
        beside: &[],
        targets: &[Meaning::Classes],
    };
    const PAIRS: Wanted = Wanted {
        inputs: &[ragged("source"), ragged("target")],
        beside: &[ragged("glossary")],
        targets: &[Meaning::Tokens, Meaning::Classes],
    };

    const fn ragged(name: &'static str) -> Want {
        Want {
            name,
            sizes: Some(&[]),
            rows: Rows::Ragged,
            values: Meaning::Tokens,
        }
    }

    fn tokens(vocabulary: u64) -> Column {
        Column {
            rows: Rows::Ragged,
            ..Column::new(Number::I32, &[]).of(Values::Tokens(vocabulary))
        }
    }

    fn pairs() -> Columns {
        Columns::from([
            ("a-source-id", Column::new(Number::I64, &[])),
            ("shifted", tokens(500).as_target()),
            ("source", tokens(400)),
            ("target", tokens(500)),
        ])
    }

    fn told(wanted: &Wanted, columns: &Columns) -> String {
        let found = Interface::find("kind", wanted, "data", columns, None);
        found.unwrap_err().to_string()
    }

    #[test]
    fn one_input_is_found_whatever_its_name_and_several_by_theirs() {
        let images = Columns::images(3, 8, 4, 10);
        let found = Interface::find("kind", &PIXELS, "data", &images, None).unwrap();
        assert_eq!(found.inputs[0].column, "images");
        assert_eq!((found.input(), found.outputs()), (&[3, 8, 4][..], 10));
        let found = Interface::find("kind", &PAIRS, "data", &pairs(), None).unwrap();
        let names = found.inputs.iter().map(|slot| slot.column.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["source", "target"]);
        assert_eq!(found.inputs[0].values, Values::Tokens(400));
        assert_eq!(
            (found.target.column.as_str(), found.outputs()),
            ("shifted", 500)
        );
    }

    #[test]
    fn text_is_both_input_and_target_and_has_the_length_that_is_read() {
        const TEXT: Wanted = Wanted {
            inputs: &[Want {
                name: "inputs",
                sizes: Some(&[]),
                rows: Rows::Running,
                values: Meaning::Tokens,
            }],
            beside: &[],
            targets: &[Meaning::Tokens],
        };
        let text = Columns::text(Number::U16, 1000);
        let found = Interface::find("kind", &TEXT, "data", &text, Some(12)).unwrap();
        assert_eq!(found, {
            let mut text = Interface::text(12, 1000);
            text.inputs[0].column = "tokens".to_owned();
            text.target.column = "tokens".to_owned();
            text
        });
        assert_eq!(
            told(&TEXT, &text),
            "data set `data` holds text, and nothing says how much of it is read at once"
        );
    }

    #[test]
    fn what_does_not_fit_is_told_with_both_sides() {
        let mut flat = Columns::images(3, 8, 4, 10);
        for column in flat.0.values_mut() {
            column.shape.clear();
        }
        assert_eq!(
            told(&PIXELS, &flat),
            "model `kind` reads real numbers of shape [channels, height, width], and data set `data` holds `images`: u8, real numbers; `labels`: u8, classes (10), the target"
        );
        let mut nameless = pairs();
        let source = nameless.0.remove("source").unwrap();
        nameless.0.insert("from".to_owned(), source);
        assert!(told(&PAIRS, &nameless).starts_with(
            "model `kind` reads `source`: ragged tokens; `target`: ragged tokens, and"
        ));
        let mut aimless = Columns::images(3, 8, 4, 10);
        for column in aimless.0.values_mut() {
            column.values = Values::Real;
        }
        assert_eq!(
            told(&PIXELS, &aimless),
            "model `kind` gives classes, and data set `data` asks for `labels`: u8, real numbers"
        );
        aimless.0.remove("labels");
        assert_eq!(
            told(&PIXELS, &aimless),
            "model `kind` gives classes, and data set `data` asks for nothing"
        );
    }
}
