//! One visitor that serves saving and loading alike: an algorithm names its state once.
//!
//! Tensors and plain values are kept apart, so that what an algorithm costs in memory is a sum over its tensors.

use crate::tensor::{copy_of, same_bits};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use tch::Tensor;

/// Walks over an algorithm's state, either collecting it or putting it back.
///
/// ```ignore
/// fn state(&mut self, state: &mut State) -> Result<()> {
///     state.visit("m", &mut self.m)?;
///     state.visit("v", &mut self.v)
/// }
/// ```
#[derive(Debug)]
pub struct State<'a> {
    prefix: String,
    direction: Direction<'a>,
}

#[derive(Debug)]
enum Direction<'a> {
    Save(&'a mut Contents),
    Load(&'a Contents),
}

/// State by name. Tensors that were collected share memory with the algorithm's.
#[derive(Debug, Default)]
pub struct Contents {
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Numbers, switches and texts by name, as text.
    pub values: BTreeMap<String, String>,
}

/// A thing whose state can be visited: a closure, or a rule's own `state`.
pub type Visit<'a> = dyn FnMut(&mut State) -> Result<()> + 'a;

impl Contents {
    /// Collects.
    ///
    /// # Errors
    /// When a name comes twice.
    pub fn save(visit: &mut Visit) -> Result<Contents> {
        let mut contents = Contents::default();
        visit(&mut State {
            prefix: String::new(),
            direction: Direction::Save(&mut contents),
        })?;
        Ok(contents)
    }

    /// Puts back. Tensors are filled in place where they are already of the right shape.
    ///
    /// # Errors
    /// When something is missing or of another kind.
    pub fn load(&self, visit: &mut Visit) -> Result<()> {
        visit(&mut State {
            prefix: String::new(),
            direction: Direction::Load(self),
        })
    }

    /// A copy that no longer shares memory.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn deep_copy(&self) -> Result<Contents> {
        let copy = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), copy_of(tensor)?));
        Ok(Contents {
            tensors: self.tensors.iter().map(copy).collect::<Result<_>>()?,
            values: self.values.clone(),
        })
    }

    /// Numbers in the tensors: an algorithm's memory, beside the parameters.
    pub fn numbers(&self) -> u64 {
        self.tensors
            .values()
            .map(|tensor| tensor.numel() as u64)
            .sum()
    }

    /// The first name whose content differs in any bit, where there is one.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn difference(&self, other: &Contents) -> Result<Option<String>> {
        Ok(self.differences(other)?.into_iter().next())
    }

    /// Every name whose content differs in any bit.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn differences(&self, other: &Contents) -> Result<Vec<String>> {
        if !self.tensors.keys().eq(other.tensors.keys())
            || !self.values.keys().eq(other.values.keys())
        {
            return Ok(vec!["the names".to_owned()]);
        }
        let mut names = Vec::new();
        for (name, tensor) in &self.tensors {
            if !same_bits(tensor, &other.tensors[name])? {
                names.push(name.clone());
            }
        }
        let values = self.values.iter();
        let values = values.filter(|(name, value)| other.values[*name] != **value);
        names.extend(values.map(|(name, _)| name.clone()));
        Ok(names)
    }
}

/// Values that a state may hold: tensors, numbers, switches, texts, lists and options of tensors, lists of numbers.
pub trait Value {
    /// Saves or loads under the visitor's present name.
    ///
    /// # Errors
    /// As [`State::visit`].
    fn visit(&mut self, state: &mut State) -> Result<()>;
}

impl State<'_> {
    /// Saves the value under this name, or loads it.
    ///
    /// # Errors
    /// When the name comes twice (saving), is missing or holds another kind of value (loading).
    pub fn visit(&mut self, name: &str, value: &mut impl Value) -> Result<()> {
        self.scope(name, |state| value.visit(state))
    }

    /// Visits a part whose names go below this one: a rule in a population, an average beside a rule.
    ///
    /// # Errors
    /// As `visit`.
    pub fn scope(&mut self, name: &str, visit: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let length = self.prefix.len();
        if length > 0 {
            self.prefix.push('/');
        }
        self.prefix.push_str(name);
        let result = visit(self);
        self.prefix.truncate(length);
        result
    }

    /// Whether values are being put back: for parts that must be rebuilt from values just loaded.
    pub fn is_loading(&self) -> bool {
        matches!(self.direction, Direction::Load(_))
    }

    fn text(&mut self, now: String) -> Result<Option<String>> {
        match &mut self.direction {
            Direction::Save(contents) => {
                if contents.values.insert(self.prefix.clone(), now).is_some() {
                    bail!("state `{}` is visited twice", self.prefix);
                }
                Ok(None)
            }
            Direction::Load(contents) => {
                let text = contents.values.get(&self.prefix);
                text.cloned()
                    .map(Some)
                    .with_context(|| format!("the saved state has no `{}`", self.prefix))
            }
        }
    }

    fn tensor(&mut self, tensor: &mut Tensor) -> Result<()> {
        match &mut self.direction {
            Direction::Save(contents) => {
                if contents
                    .tensors
                    .insert(self.prefix.clone(), tensor.f_detach()?)
                    .is_some()
                {
                    bail!("state `{}` is visited twice", self.prefix);
                }
            }
            Direction::Load(contents) => {
                let saved = contents.tensors.get(&self.prefix);
                let saved =
                    saved.with_context(|| format!("the saved state has no `{}`", self.prefix))?;
                put_back(tensor, saved)
                    .with_context(|| format!("state `{}` cannot be loaded", self.prefix))?;
            }
        }
        Ok(())
    }
}

