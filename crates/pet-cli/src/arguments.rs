//! What is common to the subcommands' arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::command;

/// Train, choose, export and use a classifier of pet breeds.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print results and errors only: no progress, no notes
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[cfg(not(feature = "training"))]
const EXAMPLES: &str = "\
Examples:
  pet-cli predict photo.jpg                         name the breed, with the five likeliest
  pet-cli predict --json photos/ | jq .             a whole folder, for programs

Exit status: 0 done, 1 the work failed, 2 wrong usage.";

#[cfg(feature = "training")]
const EXAMPLES: &str = "\
Examples:
  pet-cli setup                                     fetch ONNX Runtime and backbone weights, once
  pet-cli predict photo.jpg                         name the breed, with the five likeliest
  pet-cli predict --json photos/ | jq .             a whole folder, for programs
  pet-cli train --dataset sample && pet-cli select && pet-cli export --results target/sample

Exit status: 0 done, 1 the work failed, 2 wrong usage.";

#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "training")]
    Setup(command::setup::Arguments),
    #[cfg(feature = "training")]
    Train(command::train::Arguments),
    #[cfg(feature = "training")]
    Sweep(command::sweep::Arguments),
    #[cfg(feature = "training")]
    Select(command::select::Arguments),
    #[cfg(feature = "training")]
    Export(command::export::Arguments),
    #[cfg(feature = "training")]
    Evaluate(command::evaluate::Arguments),
    Predict(command::predict::Arguments),
    Explain(command::explain::Arguments),
    Resize(command::resize::Arguments),
    Grayscale(command::grayscale::Arguments),
    Normalize(command::normalize::Arguments),
    Crop(command::crop::Arguments),
    #[cfg(feature = "training")]
    Models(command::models::Arguments),
    #[cfg(feature = "training")]
    Runs(command::runs::Arguments),
    Serve(command::serve::Arguments),
    Health(command::health::Arguments),
    Completions(command::completions::Arguments),
}

/// Which photographs to work on.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct DatasetArguments {
    /// The data set
    #[arg(long, value_enum, default_value_t = DatasetKind::OxfordIiitPet)]
    pub(crate) dataset: DatasetKind,
    /// Its folder [default: data/DATASET, filled when it is missing]
    #[arg(long, value_name = "DIR", required_if_eq("dataset", "folder"))]
    pub(crate) data_dir: Option<PathBuf>,
    /// Share of the training images that is kept for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub(crate) validation_fraction: f64,
}

#[cfg(feature = "training")]
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DatasetKind {
    /// Cartoon cats and dogs, drawn by this program
    Sample,
    /// The Oxford-IIIT Pet photographs; downloaded when there is no folder
    OxfordIiitPet,
    /// Any folder of class folders
    Folder,
}

/// Where runs and models are recorded.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct TrackingArguments {
    /// An MLflow server (http://…) or a local database (sqlite:///…) [default: `MLFLOW_TRACKING_URI`, else ./mlflow.db]
    #[arg(long, value_name = "URI", global = true)]
    pub(crate) tracking_uri: Option<String>,
}

/// Which registered model.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct ModelNameArgument {
    /// Name in the model registry
    #[arg(long, value_name = "NAME", default_value = "oxford_pet_classifier")]
    pub(crate) model_name: String,
}

/// Where the served files are.
#[derive(Args, Clone)]
pub(crate) struct ResultsArgument {
    /// Folder of the served model
    #[arg(
        long,
        value_name = "DIR",
        default_value = "results",
        env = "PET_RESULTS"
    )]
    pub(crate) results: PathBuf,
}

/// Where downloads and computed features are kept.
#[derive(Args, Clone)]
pub(crate) struct CacheArgument {
    /// Folder of downloads and computed features
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".cache",
        env = "PET_CACHE_DIR"
    )]
    pub(crate) cache_dir: PathBuf,
}

/// Text or JSON.
#[derive(Args, Clone, Copy)]
pub(crate) struct JsonArgument {
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
