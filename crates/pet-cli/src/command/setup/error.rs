use std::path::PathBuf;

/// Why something could not be installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot get {what}: {}", attempts.join("; "))]
    Unavailable { what: &'static str, attempts: Vec<String>, hint: &'static str },
    #[error("cannot run `{program}`")]
    Program { program: String, source: std::io::Error },
    #[error("`{program}` failed: {message}")]
    ProgramFailed { program: String, message: String },
    #[error("`{program}` created no file")]
    NoDownload { program: String },
    #[error("`{name}` has SHA-256 {got}, expected {expected}")]
    Digest { name: String, expected: &'static str, got: String },
    #[error("cannot read the archive `{}`", path.display())]
    Archive { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the archive has no entry `{member}`")]
    NoMember { member: String },
    #[error("entry `{member}` expands to more than {expected} bytes")]
    MemberTooLarge { member: String, expected: u64 },
    #[error("there is no prebuilt ONNX Runtime for {platform}")]
    Platform { platform: String },
    #[error("cannot use the downloaded weights")]
    Weights {
        #[from]
        source: pet_train::Error,
    },
    #[error("cannot save the download")]
    Write {
        #[from]
        source: pet_model::Error,
    },
    #[error("cannot use the download folder")]
    Io {
        #[from]
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unavailable { hint, .. } => Some((*hint).into()),
            Self::Platform { .. } => {
                Some("install ONNX Runtime and set ORT_DYLIB_PATH to its library".into())
            }
            Self::Write { .. } | Self::Io { .. } => {
                Some("choose a writable folder with `--cache-dir`".into())
            }
            _ => None,
        }
    }

    /// The error and its causes.
    pub(crate) fn with_causes(&self) -> String {
        let errors =
            std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}
