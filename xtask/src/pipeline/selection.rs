//! Which stages are run.

use clap::Args;

use super::stage::Stage;
use crate::error::Error;

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
        if Stage::ALL.into_iter().any(|stage| self.includes(stage)) {
            return Ok(());
        }
        let message = "no stage is left to run".to_owned();
        Err(Error::Usage { message })
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

    fn run(selection: &Selection) -> Vec<&'static str> {
        let stages = Stage::ALL.into_iter();
        let included = stages.filter(|stage| selection.includes(*stage));
        included.map(Stage::name).collect()
    }

    #[test]
    fn everything_by_default() {
        assert_eq!(run(&Selection::default()).len(), Stage::ALL.len());
    }

    #[test]
    fn from_a_stage_on_without_some() {
        let selection = Selection {
            from: Some(Stage::Export),
            skip: vec![Stage::Docker, Stage::Train],
            ..Selection::default()
        };
        assert_eq!(run(&selection), ["export", "evaluate", "test"]);
        let reason = |stage| selection.reason_to_skip(stage);
        assert_eq!(reason(Stage::Setup).as_deref(), Some("--from export"));
        assert_eq!(reason(Stage::Docker).as_deref(), Some("--skip docker"));
        assert_eq!(reason(Stage::Test), None);
    }

    #[test]
    fn only_one_stage() {
        let selection = Selection {
            only: Some(Stage::Select),
            ..Selection::default()
        };
        assert_eq!(run(&selection), ["select"]);
    }

    #[test]
    fn nothing_left_is_wrong_usage() {
        let selection = Selection {
            from: Some(Stage::Docker),
            skip: vec![Stage::Docker],
            ..Selection::default()
        };
        assert_eq!(selection.check().unwrap_err().exit_status(), 2);
        assert!(Selection::default().check().is_ok());
    }
}
