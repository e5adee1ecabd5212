//! The progress and the warnings of a training.

use std::fmt;

use mlflow_client::spool::Spooled;
use pet_data::{Progress, Silent};

use crate::check::{ExcludedImages, Leak};

/// Receives the progress and the warnings of a training.
pub trait RunObserver: Progress {
    /// Something failed, but training continues.
    fn warning(&self, warning: &Warning<'_>);
}

impl RunObserver for Silent {
    fn warning(&self, _warning: &Warning<'_>) {}
}

/// A problem that does not stop the training.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning<'a> {
    /// A run could not be sent completely; the rest is in the spool.
    Unsent {
        /// The run's name.
        run: &'a str,
        /// Where the rest is kept, and the reason.
        spooled: &'a Spooled,
    },
    /// Validation images are duplicates of training images, so that their accuracy is too high.
    Leak(&'a Leak),
    /// Some added images are excluded from training.
    Excluded(&'a ExcludedImages),
    /// The best trial could not be logged to the sweep's run; it is also in the sweep's report.
    BestNotLogged {
        /// The error of the store.
        source: &'a mlflow_client::Error,
    },
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent { run, spooled } => write!(
                formatter,
                "run `{run}` could not be sent completely: {}; the rest is saved in `{}`",
                spooled.reason,
                spooled.path.display()
            ),
            Self::Leak(leak) => write!(
                formatter,
                "{} of {} validation images show the same as training images, such as `{}` and `{}`",
                leak.images,
                leak.validated,
                leak.example.display(),
                leak.trained.display()
            ),
            Self::Excluded(excluded) => excluded.fmt(formatter),
            Self::BestNotLogged { source } => {
                write!(formatter, "the best trial could not be logged: {source}")
            }
        }
    }
}
