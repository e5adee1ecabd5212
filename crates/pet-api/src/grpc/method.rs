//! The calls of the protocol.

use crate::error::Code;
use crate::upload::{READ_ERRORS, WORK_ERRORS};

/// A call that the service answers.
#[derive(Debug)]
pub(super) struct Method {
    /// Its path, which is its route in metrics and traces.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Metadata and readiness.
    Question,
    /// Running the model.
    Inference,
    /// The repository of models, for holders of the admin token.
    Administration,
}

/// Defines [`METHODS`] by their names.
macro_rules! methods {
    ($($name:literal $kind:ident),* $(,)?) => {
        [$(Method {
            path: concat!("/inference.GRPCInferenceService/", $name),
            kind: Kind::$kind,
        }),*]
    };
}

/// Every call.
static METHODS: [Method; 9] = methods![
    "ServerLive" Question,
    "ServerReady" Question,
    "ServerMetadata" Question,
    "ModelReady" Question,
    "ModelMetadata" Question,
    "ModelInfer" Inference,
    "RepositoryIndex" Administration,
    "RepositoryModelLoad" Administration,
    "RepositoryModelUnload" Administration,
];

impl Method {
    /// The call at a path; `None` for any other path.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }

    /// Errors of reading a request are those of every call.
    fn errors(&self) -> &'static [Code] {
        match self.kind {
            Kind::Question => &[Code::NotFound],
            Kind::Inference => &[Code::NotFound, Code::BadParameter],
            Kind::Administration => &[
                Code::NotFound,
                Code::BadParameter,
                Code::Unauthorized,
                Code::Internal,
                Code::Full,
            ],
        }
    }
}

/// Every call with each status that it may return, in terms of HTTP.
pub(crate) fn statuses() -> impl Iterator<Item = (&'static str, u16)> {
    METHODS.iter().flat_map(|method| {
        let work: &[Code] = match method.kind {
            Kind::Inference => &WORK_ERRORS,
            Kind::Question | Kind::Administration => &[],
        };
        let errors = [&READ_ERRORS, work, method.errors()].into_iter().flatten();
        let statuses = errors.map(|code| code.status());
        statuses.chain([200]).map(|status| (method.path, status))
    })
}
