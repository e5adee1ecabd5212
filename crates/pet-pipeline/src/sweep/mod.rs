//! Hyper-parameter search: grid search, random search, successive halving.
//!
//! A [`Space`] and a [`Search`] decide which trials run and for how long; a [`Sweep`] trains them.
//!
//! ```
//! use pet_pipeline::sweep::{Axis, Error, Rungs, Search, Space};
//!
//! let space = Space::new(vec![
//!     Axis::new("learning_rate", vec![0.01, 0.001, 0.0001]),
//!     Axis::new("dropout", vec![0.0, 0.2]),
//! ])?;
//! // Four of the six points for 3 epochs each; the better half for 6.
//! let rungs = Rungs::halving(4, 2, 3, 6)?;
//! let mut search = Search::new(space.sample(4, 42)?, rungs);
//!
//! let mut trained = 0;
//! while let Some(trial) = search.next_trial() {
//!     trained += trial.epochs;
//!     // Train here. `None` is the score of a failed trial.
//!     let accuracy = 1.0 - trial.point.value("dropout").unwrap_or(0.0);
//!     search.report(Some(accuracy));
//! }
//! assert_eq!(trained, 4 * 3 + 2 * 6);
//! let best = search.ranking()[0];
//! assert_eq!(best.trial.epochs, 6);
//! # Ok::<(), Error>(())
//! ```

mod error;
mod report;
mod run;
mod search;
mod space;

pub use error::Error;
pub use report::{Row, SweepReport};
pub use run::Sweep;
pub use search::{Outcome, Rung, Rungs, Search, Trial};
pub use space::{Axis, Point, Space};
