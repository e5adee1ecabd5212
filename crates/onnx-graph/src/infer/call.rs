//! A node with the types of its inputs, for the inference rules.

use std::fmt::Display;

use crate::Error;
use crate::node::{Attribute, Node};
use crate::value::TensorType;

/// A node whose result is to be inferred.
pub(super) struct Call<'a> {
    pub(super) node: &'a Node,
    pub(super) inputs: &'a [Option<&'a TensorType>],
}

impl<'a> Call<'a> {
    /// Checks that there are `required` inputs, followed by up to `optional` ones.
    pub(super) fn arity(&self, required: usize, optional: usize) -> Result<(), Error> {
        let max = required + optional;
        let fits = (required..=max).contains(&self.inputs.len());
        if fits && self.inputs.iter().take(required).all(Option::is_some) {
            return Ok(());
        }
        let expected = if optional == 0 {
            format!("{required} inputs")
        } else {
            format!("{required} to {max} inputs")
        };
        Err(self.error(expected, &self.inputs.len()))
    }

    /// Checks that there is one output.
    pub(super) fn has_one_output(&self) -> Result<(), Error> {
        match self.node.outputs.as_slice() {
            [output] if !output.is_empty() => Ok(()),
            outputs => Err(self.error("one output", &outputs.len())),
        }
    }

    /// A required input.
    pub(super) fn input(&self, index: usize) -> Result<&'a TensorType, Error> {
        let missing = || self.error(format!("an input {index}"), &"none");
        self.optional(index).ok_or_else(missing)
    }

    /// An optional input.
    pub(super) fn optional(&self, index: usize) -> Option<&'a TensorType> {
        self.inputs.get(index).copied().flatten()
    }

    /// The type of the first input, after checking that all inputs have its element type.
    pub(super) fn same_elements(&self) -> Result<&'a TensorType, Error> {
        let first = self.input(0)?;
        for other in self.inputs.iter().flatten() {
            if other.data_type != first.data_type {
                return Err(self.error(format!("inputs of `{}`", first.data_type), other));
            }
        }
        Ok(first)
    }

    /// As [`Call::same_elements`], for floating-point types only.
    pub(super) fn same_floats(&self) -> Result<&'a TensorType, Error> {
        let first = self.same_elements()?;
        if !first.data_type.is_float() {
            return Err(self.error("floating-point numbers", first));
        }
        Ok(first)
    }

    /// An integer attribute.
    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, Error> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Int(number)) => Ok(*number),
            Some(other) => Err(self.attribute(name, "an integer", other)),
        }
    }

    /// An attribute that lists `count` integers of at least `lowest`.
    pub(super) fn ints(
        &self,
        name: &str,
        count: usize,
        lowest: usize,
    ) -> Result<Option<Vec<usize>>, Error> {
        let Some(attribute) = self.node.attributes.get(name) else {
            return Ok(None);
        };
        let read = |number: &i64| usize::try_from(*number).ok().filter(|&number| number >= lowest);
        let numbers: Option<Vec<_>> = match attribute {
            Attribute::Ints(numbers) if numbers.len() == count => {
                numbers.iter().map(read).collect()
            }
            _ => None,
        };
        let expected = || format!("{count} integers of at least {lowest}");
        numbers.map(Some).ok_or_else(|| self.attribute(name, expected(), attribute))
    }

    /// The `axis` attribute as an index up to `highest`; negative axes count from the end.
    pub(super) fn axis(&self, default: i64, rank: usize, highest: usize) -> Result<usize, Error> {
        let axis = self.int("axis", default)?;
        let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
        let index = from_start.and_then(|axis| usize::try_from(axis).ok());
        let expected = || format!("an axis of {rank}");
        let outside = || self.attribute("axis", expected(), &Attribute::Int(axis));
        index.filter(|&index| index <= highest).ok_or_else(outside)
    }

    /// The error for inputs that the operator does not accept.
    pub(super) fn error(&self, expected: impl Into<String>, got: &dyn Display) -> Error {
        Error::Input {
            node: self.node.label().to_owned(),
            op_type: self.node.op_type.clone(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    /// The error for an attribute that the operator does not accept.
    pub(super) fn attribute(
        &self,
        name: &str,
        expected: impl Into<String>,
        got: &Attribute,
    ) -> Error {
        Error::Attribute {
            node: self.node.label().to_owned(),
            attribute: name.to_owned(),
            expected: expected.into(),
            got: format!("{got:?}"),
        }
    }
}
