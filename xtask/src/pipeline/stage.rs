//! The stages of the pipeline, and which of them are run.

use std::fmt;

use clap::{Args, ValueEnum};

use crate::error::Error;

/// A stage, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stage {
    /// Fetch ONNX Runtime and the backbone's weights
    Setup,
    /// Train, and register each run's model
    Train,
    /// Choose the best registered version
    Select,
    /// Write the ONNX model and prove that it equals the trained one
    Export,
    /// Measure it on images that it has not seen
    Evaluate,
    /// Let it become the champion, if it passes
    Promote,
    /// Run the artifact, logic and parity tests on what was exported
    Test,
    /// Build the image of the service
    Docker,
}

impl Stage {
    /// All of them, in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }
}

/// As it is written on the command line.
impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name(self))
    }
}

/// How a value is written on the command line.
pub(super) fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What the command line says on stages.
#[derive(Debug, Default, Args)]
pub(crate) struct Selection {
    /// Begin with this stage; what the earlier ones made must be there
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(super) from: Option<Stage>,
    /// Run this stage and no other
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with_all = ["from", "skip"])]
    pub(super) only: Option<Stage>,
    /// Leave these stages out
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',')]
    pub(super) skip: Vec<Stage>,
}

impl Selection {
    /// Fails when no stage is left.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if Stage::all().any(|stage| self.includes(stage)) {
            return Ok(());
        }
        Err(Error::usage("no stage is left to run"))
    }

    pub(crate) fn includes(&self, stage: Stage) -> bool {
        self.reason_to_skip(stage).is_none()
    }

    /// Why a stage is not run, none if it is.
    pub(crate) fn reason_to_skip(&self, stage: Stage) -> Option<String> {
        match (self.only, self.from) {
            (Some(only), _) if stage != only => Some(format!("--only {only}")),
            (_, Some(from)) if stage < from => Some(format!("--from {from}")),
            _ if self.skip.contains(&stage) => Some(format!("--skip {stage}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(from: Option<Stage>, only: Option<Stage>, skip: &[Stage]) -> Selection {
        let skip = skip.to_vec();
        Selection { from, only, skip }
    }

    fn run(selection: &Selection) -> Vec<String> {
        let included = Stage::all().filter(|stage| selection.includes(*stage));
        included.map(|stage| stage.to_string()).collect()
    }

    #[test]
    fn which_stages_are_run() {
        let all = run(&Selection::default());
        assert_eq!(
            all.join(" "),
            "setup train select export evaluate promote test docker"
        );
        assert_eq!(run(&selection(None, Some(Stage::Select), &[])), ["select"]);
        let later = selection(Some(Stage::Export), None, &[Stage::Docker, Stage::Train]);
        assert_eq!(run(&later), ["export", "evaluate", "promote", "test"]);
        let reason = |stage| later.reason_to_skip(stage);
        assert_eq!(reason(Stage::Setup).as_deref(), Some("--from export"));
        assert_eq!(reason(Stage::Docker).as_deref(), Some("--skip docker"));
    }

    #[test]
    fn nothing_left_is_wrong_usage() {
        let nothing = selection(Some(Stage::Docker), None, &[Stage::Docker]);
        assert_eq!(nothing.check().unwrap_err().exit_status(), 2);
        assert!(Selection::default().check().is_ok());
    }
}
