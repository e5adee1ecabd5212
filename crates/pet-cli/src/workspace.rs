//! Opens what several commands need: the data set, the tracking store, the predictor.

use std::path::{Path, PathBuf};

use mlflow_client::{Client, Config};
use pet_data::{Dataset, Progress, Split, folder, oxford, sample, stratified_split};
use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

use crate::arguments::{DatasetArguments, DatasetKind, TrackingArguments};
use crate::failure::Failure;
use crate::setup;

/// Opens the data set, after making or downloading it if it is not there.
pub(crate) fn dataset(
    arguments: &DatasetArguments,
    progress: &dyn Progress,
) -> Result<Dataset, Failure> {
    let named = |name: &str| {
        arguments
            .data_dir
            .clone()
            .unwrap_or_else(|| Path::new("data").join(name))
    };
    match arguments.dataset {
        DatasetKind::Sample => Ok(sample::generate(
            &named("sample"),
            &sample::Options::default(),
        )?),
        DatasetKind::Folder => Ok(folder::load(&named("folder"))?),
        DatasetKind::OxfordIiitPet => {
            let root = named("oxford-iiit-pet");
            // A folder that was named but is not there is a mistake, not a wish for a download.
            if arguments.data_dir.is_none() && !root.exists() {
                progress.message("downloading the Oxford-IIIT Pet data set (about 800 MB)");
                oxford::download(&root, progress)?;
            }
            Ok(oxford::load(&root)?)
        }
    }
}

/// Divides the training images of the data set into those to train on and those to validate on.
pub(crate) fn split(
    dataset: &Dataset,
    arguments: &DatasetArguments,
    seed: u64,
) -> Result<Split, Failure> {
    Ok(stratified_split(
        &dataset.train,
        arguments.validation_fraction,
        seed,
    )?)
}

/// Opens the tracking store that the arguments or MLflow's environment variables name.
pub(crate) fn tracking(arguments: &TrackingArguments) -> Result<(Client, Config), Failure> {
    let lookup = |name: &str| match &arguments.tracking_uri {
        Some(uri) if name == "MLFLOW_TRACKING_URI" => Some(uri.clone()),
        _ => std::env::var(name).ok(),
    };
    let config = Config::from_lookup(lookup)?;
    Ok((Client::open(&config)?, config))
}

/// Loads ONNX Runtime from `ORT_DYLIB_PATH`, from beside the program, from the cache or from the system.
pub(crate) fn runtime(cache: &Path) -> Result<Runtime, Failure> {
    let paths = SearchPaths::default()
        .with_library(std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from))
        .with_folder(setup::runtime_folder(cache));
    Ok(Runtime::load(&paths)?)
}

/// Loads a model with `sessions` sessions, or as many as there are processors.
pub(crate) fn predictor(
    cache: &Path,
    model: &Path,
    sessions: Option<std::num::NonZero<usize>>,
) -> Result<ImagePredictor, Failure> {
    let mut options = Options::default();
    options.sessions = sessions.unwrap_or(options.sessions);
    Ok(ImagePredictor::load(&runtime(cache)?, model, &options)?)
}
