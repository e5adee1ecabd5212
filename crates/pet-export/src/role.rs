//! The roles of registered versions, and the aliases that mark them.

use std::fmt;

/// The alias of the served version; of this crate only [`promote`](crate::promote()) moves it.
pub const CHAMPION: &str = "champion";
/// The alias of the version selected as candidate for the champion.
pub const CHALLENGER: &str = "challenger";

/// The role of a version in a [`Contest`](crate::Contest).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The version proposed as champion.
    Challenger,
    /// The current champion.
    Champion,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Challenger => CHALLENGER,
            Self::Champion => CHAMPION,
        })
    }
}
