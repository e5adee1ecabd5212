//! The data set and the split that a model was trained on, in the tags and parameters of its run.

use std::fmt::Display;

use mlflow_client::Run;
use pet_data::{Dataset, Split};
use pet_model::TrainedOn;

use crate::error::Error;
use crate::split::{GROUP_DUPLICATES, GROUP_SERIES, Grouping, SEED, SplitOptions};

/// Tag: the data set's name.
pub(crate) const DATASET: &str = "dataset";
/// Tag: the data set's digest, which MLflow's data set inputs abbreviate.
pub(crate) const DATASET_DIGEST: &str = "dataset_digest";
/// Tag: the digest of added images, if there are any.
pub(crate) const ADDED_DIGEST: &str = "added_digest";
/// Parameter: number of added images.
pub(crate) const ADDED_IMAGES: &str = "added_images";
/// Parameter: number of training images of the data set.
pub(crate) const TRAIN_IMAGES: &str = "train_images";
/// Parameter: number of validation images.
pub(crate) const VAL_IMAGES: &str = "val_images";
/// Tag: description of the split, if it differs from the one that the parameters describe.
pub(crate) const SPLIT: &str = "split";

/// The data set of a run and its split; `None` for a run without one, such as those of other programs. Added images are not
/// part of it, because they don't change the validation images.
pub fn trained_on(run: &Run) -> Option<TrainedOn> {
    let tag = |key: &str| run.tags.get(key).filter(|value| !value.is_empty());
    let param = |key: &str| run.params.get(key).map_or("?", String::as_str);
    Some(TrainedOn {
        name: tag(DATASET)?.clone(),
        digest: tag(DATASET_DIGEST)?.clone(),
        split: tag(SPLIT).cloned().unwrap_or_else(|| {
            let [duplicates, series] =
                [GROUP_DUPLICATES, GROUP_SERIES].map(|key| param(key) == "true");
            let grouping = Grouping { duplicates, series };
            let (train, validation) = (param(TRAIN_IMAGES), param(VAL_IMAGES));
            describe_split(&param(SEED), &train, &validation, grouping)
        }),
    })
}

/// Checks that a version was trained on this split of the data set, which has this digest. Otherwise, it may have been
/// trained on the validation images. For a refit of a cross-validation, which was trained on all images, only the data set
/// is compared.
pub(crate) fn check_trained_on(
    trained_on: &TrainedOn,
    dataset: &Dataset,
    digest: &str,
    split: &Split,
    options: SplitOptions,
) -> Result<(), Error> {
    let (train, validation) = (split.train.len(), split.validation.len());
    let got = TrainedOn {
        name: dataset.name.clone(),
        digest: digest.into(),
        split: describe_split(&options.seed, &train, &validation, options.grouping),
    };
    if got.digest != trained_on.digest {
        return Err(Error::OtherImages { expected: trained_on.short(), got: got.short() });
    }
    if got.split != trained_on.split && !is_cross_validation(&trained_on.split) {
        return Err(Error::OtherImages { expected: trained_on.split.clone(), got: got.split });
    }
    Ok(())
}

/// Describes a split; equal descriptions mean equal splits of the same data set.
fn describe_split(
    seed: &dyn Display,
    train: &dyn Display,
    validation: &dyn Display,
    grouping: Grouping,
) -> String {
    let end = grouping.description();
    format!("seed {seed}, {train} images to train on, {validation} to validate on{end}")
}

/// Describes the split of a cross-validation.
pub(crate) fn describe_folds(seed: u64, images: usize, count: usize, grouping: Grouping) -> String {
    format!("seed {seed}, {images} images in {count} folds{}", grouping.description())
}

fn is_cross_validation(split: &str) -> bool {
    split.contains(" folds")
}

#[cfg(test)]
mod tests {
    use mlflow_client::{Batch, Client, NewRun, now};
    use pet_data::sample::{Options, generate};

    use super::*;

    #[test]
    fn the_data_set_of_a_run_is_read_from_its_tags() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::local(folder.path()).unwrap();
        let experiment = client.experiment("e").unwrap().id;
        let new = NewRun::new("r", now()).tag(DATASET, "pets");
        let run = client.create_run(&experiment, &new).unwrap();
        assert_eq!(trained_on(&client.run(&run.id).unwrap()), None);
        let batch = Batch::new().tag(DATASET_DIGEST, "0123456789").params([
            ("seed", "42"),
            (TRAIN_IMAGES, "8"),
            (VAL_IMAGES, "2"),
        ]);
        client.log_batch(&run.id, &batch).unwrap();
        let data = trained_on(&client.run(&run.id).unwrap()).unwrap();
        assert_eq!(data.short(), "pets 01234567");
        assert_eq!(data.split, "seed 42, 8 images to train on, 2 to validate on");
        let refit = Batch::new().tag(SPLIT, "as that one was");
        client.log_batch(&run.id, &refit).unwrap();
        let data = trained_on(&client.run(&run.id).unwrap()).unwrap();
        assert_eq!(data.split, "as that one was");
    }

    #[test]
    fn another_data_set_or_split_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let sample = Options {
            images_per_class: 5,
            test_images_per_class: 1,
            image_size: 32,
            ..Options::default()
        };
        let dataset = generate(&folder.path().join("one"), &sample).unwrap();
        let split = dataset.split(0.2, 7, &[]).unwrap();
        let trained_on = TrainedOn {
            name: "pets".into(),
            digest: dataset.digest().unwrap(),
            split: "seed 7, 24 images to train on, 6 to validate on".into(),
        };
        let options = |seed, duplicates, series| SplitOptions {
            seed,
            grouping: Grouping { duplicates, series },
            ..SplitOptions::default()
        };
        let check = |dataset: &Dataset, split, seed, duplicates, series| {
            let (digest, options) = (dataset.digest().unwrap(), options(seed, duplicates, series));
            check_trained_on(&trained_on, dataset, &digest, split, options)
        };
        check(&dataset, &split, 7, false, false).unwrap();
        check(&dataset, &split, 8, false, false).unwrap_err();
        check(&dataset, &split, 7, true, false).unwrap_err();
        check(&dataset, &split, 7, false, true).unwrap_err();
        let larger = dataset.split(0.4, 7, &[]).unwrap();
        check(&dataset, &larger, 7, false, false).unwrap_err();
        let refit = TrainedOn {
            split: describe_folds(7, 30, 5, Grouping::default()),
            ..trained_on.clone()
        };
        check_trained_on(&refit, &dataset, &refit.digest, &larger, options(7, false, false))
            .unwrap();
        let other = Options { images_per_class: 6, ..sample };
        let other = generate(&folder.path().join("two"), &other).unwrap();
        let error = check(&other, &split, 7, false, false).unwrap_err();
        assert!(error.to_string().contains(&trained_on.short()), "{error}");
    }
}
