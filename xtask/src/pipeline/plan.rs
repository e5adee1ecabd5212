//! What the stages do, and where everything lies: decided before the first one runs.

use std::path::{Path, PathBuf, absolute};

use clap::ValueEnum;

use super::stage::{Selection, Stage, name};
use crate::docker;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::{self, Profile, unless_missing};

/// A data set, as `pet-cli` calls it.
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

/// Paths and commands of one run of the pipeline.
#[derive(Debug)]
pub(crate) struct Plan {
    dataset: Dataset,
    data: Option<PathBuf>,
    results: PathBuf,
    gate: Option<PathBuf>,
    /// Where the comparison with the champion is written.
    promotion: PathBuf,
    /// The folder of `mlflow.db` and its artifacts; none where `MLFLOW_TRACKING_URI` names a store.
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
        let store = workspace::set("MLFLOW_TRACKING_URI").map_or(Some(home), |_| None);
        Ok(Self {
            dataset,
            data,
            results,
            gate: gate.map(absolute).transpose()?,
            promotion,
            store,
        })
    }

    /// Folder of the exported model.
    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// What a person should know of the run, before and after it.
    pub(crate) fn announcement(&self) -> String {
        let results = workspace::shown(&self.results);
        if self.dataset != Dataset::Sample {
            let dataset = name(&self.dataset);
            return format!("note: data set `{dataset}`, results in {results}");
        }
        format!(
            "note: this is the generated sample, cartoon cats and dogs; its model ({results}) knows no real animal\n\
             note: for the real photographs: cargo xtask pipeline --dataset oxford-iiit-pet [--data-dir DIR]"
        )
    }

    /// What is compiled first, so that the durations of the stages are those of their work.
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
        let command = pet_cli::invocation(Profile::Development, &stage.to_string());
        match stage {
            Stage::Setup => command,
            Stage::Train => {
                let grid = self.training().split_whitespace();
                self.with_tracking(self.with_data(command).arguments(grid))
            }
            Stage::Select => self.with_tracking(command),
            Stage::Export => {
                let command = command.arguments(["--alias", "challenger"]);
                self.with_results(self.with_tracking(self.with_data(command)))
            }
            Stage::Evaluate => {
                let command = self.with_data(command).arguments(["--split", self.split()]);
                self.with_results(self.with_store(command))
            }
            Stage::Promote => {
                let command = self.with_data(command).argument("--output");
                let command = command.argument(&self.promotion);
                let command = self.gate.iter().fold(command, |command, gate| {
                    command.argument("--gate").argument(gate)
                });
                self.with_tracking(command)
            }
            Stage::Test => self.tests(),
            Stage::Docker => docker::build(&self.results),
        }
    }

    /// The command that exports what is to be served, after a challenger was refused.
    pub(crate) fn restore(&self) -> Invocation {
        let export = pet_cli::invocation(Profile::Development, &Stage::Export.to_string());
        self.with_results(self.with_tracking(export))
    }

    /// What a stage made, as a person would write it.
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

    /// Removes what earlier runs on the sample recorded, for their models may know other classes.
    pub(crate) fn begin_anew(&self) -> Result<(), Error> {
        let (Dataset::Sample, Some(folder)) = (self.dataset, &self.store) else {
            return Ok(());
        };
        for file in ["mlflow.db", "mlflow.db-wal", "mlflow.db-shm"] {
            unless_missing(fs_err::remove_file(folder.join(file)))?;
        }
        unless_missing(fs_err::remove_dir_all(folder.join("mlruns")))?;
        Ok(())
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

    /// Class folders alone leave no images but those kept for validation.
    fn split(&self) -> &'static str {
        let has_test = |data: &PathBuf| data.join("test").is_dir();
        match self.dataset {
            Dataset::Folder if !self.data.as_ref().is_some_and(has_test) => "validation",
            _ => "all",
        }
    }

    fn tests(&self) -> Invocation {
        // With `pet-cli` named too, libraries get the features that they have in its build, and
        // are not compiled again.
        Invocation::cargo("test --locked -p pet-cli -p pet-tests")
            .arguments(["--test", "artifacts", "--test", "logic", "--test", "parity"])
            .environment("PET_RESULTS", &self.results)
            .environment("PET_REQUIRE_RUNTIME", "1")
    }

    fn with_data(&self, command: Invocation) -> Invocation {
        let command = command.arguments(["--dataset", &name(&self.dataset)]);
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
        // A store that is not the data set's own may have models of other data.
        match (self.dataset, &self.store) {
            (Dataset::OxfordIiitPet, _) => {
                command.arguments(["--model-name", "oxford_pet_classifier"])
            }
            (_, Some(_)) => command,
            (dataset, None) => {
                let model = format!("{}_pet_classifier", name(&dataset));
                command.arguments(["--model-name", &model])
            }
        }
    }

    fn with_store(&self, command: Invocation) -> Invocation {
        match &self.store {
            Some(folder) if self.dataset != Dataset::OxfordIiitPet => {
                let mut uri = std::ffi::OsString::from("sqlite:///");
                uri.push(folder.join("mlflow.db"));
                command.argument("--tracking-uri").argument(uri)
            }
            _ => command,
        }
    }
}

#[cfg(test)]
mod tests;
