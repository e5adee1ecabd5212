//! The data set of a trained model, split as in its training.

use std::path::PathBuf;

use mlflow_client::Run;
use pet_data::{Dataset, Progress, Split};
use pet_image::Limits;
use pet_model::{METRICS_FILE, Metrics, REFIT_OF, Results, SELECTION_FILE, Selection, TrainedOn};
use pet_train::Interrupt;
use serde::de::DeserializeOwned;

use crate::check::DuplicateImages;
use crate::data_source::DataSource;
use crate::error::Error;
use crate::split::{Grouping, SplitOptions, SplitParams};
use crate::trained_on::{check_trained_on, trained_on};

/// What is recorded about the data of a model's training.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TrainingRecord {
    /// The data set and a description of its split.
    pub data: Option<TrainedOn>,
    /// The parameters of the split.
    pub split: SplitParams,
    /// For a refit, which was trained on the validation images too, the run it refits.
    pub refit_of: Option<String>,
}

impl TrainingRecord {
    /// The record of the run that trained the model.
    pub fn of_run(run: &Run) -> Self {
        Self {
            data: trained_on(run),
            split: SplitParams::of(&run.params),
            refit_of: run.tags.get(REFIT_OF).cloned(),
        }
    }

    /// The record that was exported with a model; empty for a model without one.
    pub fn of_results(results: &Results) -> Self {
        fn read<T: DeserializeOwned>(results: &Results, file: &str) -> Option<T> {
            serde_json::from_slice(&results.read(file).ok()?).ok()
        }
        let selection: Option<Selection> = read(results, SELECTION_FILE);
        let metrics: Metrics = read(results, METRICS_FILE).unwrap_or_default();
        Self {
            data: selection.and_then(|selection| selection.dataset),
            split: SplitParams::of(&metrics.params),
            refit_of: metrics.refit_of().map(str::to_owned),
        }
    }
}

/// A data set for a trained model: for its evaluation, its export, or its comparison with another version.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrainedData {
    /// Where the images come from.
    pub source: DataSource,
    /// The training of the model.
    pub record: TrainingRecord,
    /// How the data set is split. What is missing is as in the training, or else as in [`SplitOptions::default`].
    pub split: SplitParams,
    /// Accepts another data set or split than in the training, whose validation images the model may have been trained on.
    pub force: bool,
    /// Limits for the size of images.
    pub limits: Limits,
    /// Folder for computed features, by which duplicates are found.
    pub cache: PathBuf,
}

impl TrainedData {
    /// Images from `source`, split as in the training.
    pub fn new(source: DataSource, record: TrainingRecord, cache: impl Into<PathBuf>) -> Self {
        Self {
            source,
            record,
            split: SplitParams::default(),
            force: false,
            limits: Limits::default(),
            cache: cache.into(),
        }
    }

    /// How the data set is split: as given, otherwise as in the training.
    pub fn options(&self) -> SplitOptions {
        let (given, recorded, default) = (self.split, self.record.split, SplitOptions::default());
        let fraction = given.validation_fraction.or(recorded.validation_fraction);
        let duplicates = given.group_duplicates.or(recorded.group_duplicates);
        let series = given.group_series.or(recorded.group_series);
        SplitOptions {
            seed: given.seed.or(recorded.seed).unwrap_or(default.seed),
            validation_fraction: fraction.unwrap_or(default.validation_fraction),
            grouping: Grouping {
                duplicates: duplicates.unwrap_or(default.grouping.duplicates),
                series: series.unwrap_or(default.grouping.series),
            },
        }
    }

    /// Splits the data set, which is that of the source, and checks that this is the split of the training, as far as it is
    /// recorded: otherwise, the model may have been trained on the validation images.
    ///
    /// # Errors
    ///
    /// [`Error::OtherImages`] if the data set or the split differs, unless that is [forced](Self::force); [`Error::Data`] for
    /// an invalid fraction or an image that cannot be read.
    pub fn split(&self, dataset: &Dataset, progress: &dyn Progress) -> Result<Split, Error> {
        let options = self.options();
        let SplitOptions { seed, validation_fraction: fraction, grouping } = options;
        let trained_on = self.record.data.as_ref().filter(|_| !self.force);
        if grouping == Grouping::default() && trained_on.is_none() {
            return Ok(dataset.split(fraction, seed, &[])?);
        }
        let digest = dataset.digest()?;
        let duplicates = if grouping.duplicates {
            let (cache, limits, stop) = (&self.cache, &self.limits, Interrupt::default());
            self.source.duplicates(dataset, &digest, cache, limits, &stop, progress)?
        } else {
            DuplicateImages::default()
        };
        let groups = grouping.groups(&dataset.train, &duplicates);
        let split = dataset.split(fraction, seed, &groups)?;
        if let Some(data) = trained_on {
            check_trained_on(data, dataset, &digest, &split, options)?;
        }
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_as_in_the_training() {
        let params = [("seed", "7"), ("group_duplicates", "true"), ("epochs", "x")];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let recorded = SplitParams::of(&params.into());
        let expected =
            SplitParams { seed: Some(7), group_duplicates: Some(true), ..SplitParams::default() };
        assert_eq!(recorded, expected);

        let record = TrainingRecord { split: recorded, ..TrainingRecord::default() };
        let mut data = TrainedData::new(DataSource::Folder("pets".into()), record, ".cache");
        let options = |seed, series| SplitOptions {
            seed,
            validation_fraction: 0.2,
            grouping: Grouping { duplicates: true, series },
        };
        assert_eq!(data.options(), options(7, false));
        data.split.seed = Some(8);
        data.split.group_series = Some(true);
        assert_eq!(data.options(), options(8, true));
    }

    #[test]
    fn the_record_of_results_is_read_from_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::from(folder.path());
        assert_eq!(TrainingRecord::of_results(&results), TrainingRecord::default());
        let params = [("seed", "7"), (REFIT_OF, "abc")];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let metrics = Metrics { params: params.into(), ..Metrics::default() };
        pet_model::write_json(&folder.path().join(METRICS_FILE), &metrics).unwrap();
        let record = TrainingRecord::of_results(&results);
        assert_eq!((record.split.seed, record.refit_of.as_deref()), (Some(7), Some("abc")));
    }
}
