//! The run of the whole sweep.

use mlflow_client::{Batch, Client, now};
use pet_pipeline::TrackedRun;
use pet_pipeline::sweep::{Rungs, Space};

use super::super::train::Experiment;
use super::report::{Report, values};
use crate::failure::Failure;
use crate::tracking;

/// MLflow's tag of a run below another.
pub(super) const PARENT_TAG: &str = "mlflow.parentRunId";
/// Tag: the run of the best trial.
const BEST_RUN_TAG: &str = "sweep.best_run_id";
/// The ranking, as a file of the run.
const REPORT_FILE: &str = "sweep.json";
const NAME: &str = "sweep";

pub(super) struct Parent {
    run: TrackedRun,
    client: Client,
}

impl Parent {
    pub(super) fn start(
        experiment: &Experiment<'_>,
        method: &str,
        space: &Space,
        rungs: &Rungs,
    ) -> Result<Self, Failure> {
        let rounds: Vec<String> = rungs
            .all()
            .iter()
            .map(|rung| format!("{} × {} epochs", rung.trials, rung.epochs))
            .collect();
        let plan = experiment
            .common_plan(NAME)
            .source("pet-cli sweep")
            .param("method", method)
            .param("rounds", rounds.join(", "))
            .param("points", space.len());
        let plan = space.axes().iter().fold(plan, |plan, axis| {
            plan.param(format!("space.{}", axis.name), values(&axis.values))
        });
        Ok(Self {
            run: TrackedRun::start(experiment.client, &plan)?,
            client: experiment.client.clone(),
        })
    }

    /// None while the tracking store is away.
    pub(super) fn id(&self) -> Option<&str> {
        self.run.id()
    }

    /// Keeps the ranking, and which trial is the best.
    pub(super) fn log(&mut self, report: &Report) -> Result<(), Failure> {
        self.run
            .log_artifact(REPORT_FILE, &serde_json::to_vec_pretty(report)?)?;
        let Some((id, best)) = self.run.id().zip(report.best()) else {
            return Ok(());
        };
        let mut batch = Batch::new()
            .metric(pet_model::BEST_VAL_ACC, best.val_acc, now(), 0)
            .metric(pet_model::BEST_VAL_LOSS, best.val_loss, now(), 0);
        if let Some(run_id) = &best.run_id {
            batch = batch.tag(BEST_RUN_TAG, run_id);
        }
        // The ranking says the same, and is kept even if the store has gone away meanwhile.
        if let Err(error) = self.client.log_batch(id, &batch) {
            crate::output::note(format_args!("warning: {error}"));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        tracking::note_spooled(NAME, self.run.finish()?.as_ref());
        Ok(())
    }

    pub(super) fn kill(self) -> Result<(), Failure> {
        tracking::note_spooled(NAME, self.run.kill()?.as_ref());
        Ok(())
    }
}
