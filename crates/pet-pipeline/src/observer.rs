//! Who watches training.

use std::fmt;

use mlflow_client::spool::Spooled;
use pet_data::{Progress, Silent};

use crate::check::{Leak, UnusedPictures};

/// Is told how far training is, and of what went wrong without stopping it.
pub trait RunObserver: Progress {
    /// Something did not work, but training goes on.
    fn warning(&self, warning: &Warning<'_>);
}

impl RunObserver for Silent {
    fn warning(&self, _warning: &Warning<'_>) {}
}

/// What went wrong without stopping the training.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning<'a> {
    /// A run could not be sent completely; the rest is in the spool.
    Unsent {
        /// The run's name.
        run: &'a str,
        /// Where the rest is kept, and why.
        spooled: &'a Spooled,
    },
    /// Validation images show what is trained on, so that their accuracy is too good.
    Leak(&'a Leak),
    /// Some of the added pictures are not trained on.
    Unused(&'a UnusedPictures),
    /// The best trial could not be noted on the sweep's run; its report holds it as well.
    BestNotLogged {
        /// The store's answer.
        source: &'a mlflow_client::Error,
    },
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent { run, spooled } => write!(
                formatter,
                "run `{run}` could not be sent completely: {}; the rest is kept in `{}`",
                spooled.reason,
                spooled.path.display()
            ),
            Self::Leak(leak) => write!(
                formatter,
                "{} of {} validation images show what is trained on, such as `{}` and `{}`",
                leak.images,
                leak.validated,
                leak.example.display(),
                leak.trained.display()
            ),
            Self::Unused(unused) => unused.fmt(formatter),
            Self::BestNotLogged { source } => {
                write!(formatter, "the best trial could not be logged: {source}")
            }
        }
    }
}
