//! One trial's hyperparameters: typed, with every read remembered.

use bench_core::run::RunSpec;
use bench_core::spec::submission::{Group, Role, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::rc::Rc;

/// The values of `submission.yaml`'s search space at this trial's point.
///
/// Every value that was given and never read is reported with the trial: a misspelt name in one place would otherwise go unnoticed in the other.
#[derive(Debug, Clone, Default)]
pub struct Hyperparameters {
    values: BTreeMap<String, Value>,
    read: Rc<RefCell<BTreeSet<String>>>,
    /// Of others than the algorithm.
    others: BTreeSet<String>,
}

/// A hyperparameter that the code asks for and the submission does not give as asked.
#[derive(Debug, thiserror::Error)]
pub enum HyperparameterError {
    /// No such name.
    #[error("hyperparameter `{name}` is read but not in the search space of submission.yaml{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The name that may be a misspelling of it, or all of them.
        hint: String,
        /// Where it was asked for.
        location: &'static Location<'static>,
    },
    /// Another type.
    #[error("hyperparameter `{name}` is {value}, which is not {wanted}")]
    Type {
        /// What was asked for.
        name: String,
        /// What it is.
        value: String,
        /// What it should be.
        wanted: &'static str,
        /// Where it was asked for.
        location: &'static Location<'static>,
    },
    /// A name that means nothing.
    #[error("hyperparameter `{name}` is {value}, which is none of {choices}")]
    Choice {
        /// What was asked for.
        name: String,
        /// What it is.
        value: String,
        /// What it may be.
        choices: String,
        /// Where it was asked for.
        location: &'static Location<'static>,
    },
}

impl HyperparameterError {
    /// Where in the code it was asked for.
    pub fn location(&self) -> &'static Location<'static> {
        match self {
            HyperparameterError::Unknown { location, .. }
            | HyperparameterError::Type { location, .. }
            | HyperparameterError::Choice { location, .. } => location,
        }
    }
}

impl Hyperparameters {
    /// Those of a trial.
    pub(crate) fn of(run: &RunSpec) -> Hyperparameters {
        Hyperparameters {
            values: run.hyperparameters.clone(),
            // The schedule has read those.
            read: Rc::new(RefCell::new(run.submission.scheduled.clone())),
            others: run.submission.scheduled.clone(),
        }
    }

    /// Hyperparameters of these values.
    pub fn new(values: BTreeMap<String, Value>) -> Hyperparameters {
        Hyperparameters {
            values,
            read: Rc::default(),
            others: BTreeSet::new(),
        }
    }

    /// With more values, which are not the algorithm's by name.
    pub(crate) fn with_others<const N: usize>(
        mut self,
        others: [(&str, &str); N],
    ) -> Hyperparameters {
        for (name, value) in others {
            if !self.values.contains_key(name) {
                let value = Value::Text(value.to_owned());
                self.values.insert(name.to_owned(), value);
                self.others.insert(name.to_owned());
            }
        }
        self
    }

    /// The algorithm's names, read or not: without those that only the schedule reads.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.values.keys().map(String::as_str);
        names.filter(|name| !self.others.contains(*name))
    }

    /// A value of whatever kind.
    ///
    /// # Errors
    /// When there is none of this name.
    #[track_caller]
    pub fn value(&self, name: &str) -> Result<&Value, HyperparameterError> {
        self.get(name)
    }

    /// A number.
    ///
    /// # Errors
    /// When there is none of this name, or it is not a number.
    #[track_caller]
    pub fn number(&self, name: &str) -> Result<f64, HyperparameterError> {
        match self.get(name)? {
            Value::Number(x) => Ok(*x),
            other => Err(wrong(name, other, "a number")),
        }
    }

    /// A whole number, 0 or larger.
    ///
    /// # Errors
    /// When there is none of this name, or it is not a whole number.
    #[track_caller]
    pub fn integer(&self, name: &str) -> Result<u64, HyperparameterError> {
        match self.get(name)? {
            Value::Number(x) if *x >= 0.0 && x.fract() == 0.0 && *x < 9.0e15 => Ok(*x as u64),
            other => Err(wrong(name, other, "a whole number, 0 or larger")),
        }
    }

    /// A switch.
    ///
    /// # Errors
    /// When there is none of this name, or it is neither true nor false.
    #[track_caller]
    pub fn flag(&self, name: &str) -> Result<bool, HyperparameterError> {
        match self.get(name)? {
            Value::Flag(flag) => Ok(*flag),
            other => Err(wrong(name, other, "true or false")),
        }
    }

    /// What a name out of a list stands for.
    ///
    /// # Errors
    /// When there is none of this name, or it is no text of the list.
    #[track_caller]
    pub fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<T, HyperparameterError> {
        let value = self.text(name)?;
        if let Some((_, meaning)) = choices.iter().find(|(choice, _)| *choice == value) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        Err(HyperparameterError::Choice {
            name: name.to_owned(),
            value: value.to_owned(),
            choices: names.join(", "),
            location: Location::caller(),
        })
    }

    /// A text.
    ///
    /// # Errors
    /// When there is none of this name, or it is no text.
    #[track_caller]
    pub fn text(&self, name: &str) -> Result<&str, HyperparameterError> {
        match self.get(name)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong(name, other, "a name")),
        }
    }

    /// The same with one value replaced or added: what an algorithm that tunes itself builds its rules with.
    #[must_use]
    pub fn with(&self, name: &str, value: f64) -> Hyperparameters {
        let mut changed = self.clone();
        changed.values.insert(name.to_owned(), Value::Number(value));
        changed
    }

    /// The same with a group's own values.
    pub(crate) fn of_group(&self, group: &Group) -> Hyperparameters {
        let mut changed = self.clone();
        changed.values.extend(group.hyperparameters.clone());
        changed
    }

    /// Whether anything has asked for this name.
    pub(crate) fn is_read(&self, name: &str) -> bool {
        self.read.borrow().contains(name)
    }

    /// Does something, and says which names it asks these hyperparameters and their copies for.
    pub fn reads_of<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeSet<String>) {
        let before = std::mem::take(&mut *self.read.borrow_mut());
        let result = work();
        let read = self.read.borrow().clone();
        self.read.borrow_mut().extend(before);
        (result, read)
    }

    /// Names given and never read.
    pub(crate) fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        self.values
            .keys()
            .filter(|name| !read.contains(*name))
            .cloned()
            .collect()
    }

    /// The name that was read and is nearest to one that was not, where one is near.
    pub(crate) fn nearest_read(&self, name: &str) -> Option<String> {
        let read = self.read.borrow();
        let known = read.iter();
        let distances = known.map(|known| (strsim::damerau_levenshtein(known, name), known));
        let near = distances.filter(|(distance, _)| *distance <= name.len() / 2);
        near.min().map(|(_, known)| known.clone())
    }

    #[track_caller]
    fn get(&self, name: &str) -> Result<&Value, HyperparameterError> {
        self.read.borrow_mut().insert(name.to_owned());
        match self.values.get(name) {
            Some(value) => Ok(value),
            None => Err(HyperparameterError::Unknown {
                name: name.to_owned(),
                hint: self.hint(name),
                location: Location::caller(),
            }),
        }
    }

    /// Of names that are near, one that nothing has read is the likelier misspelling.
    fn hint(&self, name: &str) -> String {
        let read = self.read.borrow();
        let given = self.values.keys();
        let distance = |known: &String| strsim::damerau_levenshtein(known, name);
        let near = given.filter(|known| distance(known) <= name.len() / 2);
        let nearest = near.min_by_key(|known| (read.contains(*known), distance(known)));
        match nearest {
            Some(known) if read.contains(known) => format!("; did you mean `{known}`?"),
            Some(known) => format!("; `{known}` is, and nothing has read it"),
            None if self.values.is_empty() => ", which is empty".to_owned(),
            None => {
                let names: Vec<&str> = self.values.keys().map(String::as_str).collect();
                format!("; it has {}", names.join(", "))
            }
        }
    }
}

