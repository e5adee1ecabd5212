//! What can be wrong with a search.

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
            Self::NoValues { .. }
            | Self::SameValue { .. }
            | Self::SameAxis { .. }
            | Self::UnknownAxis { .. }
            | Self::Number { .. } => None,
        }
    }
}
