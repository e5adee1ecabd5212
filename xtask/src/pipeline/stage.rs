//! The stages of the pipeline and the options that select them.

use std::fmt;

use clap::{Args, ValueEnum};

use crate::error::Error;

/// The stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stage {
    /// Download ONNX Runtime and the backbone's weights
    Setup,
    /// Train, and register each run's model
    Train,
    /// Select the best registered version
    Select,
    /// Write the ONNX model and verify that it equals the trained one
    Export,
    /// Evaluate it on images that it was not trained on
    Evaluate,
    /// Make it the champion if it passes
    Promote,
    /// Run the artifact, logic and parity tests on the exported model
    Test,
    /// Build the image of the service
    Docker,
}

impl Stage {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name(self))
    }
}

/// A value's name on the command line.
pub(super) fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Options that select stages.
#[derive(Debug, Default, Args)]
pub(crate) struct Selection {
    /// Start with this stage; the results of earlier stages must exist
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(super) from: Option<Stage>,
    /// Run only this stage
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with_all = ["from", "skip"])]
    pub(super) only: Option<Stage>,
    /// Skip these stages
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',')]
    pub(super) skip: Vec<Stage>,
}

impl Selection {
    /// Fails if no stage is selected.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if Stage::all().any(|stage| self.includes(stage)) {
            return Ok(());
        }
        Err(Error::usage("there is no stage left to run"))
    }

    pub(crate) fn includes(&self, stage: Stage) -> bool {
        self.reason_to_skip(stage).is_none()
    }

    /// Why a stage is skipped; `None` if it is selected.
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

    fn selected(selection: &Selection) -> Vec<String> {
        let included = Stage::all().filter(|stage| selection.includes(*stage));
        included.map(|stage| stage.to_string()).collect()
    }

    #[test]
    fn options_select_stages() {
        let all = selected(&Selection::default());
        assert_eq!(all.join(" "), "setup train select export evaluate promote test docker");
        assert_eq!(selected(&selection(None, Some(Stage::Select), &[])), ["select"]);
        let later = selection(Some(Stage::Export), None, &[Stage::Docker, Stage::Train]);
        assert_eq!(selected(&later), ["export", "evaluate", "promote", "test"]);
        let reason = |stage| later.reason_to_skip(stage);
        assert_eq!(reason(Stage::Setup).as_deref(), Some("--from export"));
        assert_eq!(reason(Stage::Docker).as_deref(), Some("--skip docker"));
    }

    #[test]
    fn at_least_one_stage_must_be_selected() {
        let nothing = selection(Some(Stage::Docker), None, &[Stage::Docker]);
        assert_eq!(nothing.check().unwrap_err().exit_status(), 2);
        assert!(Selection::default().check().is_ok());
    }
}