#[track_caller]
fn wrong(name: &str, value: &Value, wanted: &'static str) -> HyperparameterError {
    HyperparameterError::Type {
        name: name.to_owned(),
        value: value.to_string(),
        wanted,
        location: Location::caller(),
    }
}

/// The first group that names this role, by its place in the list.
pub(crate) fn group_of(groups: &[Group], role: Role) -> Option<usize> {
    groups.iter().position(|group| group.roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Hyperparameters {
        Hyperparameters::new(BTreeMap::from([
            ("learning-rate".to_owned(), Value::Number(0.1)),
            ("beta1".to_owned(), Value::Number(0.9)),
            ("nesterov".to_owned(), Value::Flag(true)),
            ("kind".to_owned(), Value::Text("svd".to_owned())),
        ]))
    }

    #[test]
    fn values_come_in_the_type_asked_for() {
        let hyper = some();
        assert_eq!(hyper.number("learning-rate").unwrap(), 0.1);
        assert!(hyper.flag("nesterov").unwrap());
        assert_eq!(hyper.text("kind").unwrap(), "svd");
        assert_eq!(hyper.choice("kind", &[("qr", 1), ("svd", 2)]).unwrap(), 2);
        assert_eq!(hyper.with("rank", 4.0).integer("rank").unwrap(), 4);
    }

    #[test]
    fn messages_name_the_nearest() {
        let hyper = some();
        let message = |error: HyperparameterError| error.to_string();
        assert_eq!(
            message(hyper.number("learning_rate").unwrap_err()),
            "hyperparameter `learning_rate` is read but not in the search space of submission.yaml; `learning-rate` is, and nothing has read it"
        );
        hyper.number("learning-rate").unwrap();
        assert_eq!(
            message(hyper.number("learning_rate").unwrap_err()),
            "hyperparameter `learning_rate` is read but not in the search space of submission.yaml; did you mean `learning-rate`?"
        );
        assert_eq!(
            message(hyper.number("zzzz").unwrap_err()),
            "hyperparameter `zzzz` is read but not in the search space of submission.yaml; it has beta1, kind, learning-rate, nesterov"
        );
        assert_eq!(
            message(hyper.integer("beta1").unwrap_err()),
            "hyperparameter `beta1` is 0.9, which is not a whole number, 0 or larger"
        );
        assert_eq!(
            message(hyper.number("kind").unwrap_err()),
            "hyperparameter `kind` is svd, which is not a number"
        );
        assert_eq!(
            message(hyper.choice("kind", &[("qr", 1), ("eigh", 2)]).unwrap_err()),
            "hyperparameter `kind` is svd, which is none of qr, eigh"
        );
    }

    #[test]
    fn unread_names_are_known_across_copies() {
        let hyper = some();
        let group = Group {
            roles: vec![Role::Bias],
            hyperparameters: BTreeMap::from([("beta1".to_owned(), Value::Number(0.0))]),
        };
        assert_eq!(hyper.of_group(&group).number("beta1").unwrap(), 0.0);
        assert_eq!(hyper.unread(), ["kind", "learning-rate", "nesterov"]);
        assert_eq!(hyper.nearest_read("beta_1").as_deref(), Some("beta1"));
        assert_eq!(hyper.nearest_read("kind"), None);
    }
}
