//! What a tracked run was trained on, read back from the run.

use std::fmt::Display;

use mlflow_client::Run;
use pet_model::TrainedOn;

/// Tag: the data set's name.
pub(crate) const DATASET: &str = "dataset";
/// Tag: the data set's whole digest. The input that MLflow keeps has only its beginning.
pub(crate) const DATASET_DIGEST: &str = "dataset_digest";
/// Tag: the digest of the images that were added to the data set, if there were any.
pub(crate) const ADDED_DIGEST: &str = "added_digest";
/// Parameter: how many these are.
pub(crate) const ADDED_IMAGES: &str = "added_images";
/// Parameter: images of the data set to train on.
pub(crate) const TRAIN_IMAGES: &str = "train_images";
/// Parameter: whether pictures that show the same were kept on one side of the split.
pub(crate) const GROUP_DUPLICATES: &str = "group_duplicates";
/// Parameter: images to validate on.
pub(crate) const VAL_IMAGES: &str = "val_images";

/// Tag: how the data set was split for the figures of the run, if they are another run's.
pub(crate) const SPLIT: &str = "split";

/// The data set of a run with the way in which it was split; `None` for a run that does not name one, as those of other
/// programs. The digest covers the classes as well as the images, and the seed decides the split. What was added to the
/// images to train on changes neither: such a run was validated on the same images.
pub fn trained_on(run: &Run) -> Option<TrainedOn> {
    let tag = |key: &str| run.tags.get(key).filter(|value| !value.is_empty());
    let param = |key: &str| run.params.get(key).map_or("?", String::as_str);
    Some(TrainedOn {
        name: tag(DATASET)?.clone(),
        digest: tag(DATASET_DIGEST)?.clone(),
        split: tag(SPLIT).cloned().unwrap_or_else(|| {
            let grouped = param(GROUP_DUPLICATES) == "true";
            let (train, validation) = (param(TRAIN_IMAGES), param(VAL_IMAGES));
            split_in_words(&param("seed"), &train, &validation, grouped)
        }),
    })
}

/// How images are set aside for validation.
pub(crate) fn split_in_words(
    seed: &dyn Display,
    train: &dyn Display,
    validation: &dyn Display,
    grouped: bool,
) -> String {
    let grouped = if grouped { ", duplicates grouped" } else { "" };
    format!("seed {seed}, {train} images to train on, {validation} to validate on{grouped}")
}

#[cfg(test)]
mod tests {
    use mlflow_client::{Batch, Client, NewRun, now};

    use super::*;

    #[test]
    fn a_run_says_what_it_was_trained_on_or_nothing() {
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
        assert_eq!(
            data.split,
            "seed 42, 8 images to train on, 2 to validate on"
        );
        let refit = Batch::new().tag(SPLIT, "as that one was");
        client.log_batch(&run.id, &refit).unwrap();
        let data = trained_on(&client.run(&run.id).unwrap()).unwrap();
        assert_eq!(data.split, "as that one was");
    }
}
