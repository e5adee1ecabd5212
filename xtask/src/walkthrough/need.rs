//! What a machine must have for a command.

use crate::ci::python;
use crate::docker;
use crate::invocation::Invocation;
use crate::workspace;

/// Something that not every machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// A Docker engine.
    Docker,
    /// Base images made on this machine, in place of those of a registry.
    StandIns,
    /// The photographs of Oxford-IIIT Pet.
    Photographs,
    /// For Spark.
    Java,
    /// A Python environment of the tests, by its folder.
    Environment(&'static str),
}

impl Need {
    /// What is missing here, none if it is there.
    pub(super) fn missing(self) -> Option<String> {
        match self {
            Self::Docker => docker::obstacle(),
            Self::StandIns => missing(workspace::set("RUST_IMAGE").is_some(), "no stand-ins"),
            Self::Photographs => missing(
                workspace::photographs().is_some(),
                "no photographs (`PET_SHARED_DATA`)",
            ),
            Self::Java => missing(
                Invocation::new("java").argument("-version").succeeds(),
                "no Java",
            ),
            Self::Environment(folder) => missing(
                python::usable(folder).is_some(),
                &format!("no .cache/{folder}"),
            ),
        }
    }
}

fn missing(there: bool, what: &str) -> Option<String> {
    (!there).then(|| what.to_owned())
}
