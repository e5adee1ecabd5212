//! What goes wrong: before the service runs ([`Error`]), and while it answers ([`ApiError`]).

mod api;
mod code;
mod response;

pub(crate) use api::{ApiError, explained};
pub use code::Code;
pub(crate) use response::Refusal;

/// Why the service cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be served.
    #[error("the model cannot be served")]
    Model {
        /// Why not.
        source: pet_predict::Error,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`")]
    Listen {
        /// Host and port.
        address: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Worker {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The server broke down while it ran.
    #[error("the server failed")]
    Serve {
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model { source } => source.hint(),
            Self::Listen { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    Some("another program listens there; choose another port".into())
                }
                std::io::ErrorKind::PermissionDenied => {
                    Some("ports below 1024 need special rights; choose a higher one".into())
                }
                _ => None,
            },
            Self::Worker { .. } | Self::Serve { .. } => None,
        }
    }
}
