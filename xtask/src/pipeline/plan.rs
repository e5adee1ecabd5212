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

/// Options that say what goes through the pipeline.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// The data set
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dataset: Dataset,
    /// Folder of the data set [default: data/oxford-iiit-pet, downloaded if missing; the sample is generated in
    /// target/]
    #[arg(long, value_name = "DIR", required_if_eq("dataset", "folder"))]
    pub(crate) data_dir: Option<PathBuf>,
    /// Folder of the exported model [default: results, or the one in target/pipeline/]
    #[arg(long, value_name = "DIR")]
    pub(crate) results: Option<PathBuf>,
    /// File of limits that a model must meet to become the champion, as for `pet-cli promote --gate`
    #[arg(long, value_name = "FILE")]
    pub(crate) gate: Option<PathBuf>,
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
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let own = workspace::root().join("target/pipeline").join(name(&options.dataset));
        let promotion = own.join("promotion.json");
        let home = match options.dataset {
            Dataset::OxfordIiitPet => workspace::root().to_owned(),
            Dataset::Sample | Dataset::Folder => own,
        };
        let data = options.data_dir.as_ref().map(absolute).transpose()?;
        let is_sample = options.dataset == Dataset::Sample;
        Ok(Self {
            dataset: options.dataset,
            data: data.or_else(|| is_sample.then(|| home.join("data"))),
            results: options.results.as_ref().map_or_else(|| Ok(home.join("results")), absolute)?,
            gate: options.gate.as_ref().map(absolute).transpose()?,
            promotion,
            store: workspace::variable("MLFLOW_TRACKING_URI").map_or(Some(home), |_| None),
        })
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

    /// The command of a stage, and what it produces.
    pub(crate) fn stage(&self, stage: Stage) -> (Invocation, String) {
        let result = |name| workspace::shown(&self.results.join(name));
        match stage {
            Stage::Setup => (self.pet_cli(stage), workspace::shown(&workspace::cache())),
            Stage::Train => {
                let runs = "runs in MLFLOW_TRACKING_URI".to_owned();
                let store = self.store.as_ref().map(|folder| folder.join("mlflow.db"));
                let train = self.with_model_name(self.with_data(stage).words(self.training()));
                (train, store.map_or(runs, |file| workspace::shown(&file)))
            }
            Stage::Select => {
                (self.with_model_name(self.pet_cli(stage)), "alias challenger".to_owned())
            }
            Stage::Export => {
                let export = self.with_data(stage).words("--alias challenger");
                (self.with_model_name(export), result("model.onnx"))
            }
            Stage::Evaluate => (self.with_data(stage).words("--split all"), result("metrics.json")),
            Stage::Promote => {
                let promote = self.with_data(stage).argument("--output").argument(&self.promotion);
                let promote = with_path(promote, "--gate", self.gate.as_deref());
                (self.with_model_name(promote), "alias champion".to_owned())
            }
            Stage::Test => (self.tests(), "artifacts, logic, parity".to_owned()),
            Stage::Docker => (docker::build(&self.results), "image".to_owned()),
        }
    }

    /// The command that exports the champion again after a challenger was rejected.
    pub(crate) fn restore(&self) -> Invocation {
        self.with_model_name(self.pet_cli(Stage::Export))
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
        Invocation::line("cargo test --locked -p pet-cli -p pet-tests")
            .words(TESTED_FEATURES)
            .words("--test artifacts --test logic --test parity")
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
        let command = self.pet_cli(stage).arguments(["--dataset", &name(&self.dataset)]);
        with_path(command, "--data-dir", self.data.as_deref())
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

/// Adds an option with a path, if there is one.
fn with_path(command: Invocation, option: &str, path: Option<&Path>) -> Invocation {
    match path {
        Some(path) => command.argument(option).argument(path),
        None => command,
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
        let data_dir = data.map(PathBuf::from);
        let mut plan = Plan::new(&Options { dataset, data_dir, ..Options::default() }).unwrap();
        plan.store = (!server).then(|| "/store".into());
        plan
    }

    /// Shows the command of a stage, with paths relative to the workspace.
    fn command(plan: &Plan, stage: Stage) -> String {
        shown(&plan.stage(stage).0)
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
        let start = "MLFLOW_TRACKING_URI=sqlite:////store/mlflow.db \
                     PET_RESULTS=target/pipeline/sample/results pet-cli";
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
            "PET_REQUIRE_RUNTIME=1 PET_RESULTS=target/pipeline/sample/results cargo test --locked \
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
        assert_eq!(plan.stage(Stage::Export).1, "results/model.onnx");
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
        assert_eq!(plan.stage(Stage::Export).1, "target/pipeline/folder/results/model.onnx");
    }

    #[test]
    fn promote_gets_the_gate_and_a_rejection_restores_the_champion() {
        let gate = Some("/gates/strict.json".into());
        let dataset = Dataset::OxfordIiitPet;
        let mut plan = Plan::new(&Options { dataset, gate, ..Options::default() }).unwrap();
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
