//! The search space.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Maximum number of points of a space.
const MAX_POINTS: usize = 1_000_000;

/// A hyper-parameter with the values to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<f64>,
}

impl Axis {
    /// A hyper-parameter with this name and these values.
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values }
    }

    #[expect(clippy::float_cmp, reason = "only identical values are the same trial")]
    fn check(&self) -> Result<(), Error> {
        if self.values.is_empty() {
            return Err(Error::NoValues { axis: self.name.clone() });
        }
        for (index, &value) in self.values.iter().enumerate() {
            if self.values.iter().take(index).any(|other| *other == value) {
                return Err(Error::SameValue { axis: self.name.clone(), value });
            }
        }
        Ok(())
    }
}

/// A value for each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    values: Vec<(String, f64)>,
}

impl Point {
    /// Names and values in the order of the axes.
    pub fn values(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The value of the axis with this name, if there is one.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// All combinations of the values of some axes; a single empty point without axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    axes: Vec<Axis>,
    points: usize,
}

impl Space {
    /// The space of these axes. Values are validated by [`Point::configure`].
    ///
    /// # Errors
    ///
    /// [`Error::NoValues`], [`Error::SameValue`], [`Error::SameAxis`] or [`Error::TooManyPoints`] (more than a
    /// million).
    pub fn new(axes: Vec<Axis>) -> Result<Self, Error> {
        let mut points: usize = 1;
        for (index, axis) in axes.iter().enumerate() {
            axis.check()?;
            if axes.iter().take(index).any(|other| other.name == axis.name) {
                return Err(Error::SameAxis { axis: axis.name.clone() });
            }
            points = points.saturating_mul(axis.values.len());
        }
        if points > MAX_POINTS {
            return Err(Error::TooManyPoints { limit: MAX_POINTS });
        }
        Ok(Self { axes, points })
    }

    /// The axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Number of points, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a space is never empty")]
    pub fn len(&self) -> usize {
        self.points
    }

    /// All points. The last axis changes fastest.
    pub fn grid(&self) -> Vec<Point> {
        (0..self.points).map(|index| self.point(index)).collect()
    }

    /// This many different points in random order, determined by the seed.
    ///
    /// # Errors
    ///
    /// [`Error::Number`] for zero points or more than there are.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Vec<Point>, Error> {
        if !(1..=self.points).contains(&count) {
            return Err(Error::Number {
                name: "trials",
                value: count,
                expected: format!("1 to the `{}` points of the space", self.points),
            });
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let chosen = rand::seq::index::sample(&mut random, self.points, count);
        Ok(chosen.into_iter().map(|index| self.point(index)).collect())
    }

    /// The point with this index, whose digits select the values.
    fn point(&self, mut index: usize) -> Point {
        let value = |axis: &Axis| {
            let digit = index % axis.values.len();
            index /= axis.values.len();
            Some((axis.name.clone(), *axis.values.get(digit)?))
        };
        let mut values: Vec<_> = self.axes.iter().rev().filter_map(value).collect();
        values.reverse();
        Point { values }
    }
}

/// Why a search cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An axis has no values.
    #[error("`{axis}` has no values to try")]
    NoValues {
        /// Name of the axis.
        axis: String,
    },
    /// A value stands twice on its axis.
    #[error("`{axis}` has the value `{value}` twice")]
    SameValue {
        /// Name of the axis.
        axis: String,
        /// The value.
        value: f64,
    },
    /// Two axes have the same name.
    #[error("`{axis}` is an axis of the space twice")]
    SameAxis {
        /// Name of both.
        axis: String,
    },
    /// An axis is no hyper-parameter with a number.
    #[error("`{axis}` is not a hyper-parameter that can be searched")]
    UnknownAxis {
        /// Name of the axis.
        axis: String,
    },
    /// The space has more points than any search could try.
    #[error("the space has more than `{limit}` points")]
    TooManyPoints {
        /// Largest number of points.
        limit: usize,
    },
    /// A number that plans the search makes no sense.
    #[error("`{name}` is `{value}`, expected {expected}")]
    Number {
        /// What it is.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What is accepted.
        expected: String,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooManyPoints { .. } => Some("give fewer values, or several sweeps".into()),
            _ => None,
        }
    }
}
