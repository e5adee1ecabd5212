//! The stages of the pipeline, with their commands and paths.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf, absolute};

use clap::{Args, ValueEnum};

use crate::docker;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli::{self, TESTED_FEATURES};
use crate::workspace::{self, Profile, ignore_missing, remove_folder};

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
fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Options that select stages.
#[derive(Debug, Default, Args)]
pub(crate) struct Selection {
    /// Start with this stage; the results of earlier stages must exist
    #[arg(long, value_enum, value_name = "STAGE")]
    from: Option<Stage>,
    /// Run only this stage
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with_all = ["from", "skip"])]
    only: Option<Stage>,
    /// Skip these stages
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',')]
    skip: Vec<Stage>,
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

    /// A plan whose store does not depend on the environment.
    fn plan(dataset: Dataset, data: Option<&str>, server: bool) -> Plan {
        let mut plan = Plan::new(dataset, data.map(Path::new), None, None).unwrap();
        plan.store = (!server).then(|| "/store".into());
        plan
    }

    /// Shows the command of a stage, with paths relative to the workspace.
    fn command(plan: &Plan, stage: Stage) -> String {
        shown(&plan.command(stage))
    }

    fn shown(command: &Invocation) -> String {
        let program = workspace::program(Profile::Development);
        let root = format!("{}/", workspace::root().display());
        let command = command.to_string();
        let command = command.replace(&workspace::shown(&program), "pet-cli");
        command.replace(&root, "")
    }

    #[test]
    fn the_sample_stays_in_its_folder() {
        let plan = plan(Dataset::Sample, None, false);
        let start = "PET_RESULTS=target/pipeline/sample/results \
                     MLFLOW_TRACKING_URI=sqlite:////store/mlflow.db pet-cli";
        let data = "--dataset sample --data-dir target/pipeline/sample/data";
        let model = "--model-name sample_pet_classifier";
        for (stage, expected) in [
            (Stage::Setup, "setup".to_owned()),
            (Stage::Train, format!("train {data} --epochs 5 --learning-rate 0.001 0.003 {model}")),
            (Stage::Select, format!("select {model}")),
            (Stage::Export, format!("export {data} --alias challenger {model}")),
            (Stage::Evaluate, format!("evaluate {data} --split all")),
            (
                Stage::Promote,
                format!("promote {data} --output target/pipeline/sample/promotion.json {model}"),
            ),
        ] {
            assert_eq!(command(&plan, stage), format!("{start} {expected}"));
        }
        assert_eq!(
            command(&plan, Stage::Test),
            "PET_RESULTS=target/pipeline/sample/results PET_REQUIRE_RUNTIME=1 cargo test --locked \
             -p pet-cli -p pet-tests --features pet-cli/grpc --test artifacts --test logic --test parity"
        );
        let notes = plan.notes();
        assert!(notes.contains("generated sample"), "{notes}");
        assert!(notes.contains("--dataset oxford-iiit-pet"), "{notes}");
    }

    #[test]
    fn the_real_photos_go_to_results() {
        let plan = plan(Dataset::OxfordIiitPet, None, false);
        assert_eq!(
            command(&plan, Stage::Train),
            format!(
                "PET_RESULTS=results pet-cli train --dataset oxford-iiit-pet {} --model-name oxford_pet_classifier",
                plan.training()
            )
        );
        assert_eq!(plan.output(Stage::Export), "results/model.onnx");
    }

    #[test]
    fn a_server_has_a_model_for_each_data_set() {
        for (dataset, name) in [
            (Dataset::Sample, "sample_pet_classifier"),
            (Dataset::OxfordIiitPet, "oxford_pet_classifier"),
            (Dataset::Folder, "folder_pet_classifier"),
        ] {
            let plan = plan(dataset, None, true);
            for stage in [Stage::Train, Stage::Select, Stage::Export, Stage::Promote] {
                let command = command(&plan, stage);
                assert!(command.contains(&format!("--model-name {name}")), "{command}");
                assert!(!command.contains("MLFLOW_TRACKING_URI"), "{command}");
            }
        }
    }

    #[test]
    fn a_folder_has_a_store_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(Dataset::Folder, folder.path().to_str(), false);
        assert!(!command(&plan, Stage::Train).contains("--model-name"));
        assert_eq!(plan.output(Stage::Export), "target/pipeline/folder/results/model.onnx");
    }

    #[test]
    fn promote_gets_the_gate_and_a_rejection_restores_the_champion() {
        let gate = Some(Path::new("/gates/strict.json"));
        let mut plan = Plan::new(Dataset::OxfordIiitPet, None, None, gate).unwrap();
        plan.store = None;
        assert_eq!(
            command(&plan, Stage::Promote),
            "PET_RESULTS=results pet-cli promote --dataset oxford-iiit-pet \
             --output target/pipeline/oxford-iiit-pet/promotion.json \
             --gate /gates/strict.json --model-name oxford_pet_classifier"
        );
        assert_eq!(
            shown(&plan.restore()),
            "PET_RESULTS=results pet-cli export --model-name oxford_pet_classifier"
        );
    }

    #[test]
    fn only_the_selected_stages_are_compiled() {
        let plan = plan(Dataset::Sample, None, false);
        for (only, commands) in
            [(None, 2), (Some(Stage::Train), 1), (Some(Stage::Test), 1), (Some(Stage::Docker), 0)]
        {
            let selection = Selection { only, ..Selection::default() };
            assert_eq!(plan.build(&selection).len(), commands, "{only:?}");
        }
    }

    #[test]
    fn only_the_runs_of_the_sample_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mlflow.db");
        let artifact = folder.path().join("mlruns/1/model");
        fs_err::create_dir_all(artifact.parent().unwrap()).unwrap();
        fs_err::write(&artifact, "weights").unwrap();
        fs_err::write(&database, "runs").unwrap();
        for (dataset, server, removed) in [
            (Dataset::OxfordIiitPet, false, false),
            (Dataset::Folder, false, false),
            (Dataset::Sample, true, false),
            (Dataset::Sample, false, true),
            // Once more, with nothing to remove.
            (Dataset::Sample, false, true),
        ] {
            let mut plan = plan(dataset, Some("x"), server);
            if !server {
                plan.store = Some(folder.path().to_owned());
            }
            plan.remove_earlier_runs().unwrap();
            assert_eq!(database.exists(), !removed);
            assert_eq!(artifact.exists(), !removed);
        }
    }
}
