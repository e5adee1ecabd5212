//! Comparison of a data set and its split with those that a model was trained on.

use std::collections::BTreeMap;
use std::str::FromStr;

use pet_data::{Dataset, Split};
use pet_model::TrainedOn;

use crate::error::Error;
use crate::tracking::{
    GROUP_DUPLICATES, SEED, VALIDATION_FRACTION, describe_split, describes_folds,
};

/// The parameters of a run that determine the split of its data set; `None` for those that are not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SplitParams {
    /// The seed.
    pub seed: Option<u64>,
    /// The share of the training images used for validation.
    pub validation_fraction: Option<f64>,
    /// Whether duplicates were kept on one side.
    pub group_duplicates: Option<bool>,
}

impl SplitParams {
    /// Reads them from the parameters of a run, which are also in `metrics.json`.
    pub fn of(params: &BTreeMap<String, String>) -> Self {
        fn read<T: FromStr>(params: &BTreeMap<String, String>, key: &str) -> Option<T> {
            params.get(key)?.parse().ok()
        }
        Self {
            seed: read(params, SEED),
            validation_fraction: read(params, VALIDATION_FRACTION),
            group_duplicates: read(params, GROUP_DUPLICATES),
        }
    }
}

/// Checks that a version was trained on this split of the data set, which has this digest. Otherwise, it may have been
/// trained on the validation images. For a refit of a cross-validation, which was trained on all images, only the data set
/// is compared.
///
/// # Errors
///
/// [`Error::OtherImages`] if the data set or the split differs.
pub fn check_trained_on(
    trained_on: &TrainedOn,
    dataset: &Dataset,
    digest: &str,
    split: &Split,
    seed: u64,
    grouped: bool,
) -> Result<(), Error> {
    let (train, validation) = (split.train.len(), split.validation.len());
    let got = TrainedOn {
        name: dataset.name.clone(),
        digest: digest.into(),
        split: describe_split(&seed, &train, &validation, grouped),
    };
    if got.digest != trained_on.digest {
        let (expected, got) = (trained_on.short(), got.short());
        return Err(Error::OtherImages { expected, got });
    }
    if got.split != trained_on.split && !describes_folds(&trained_on.split) {
        let (expected, got) = (trained_on.split.clone(), got.split);
        return Err(Error::OtherImages { expected, got });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pet_data::sample::{Options, generate};

    use super::*;
    use crate::tracking::describe_folds;

    #[test]
    fn the_split_is_read_from_the_parameters_of_a_run() {
        let params = [("seed", "7"), ("group_duplicates", "true"), ("epochs", "x")];
        let params = params.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let expected =
            SplitParams { seed: Some(7), validation_fraction: None, group_duplicates: Some(true) };
        assert_eq!(SplitParams::of(&params.into()), expected);
    }

    #[test]
    fn another_data_set_or_split_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            images_per_class: 5,
            test_images_per_class: 1,
            image_size: 32,
            ..Options::default()
        };
        let dataset = generate(&folder.path().join("one"), &options).unwrap();
        let split = dataset.split(0.2, 7).unwrap();
        let trained_on = TrainedOn {
            name: "pets".into(),
            digest: dataset.digest().unwrap(),
            split: "seed 7, 24 images to train on, 6 to validate on".into(),
        };
        let check = |dataset: &Dataset, split, seed, grouped| {
            let digest = dataset.digest().unwrap();
            check_trained_on(&trained_on, dataset, &digest, split, seed, grouped)
        };
        check(&dataset, &split, 7, false).unwrap();
        check(&dataset, &split, 8, false).unwrap_err();
        check(&dataset, &split, 7, true).unwrap_err();
        let larger = dataset.split(0.4, 7).unwrap();
        check(&dataset, &larger, 7, false).unwrap_err();
        let refit = TrainedOn { split: describe_folds(&7, 30, 5, false), ..trained_on.clone() };
        check_trained_on(&refit, &dataset, &refit.digest, &larger, 7, false).unwrap();
        let other = Options { images_per_class: 6, ..options };
        let other = generate(&folder.path().join("two"), &other).unwrap();
        let error = check(&other, &split, 7, false).unwrap_err();
        assert!(error.to_string().contains(&trained_on.short()), "{error}");
    }
}
