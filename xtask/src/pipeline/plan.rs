//! The commands and paths of a run of the pipeline.

use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

use clap::ValueEnum;

use super::stage::{Selection, Stage, name};
use crate::docker;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli::{self, TESTED_FEATURES};
use crate::workspace::{self, Profile, ignore_missing, remove_folder};

/// A data set of `pet-cli`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    /// Cartoon cats and dogs, drawn by the program
    #[default]
    Sample,
    /// The Oxford-IIIT Pet photographs
    OxfordIiitPet,
    /// Any folder of class folders
    Folder,
}

#[derive(Debug)]
pub(crate) struct Plan {
    dataset: Dataset,
    data: Option<PathBuf>,
    results: PathBuf,
    gate: Option<PathBuf>,
    /// The report of the comparison with the champion.
    promotion: PathBuf,
    /// The folder of `mlflow.db` and its artifacts; `None` if `MLFLOW_TRACKING_URI` names a store.
    store: Option<PathBuf>,
}

impl Plan {
    pub(crate) fn new(
        dataset: Dataset,
        data: Option<&Path>,
        results: Option<&Path>,
        gate: Option<&Path>,
    ) -> Result<Self, Error> {
        let root = workspace::root();
        let own = root.join("target/pipeline").join(name(&dataset));
        let promotion = own.join("promotion.json");
        let home = match dataset {
            Dataset::OxfordIiitPet => root.to_owned(),
            Dataset::Sample | Dataset::Folder => own,
        };
        let data = match data {
            Some(folder) => Some(absolute(folder)?),
            None => (dataset == Dataset::Sample).then(|| home.join("data")),
        };
        let results = results.map_or_else(|| Ok(home.join("results")), absolute)?;
        let store = workspace::variable("MLFLOW_TRACKING_URI").map_or(Some(home), |_| None);
        Ok(Self { dataset, data, results, gate: gate.map(absolute).transpose()?, promotion, store })
    }

    /// Folder of the exported model.
    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// Notes on the data set and the model, shown before and after the run.
    pub(crate) fn notes(&self) -> String {
        let results = workspace::shown(&self.results);
        if self.dataset != Dataset::Sample {
            let dataset = name(&self.dataset);
            return format!("note: data set `{dataset}`, results in {results}");
        }
        format!(
            "note: this is the generated sample, cartoon cats and dogs; its model ({results}) does not know real \
             animals\n\
             note: for the real photos: cargo xtask pipeline --dataset oxford-iiit-pet [--data-dir DIR]"
        )
    }

    /// Commands that compile everything first, so that the durations of the stages don't include it.
    pub(crate) fn build(&self, selection: &Selection) -> Vec<Invocation> {
        let mut before_test = Stage::all().filter(|stage| *stage < Stage::Test);
        let program = before_test.any(|stage| selection.includes(stage));
        let program = program.then(|| pet_cli::build(Profile::Development));
        let tests = selection.includes(Stage::Test);
        let tests = tests.then(|| self.tests().argument("--no-run"));
        program.into_iter().chain(tests).collect()
    }

    /// The command of a stage.
    pub(crate) fn command(&self, stage: Stage) -> Invocation {
        match stage {
            Stage::Setup => self.pet_cli(stage),
            Stage::Train => {
                let grid = self.training().split_whitespace();
                self.with_model_name(self.with_data(stage).arguments(grid))
            }
            Stage::Select => self.with_model_name(self.pet_cli(stage)),
            Stage::Export => {
                let export = self.with_data(stage).arguments(["--alias", "challenger"]);
                self.with_model_name(export)
            }
            Stage::Evaluate => self.with_data(stage).arguments(["--split", "all"]),
            Stage::Promote => {
                let mut promote = self.with_data(stage).argument("--output");
                promote = promote.argument(&self.promotion);
                if let Some(gate) = &self.gate {
                    promote = promote.argument("--gate").argument(gate);
                }
                self.with_model_name(promote)
            }
            Stage::Test => self.tests(),
            Stage::Docker => docker::build(&self.results),
        }
    }

