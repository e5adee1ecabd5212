//! The data set in the tags and parameters of a run.

use std::fmt::Display;

use mlflow_client::Run;
use pet_model::TrainedOn;

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
/// Parameter: whether duplicates were kept on one side of the split.
pub(crate) const GROUP_DUPLICATES: &str = "group_duplicates";
/// Parameter: seed of the split, and of everything else that is random.
pub(crate) const SEED: &str = "seed";
/// Parameter: share of the training images used for validation, unless the data set has validation images.
pub(crate) const VALIDATION_FRACTION: &str = "validation_fraction";
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
            let grouped = param(GROUP_DUPLICATES) == "true";
            let (train, validation) = (param(TRAIN_IMAGES), param(VAL_IMAGES));
            describe_split(&param(SEED), &train, &validation, grouped)
        }),
    })
}

/// Describes a split; equal descriptions mean equal splits of the same data set.
pub(crate) fn describe_split(
    seed: &dyn Display,
    train: &dyn Display,
    validation: &dyn Display,
    grouped: bool,
) -> String {
    let grouped = describe_grouping(grouped);
    format!("seed {seed}, {train} images to train on, {validation} to validate on{grouped}")
}

/// Describes the split of a cross-validation.
pub(crate) fn describe_folds(
    seed: &dyn Display,
    images: usize,
    count: usize,
    grouped: bool,
) -> String {
    let grouped = describe_grouping(grouped);
    format!("seed {seed}, {images} images in {count} folds{grouped}")
}

/// Whether a description is that of a cross-validation.
pub(crate) fn describes_folds(split: &str) -> bool {
    split.contains(" folds")
}

fn describe_grouping(grouped: bool) -> &'static str {
    if grouped { ", duplicates grouped" } else { "" }
}

#[cfg(test)]
mod tests {
    use mlflow_client::{Batch, Client, NewRun, now};

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
}
