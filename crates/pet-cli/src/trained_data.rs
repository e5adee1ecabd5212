//! The data set of a model's training, split as in the training, for commands that measure or export the model.

use std::path::Path;

use clap::Args;
use mlflow_client::Client;
use pet_data::{Dataset, Progress, Split};
use pet_model::{METRICS_FILE, Metrics, Results, SELECTION_FILE, Selection, TrainedOn};
use pet_pipeline::check::DuplicateImages;
use pet_pipeline::{SplitParams, check_trained_on};
use pet_train::Interrupt;
use serde::de::DeserializeOwned;

use crate::arguments::{CacheArgument, LimitArguments, SourceArguments};
use crate::failure::Failure;

/// The options of a split without a record.
const DEFAULT: SplitOptions =
    SplitOptions { seed: 42, validation_fraction: 0.2, group_duplicates: false };

/// Which images to work on.
#[derive(Args, Clone)]
pub(crate) struct TrainedDataArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Share of the training images used for validation, unless the data set has validation images [default: as in the
    /// training of the model, 0.2 if that is unknown]
    #[arg(long, value_name = "SHARE")]
    validation_fraction: Option<f64>,
    /// Seed of the split [default: as in the training of the model, 42 if that is unknown]
    #[arg(long)]
    seed: Option<u64>,
    /// Keep duplicates and near-duplicates on the same side of the split [default: as in the training of the model]
    #[arg(long)]
    group_duplicates: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

/// How a data set is split.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct SplitOptions {
    seed: u64,
    validation_fraction: f64,
    group_duplicates: bool,
}

impl SplitOptions {
    /// The arguments for options other than the default, each with a space before it.
    pub(crate) fn arguments(self) -> String {
        let fraction = self.validation_fraction;
        let other_fraction = fraction.to_bits() != DEFAULT.validation_fraction.to_bits();
        let arguments = [
            (self.seed != DEFAULT.seed).then(|| format!(" --seed {}", self.seed)),
            other_fraction.then(|| format!(" --validation-fraction {fraction}")),
            self.group_duplicates.then(|| " --group-duplicates".into()),
        ];
        arguments.into_iter().flatten().collect()
    }
}

/// What is recorded about the data of a model's training.
#[derive(Default)]
pub(crate) struct TrainingRecord {
    data: Option<TrainedOn>,
    params: SplitParams,
}

impl TrainingRecord {
    /// The record of the run that trained the selected version.
    pub(crate) fn of(client: &Client, selection: &Selection) -> Result<Self, Failure> {
        let run = client.run(&selection.run_id)?;
        Ok(Self { data: selection.dataset.clone(), params: SplitParams::of(&run.params) })
    }

    /// The record that was exported with a model; empty for a model without one.
    pub(crate) fn exported(results: &Results) -> Self {
        fn read<T: DeserializeOwned>(results: &Results, file: &str) -> Option<T> {
            serde_json::from_slice(&results.read(file).ok()?).ok()
        }
        let selection: Option<Selection> = read(results, SELECTION_FILE);
        let metrics: Option<Metrics> = read(results, METRICS_FILE);
        Self {
            data: selection.and_then(|selection| selection.dataset),
            params: metrics
                .map_or_else(SplitParams::default, |metrics| SplitParams::of(&metrics.params)),
        }
    }

    /// [`exported`](Self::exported) in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::exported(&Results::Folder(folder.to_owned()))
    }
}

impl TrainedDataArguments {
    /// The given options, otherwise those of the training.
    pub(crate) fn options(&self, record: &TrainingRecord) -> SplitOptions {
        let SplitParams { seed, validation_fraction, group_duplicates, .. } = record.params;
        let fraction = self.validation_fraction.or(validation_fraction);
        SplitOptions {
            seed: self.seed.or(seed).unwrap_or(DEFAULT.seed),
            validation_fraction: fraction.unwrap_or(DEFAULT.validation_fraction),
            group_duplicates: self.group_duplicates || group_duplicates == Some(true),
        }
    }

    /// Splits the data set as in the training, and checks that this is the split of the training, as far as it is recorded:
    /// otherwise, the model may have been trained on the validation images. With `force`, another split is accepted.
    pub(crate) fn split(
        &self,
        dataset: &Dataset,
        record: &TrainingRecord,
        force: bool,
        cache: &CacheArgument,
        progress: &dyn Progress,
    ) -> Result<Split, Failure> {
        let SplitOptions { seed, validation_fraction: fraction, group_duplicates } =
            self.options(record);
        let trained_on = record.data.as_ref().filter(|_| !force);
        if !group_duplicates && trained_on.is_none() {
            return Ok(dataset.split(fraction, seed)?);
        }
        let digest = dataset.digest()?;
        let duplicates = if group_duplicates {
            let (source, limits) = (self.source.data(), self.limits.limits());
            let (cache, stop) = (cache.folder(), Interrupt::default());
            source.duplicates(dataset, &digest, &cache, &limits, &stop, progress)?
        } else {
            DuplicateImages::default()
        };
        let split = dataset.split_grouped(fraction, seed, duplicates.groups())?;
        if let Some(data) = trained_on {
            check_trained_on(data, dataset, &digest, &split, seed, group_duplicates)?;
        }
        Ok(split)
    }
}
