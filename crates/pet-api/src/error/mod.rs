//! Errors: of the service as a whole ([`Error`]), and of a request ([`ApiError`]).

mod api;

use std::path::PathBuf;

pub use api::Code;
pub(crate) use api::{
    ApiError, ErrorBody, PROBLEM, Problem, ProtocolError, ProtocolErrorBody, error_chain, printable,
};

/// Why the service cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be served.
    #[error("the model cannot be served")]
    Model {
        /// The cause.
        source: pet_predict::Error,
    },
    /// A model besides the served one, such as its successor, cannot be loaded.
    #[error("cannot use the {role} model in `{results}`")]
    Successor {
        /// Its role.
        role: &'static str,
        /// Where it is.
        results: String,
        /// The cause.
        source: pet_predict::Error,
    },
    /// A successor has other classes than the served model.
    #[error(
        "the {role} model in `{results}` has different classes than the served model: class {number} is {got}, expected \
         {expected}"
    )]
    Classes {
        /// Its role.
        role: &'static str,
        /// Where it is.
        results: String,
        /// The first class that differs, from 0.
        number: usize,
        /// Its name in the served model.
        expected: String,
        /// Its name in the successor.
        got: String,
    },
    /// The folder of models cannot be read.
    #[error("cannot read the folder of models")]
    ModelFolder {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// The folder has more models than may be loaded.
    #[error("the folder of models `{}` contains {count} models, more than the limit of {max}", folder.display())]
    ModelCount {
        /// The folder.
        folder: PathBuf,
        /// Number of models in it.
        count: usize,
        /// How many may be loaded at a time.
        max: usize,
    },
    /// A model in the folder has the name of the served one.
    #[error("the model in `{results}` has the same name as the served model, `{name}`")]
    SameName {
        /// The name of both.
        name: String,
        /// Where the model in the folder is.
        results: String,
    },
    /// The folder for corrections cannot be created or read.
    #[error("cannot use the folder for corrections")]
    Feedback {
        /// The operating system's answer, which names the folder.
        source: std::io::Error,
    },
    /// Listening on the address failed.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Host and port.
        address: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// There is too little memory.
    #[error(
        "`{memory}` bytes of memory are not enough for `{workers}` workers, which need `{needed}`"
    )]
    Memory {
        /// Available bytes.
        memory: u64,
        /// Number of workers.
        workers: u64,
        /// Required bytes.
        needed: u64,
    },
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Worker {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The server failed while it ran.
    #[error("the server failed")]
    Serve {
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// What can be done about the error, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model { source } | Self::Successor { source, .. } => source.hint(),
            Self::Classes { .. } => Some(
                "a successor must have the same classes; serve a different model on its own".into(),
            ),
            Self::Listen { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    Some("another program is using this port; choose another one".into())
                }
                std::io::ErrorKind::PermissionDenied => {
                    Some("ports below 1024 need special privileges; choose a higher one".into())
                }
                _ => None,
            },
            Self::Memory { .. } => Some("use fewer workers, or less memory for uploads".into()),
            Self::ModelCount { .. } => {
                Some("raise the limit, which needs memory, or remove some models".into())
            }
            Self::SameName { .. } => Some("rename its folder".into()),
            _ => None,
        }
    }
}
