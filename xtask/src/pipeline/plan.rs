//! What the stages do, and where everything lies: decided before the first one runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

use super::dataset::Dataset;
use super::selection::Selection;
use super::stage::Stage;
use crate::docker;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::{self, Profile, unless_missing};

/// Paths and commands of one run of the pipeline.
#[derive(Debug)]
pub(crate) struct Plan {
    dataset: Dataset,
    data: Option<PathBuf>,
    results: PathBuf,
    tracking: Tracking,
}

/// Where runs and models are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tracking {
    /// Where `MLFLOW_TRACKING_URI` says.
    Environment(OsString),
    /// The database `mlflow.db` in this folder, artifacts beside it.
    Folder(PathBuf),
}

impl Plan {
    pub(crate) fn new(
        dataset: Dataset,
        data: Option<&Path>,
        results: Option<&Path>,
    ) -> Result<Self, Error> {
        let own = workspace::root()
            .join("target/pipeline")
            .join(dataset.name());
        let home = match dataset {
            Dataset::OxfordIiitPet => workspace::root().to_owned(),
            Dataset::Sample | Dataset::Folder => own,
        };
        let data = match data {
            Some(folder) => Some(absolute(folder)?),
            None => (dataset == Dataset::Sample).then(|| home.join("data")),
        };
        Ok(Self {
            dataset,
            data,
            results: results.map_or_else(|| Ok(home.join("results")), absolute)?,
            tracking: match workspace::set("MLFLOW_TRACKING_URI") {
                Some(uri) => Tracking::Environment(uri),
                None => Tracking::Folder(home),
            },
        })
    }

    /// Folder of the exported model.
    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// What a person should know of the run, before and after it.
    pub(crate) fn announcement(&self) -> String {
        let results = workspace::shown(&self.results);
        match self.dataset {
            Dataset::Sample => format!(
                "note: this is the generated sample, cartoon cats and dogs; its model ({results}) knows no real animal\n\
                 note: for the real photographs: cargo xtask pipeline --dataset oxford-iiit-pet [--data-dir DIR]"
            ),
            Dataset::OxfordIiitPet | Dataset::Folder => {
                format!(
                    "note: data set `{}`, results in {results}",
                    self.dataset.name()
                )
            }
        }
    }

    /// What is compiled first, so that the durations of the stages are those of their work.
    pub(crate) fn build(&self, selection: &Selection) -> Vec<Invocation> {
        let mut commands = Vec::new();
        if Stage::ALL
            .iter()
            .any(|stage| *stage < Stage::Test && selection.includes(*stage))
        {
            commands.push(pet_cli::build(Profile::Development));
        }
        if selection.includes(Stage::Test) {
            commands.push(self.tests().argument("--no-run"));
        }
        commands
    }

    /// The command of a stage.
    pub(crate) fn command(&self, stage: Stage) -> Invocation {
        match stage {
            Stage::Setup => pet_cli::invocation(Profile::Development, "setup"),
            Stage::Train => self.train(),
            Stage::Select | Stage::Export => {
                let command = pet_cli::invocation(Profile::Development, stage.name());
                self.with_results(self.with_tracking(command))
            }
            Stage::Evaluate => self.evaluate(),
            Stage::Test => self.tests(),
            Stage::Docker => docker::build(&self.results),
        }
    }

    /// What a stage made, as a person would write it.
    pub(crate) fn output(&self, stage: Stage) -> String {
        let file = |name| workspace::shown(&self.results.join(name));
        match stage {
            Stage::Setup => workspace::shown(&workspace::cache()),
            Stage::Train => match &self.tracking {
                Tracking::Environment(_) => "runs in MLFLOW_TRACKING_URI".to_owned(),
                Tracking::Folder(folder) => workspace::shown(&folder.join("mlflow.db")),
            },
            Stage::Select => file("selection.json"),
            Stage::Export => file("model.onnx"),
            Stage::Evaluate => file("metrics.json"),
            Stage::Test => "artifacts, logic, parity".to_owned(),
            Stage::Docker => "image".to_owned(),
        }
    }

    /// Removes what earlier runs on the sample recorded, for their models may know other classes.
    pub(crate) fn begin_anew(&self) -> Result<(), Error> {
        let (Dataset::Sample, Tracking::Folder(folder)) = (self.dataset, &self.tracking) else {
            return Ok(());
        };
        for file in ["mlflow.db", "mlflow.db-wal", "mlflow.db-shm"] {
            unless_missing(fs_err::remove_file(folder.join(file)))?;
        }
        unless_missing(fs_err::remove_dir_all(folder.join("mlruns")))?;
        Ok(())
    }

    fn train(&self) -> Invocation {
        let command = pet_cli::invocation(Profile::Development, "train");
        let grid = self.dataset.training().split_whitespace();
        self.with_tracking(self.with_data(command).arguments(grid))
    }

    fn evaluate(&self) -> Invocation {
        let folder = self.dataset == Dataset::Folder;
        let has_test = self
            .data
            .as_ref()
            .is_some_and(|data| data.join("test").is_dir());
        // Class folders alone leave no images but those kept for validation.
        let split = if folder && !has_test {
            "validation"
        } else {
            "all"
        };
        let command = pet_cli::invocation(Profile::Development, "evaluate");
        let command = self.with_store(self.with_data(command).arguments(["--split", split]));
        self.with_results(command)
    }

    fn tests(&self) -> Invocation {
        // With `pet-cli` named too, libraries get the features that they have in its build, and
        // are not compiled again.
        Invocation::cargo("test --release --locked -p pet-cli -p pet-tests")
            .arguments(["--test", "artifacts", "--test", "logic", "--test", "parity"])
            .environment("PET_RESULTS", &self.results)
            .environment("PET_REQUIRE_RUNTIME", "1")
    }

    fn with_data(&self, command: Invocation) -> Invocation {
        let command = command.argument("--dataset").argument(self.dataset.name());
        match &self.data {
            Some(folder) => command.argument("--data-dir").argument(folder),
            None => command,
        }
    }

    fn with_results(&self, command: Invocation) -> Invocation {
        command.argument("--results").argument(&self.results)
    }

    fn with_tracking(&self, command: Invocation) -> Invocation {
        let command = self.with_store(command);
        match (&self.tracking, self.dataset) {
            // In a store with models of real pets, cartoons must not become the champion.
            (Tracking::Environment(_), Dataset::Sample | Dataset::Folder) => command
                .argument("--model-name")
                .argument(format!("{}_pet_classifier", self.dataset.name())),
            _ => command,
        }
    }

    fn with_store(&self, command: Invocation) -> Invocation {
        match (&self.tracking, self.dataset) {
            (Tracking::Environment(_), _) | (_, Dataset::OxfordIiitPet) => command,
            (Tracking::Folder(folder), _) => {
                let mut uri = OsString::from("sqlite:///");
                uri.push(folder.join("mlflow.db"));
                command.argument("--tracking-uri").argument(uri)
            }
        }
    }
}

#[cfg(test)]
mod tests;