/// In place where the shape is the same, so that whoever shares the tensor sees it.
fn put_back(tensor: &mut Tensor, saved: &Tensor) -> Result<()> {
    let _guard = tch::no_grad_guard();
    if tensor.defined() && tensor.size() == saved.size() && tensor.kind() == saved.kind() {
        tensor.f_copy_(saved)?;
    } else if tensor.defined() {
        *tensor = copy_of(&saved.f_to_device(tensor.device())?)?;
    } else {
        *tensor = copy_of(saved)?;
    }
    Ok(())
}

impl Value for Tensor {
    fn visit(&mut self, state: &mut State) -> Result<()> {
        state.tensor(self)
    }
}

/// Values that are kept as text, exactly.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            fn visit(&mut self, state: &mut State) -> Result<()> {
                if let Some(text) = state.text(self.to_string())? {
                    *self = text.parse().with_context(|| format!("state `{}` is `{text}`", state.prefix))?;
                }
                Ok(())
            }
        }
    )*};
}
as_text!(f64, u64, i64, bool, String);

/// Lists of values: as long as they were when saved.
macro_rules! list {
    ($($kind:ty = $blank:expr),*) => {$(
        impl Value for Vec<$kind> {
            fn visit(&mut self, state: &mut State) -> Result<()> {
                let mut length = self.len() as u64;
                state.visit("length", &mut length)?;
                self.resize_with(length as usize, || $blank);
                for (index, value) in self.iter_mut().enumerate() {
                    state.visit(&index.to_string(), value)?;
                }
                Ok(())
            }
        }
    )*};
}
list!(Tensor = Tensor::new(), f64 = 0.0, u64 = 0, Vec<Tensor> = Vec::new());

impl Value for Option<Tensor> {
    fn visit(&mut self, state: &mut State) -> Result<()> {
        let mut there = self.is_some();
        state.visit("there", &mut there)?;
        match there {
            true => state.visit("value", self.get_or_insert_with(Tensor::new)),
            false => {
                *self = None;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Everything {
        m: Vec<Tensor>,
        basis: Option<Tensor>,
        rate: f64,
        count: u64,
        note: String,
    }

    impl Everything {
        fn state(&mut self, state: &mut State) -> Result<()> {
            state.visit("m", &mut self.m)?;
            state.visit("basis", &mut self.basis)?;
            state.visit("rate", &mut self.rate)?;
            state.scope("inner", |state| {
                state.visit("count", &mut self.count)?;
                state.visit("note", &mut self.note)
            })
        }
    }

    #[test]
    fn what_is_saved_comes_back_bit_for_bit() {
        let mut from = Everything {
            m: vec![
                Tensor::from_slice(&[1.0_f32, f32::NAN, -0.0]),
                Tensor::from_slice(&[2_i64]),
            ],
            basis: Some(Tensor::from_slice(&[0.1_f64])),
            rate: 0.1 + 0.2,
            count: u64::MAX,
            note: "two\nlines".to_owned(),
        };
        let mut to = Everything {
            m: Vec::new(),
            basis: None,
            rate: f64::NAN,
            count: 0,
            note: String::new(),
        };
        let saved = Contents::save(&mut |state| from.state(state)).unwrap();
        assert_eq!(saved.numbers(), 5);
        saved.load(&mut |state| to.state(state)).unwrap();
        let again = Contents::save(&mut |state| to.state(state)).unwrap();
        assert_eq!(saved.difference(&again).unwrap(), None);
        assert_eq!(to.rate, 0.1 + 0.2);
        assert_eq!(to.count, u64::MAX);

        to.rate = 1.0;
        let other = Contents::save(&mut |state| to.state(state)).unwrap();
        assert_eq!(saved.difference(&other).unwrap().as_deref(), Some("rate"));
    }

    #[test]
    fn a_missing_name_and_a_double_name_are_errors() {
        let mut x = 1.0;
        let saved = Contents::save(&mut |state| state.visit("x", &mut x)).unwrap();
        let error = saved
            .load(&mut |state| state.visit("y", &mut x))
            .unwrap_err();
        assert_eq!(error.to_string(), "the saved state has no `y`");
        let error = Contents::save(&mut |state| {
            state.visit("x", &mut x)?;
            state.visit("x", &mut x)
        });
        assert_eq!(error.unwrap_err().to_string(), "state `x` is visited twice");
    }
}
