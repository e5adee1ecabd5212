//! What the commands open that make a model: the data set and the tracking store.

use std::path::Path;

use mlflow_client::{Client, Config};
use pet_data::{Dataset, Progress, Split, folder, oxford, sample, stratified_split};

use crate::arguments::{DatasetArguments, DatasetKind, TrackingArguments};
use crate::failure::Failure;

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