    /// The command that exports the champion again after a challenger was rejected.
    pub(crate) fn restore(&self) -> Invocation {
        self.with_model_name(self.pet_cli(Stage::Export))
    }

    /// What a stage produced, for the report.
    pub(crate) fn output(&self, stage: Stage) -> String {
        let file = |name| workspace::shown(&self.results.join(name));
        match (stage, &self.store) {
            (Stage::Setup, _) => workspace::shown(&workspace::cache()),
            (Stage::Train, None) => "runs in MLFLOW_TRACKING_URI".to_owned(),
            (Stage::Train, Some(folder)) => workspace::shown(&folder.join("mlflow.db")),
            (Stage::Select, _) => "alias challenger".to_owned(),
            (Stage::Export, _) => file("model.onnx"),
            (Stage::Evaluate, _) => file("metrics.json"),
            (Stage::Promote, _) => "alias champion".to_owned(),
            (Stage::Test, _) => "artifacts, logic, parity".to_owned(),
            (Stage::Docker, _) => "image".to_owned(),
        }
    }

    /// Removes earlier runs on the sample, whose models may have other classes.
    pub(crate) fn remove_earlier_runs(&self) -> Result<(), Error> {
        let (Dataset::Sample, Some(folder)) = (self.dataset, &self.store) else {
            return Ok(());
        };
        for file in ["mlflow.db", "mlflow.db-wal", "mlflow.db-shm"] {
            ignore_missing(fs_err::remove_file(folder.join(file)))?;
        }
        Ok(remove_folder(&folder.join("mlruns"))?)
    }

    /// The arguments of `pet-cli train`: a small grid, so that there is something to select from.
    fn training(&self) -> &'static str {
        match self.dataset {
            Dataset::Sample => "--epochs 5 --learning-rate 0.001 0.003",
            Dataset::OxfordIiitPet | Dataset::Folder => {
                "--recipe center-crop --epochs 40 --patience 8 --learning-rate 0.001 0.0005 0.0003"
            }
        }
    }

    fn tests(&self) -> Invocation {
        // `-p pet-cli` gives the libraries the same features as in its build, so they are not compiled again.
        Invocation::cargo("test --locked -p pet-cli -p pet-tests")
            .arguments(TESTED_FEATURES)
            .arguments(["--test", "artifacts", "--test", "logic", "--test", "parity"])
            .environment("PET_RESULTS", &self.results)
            .environment("PET_REQUIRE_RUNTIME", "1")
    }

    /// The subcommand of a stage, with the paths that it reads from the environment.
    fn pet_cli(&self, stage: Stage) -> Invocation {
        let command = pet_cli::invocation(Profile::Development, &stage.to_string())
            .environment("PET_RESULTS", &self.results);
        match &self.store {
            Some(folder) if self.dataset != Dataset::OxfordIiitPet => {
                let mut uri = OsString::from("sqlite:///");
                uri.push(folder.join("mlflow.db"));
                command.environment("MLFLOW_TRACKING_URI", uri)
            }
            _ => command,
        }
    }

    fn with_data(&self, stage: Stage) -> Invocation {
        let command = self.pet_cli(stage);
        let command = command.arguments(["--dataset", &name(&self.dataset)]);
        match &self.data {
            Some(folder) => command.argument("--data-dir").argument(folder),
            None => command,
        }
    }

    /// Names the model, because the store may contain models of other data sets.
    fn with_model_name(&self, command: Invocation) -> Invocation {
        let model = match self.dataset {
            Dataset::Sample => "sample_pet_classifier",
            Dataset::OxfordIiitPet => "oxford_pet_classifier",
            Dataset::Folder if self.store.is_none() => "folder_pet_classifier",
            Dataset::Folder => return command,
        };
        command.arguments(["--model-name", model])
    }
}

#[cfg(test)]
mod tests;
