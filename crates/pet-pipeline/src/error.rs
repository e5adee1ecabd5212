//! What can go wrong while tracking.

/// Why a run could not be tracked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tracking store failed.
    #[error("cannot {action}")]
    Tracking {
        /// What was to be done.
        action: &'static str,
        /// The store's answer.
        source: mlflow_client::Error,
    },
    /// The trained model could not be written.
    #[error("cannot write the trained model")]
    Model {
        /// What does not fit.
        #[from]
        source: pet_train::Error,
    },
    /// The run has ended already.
    #[error("the run has ended already")]
    Ended,
    /// A file could not be prepared for upload.
    #[error("cannot prepare the model's folder")]
    Io {
        /// The operating system's answer, with the path.
        #[from]
        source: std::io::Error,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tracking { source, .. } => source.hint(),
            Self::Model { source } => source.hint(),
            Self::Ended | Self::Io { .. } => None,
        }
    }
}

/// Names what was being done when the store failed.
pub(crate) fn doing(action: &'static str) -> impl Fn(mlflow_client::Error) -> Error {
    move |source| Error::Tracking { action, source }
}
