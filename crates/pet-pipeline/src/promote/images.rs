use pet_data::{Dataset, Split};
use pet_model::TrainedOn;

use crate::error::Error;
use crate::tracking::describe_split;

/// Checks that a version was trained on this split of the data set. Otherwise, it may have been trained on the validation
/// images.
///
/// # Errors
///
/// [`Error::OtherImages`] if the data set or the split differs, [`Error::Data`] when an image cannot be read.
pub fn check_trained_on(
    trained_on: &TrainedOn,
    dataset: &Dataset,
    split: &Split,
    seed: u64,
    grouped: bool,
) -> Result<(), Error> {
    let (train, validation) = (split.train.len(), split.validation.len());
    let got = TrainedOn {
        name: dataset.name.clone(),
        digest: dataset.digest()?,
        split: describe_split(&seed, &train, &validation, grouped),
    };
    if got.digest != trained_on.digest {
        let (expected, got) = (trained_on.short(), got.short());
        return Err(Error::OtherImages { expected, got });
    }
    if got.split != trained_on.split {
        let (expected, got) = (trained_on.split.clone(), got.split);
        return Err(Error::OtherImages { expected, got });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pet_data::sample::{Options, generate};

    use super::*;

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
            check_trained_on(&trained_on, dataset, split, seed, grouped)
        };
        check(&dataset, &split, 7, false).unwrap();
        check(&dataset, &split, 8, false).unwrap_err();
        check(&dataset, &split, 7, true).unwrap_err();
        let larger = dataset.split(0.4, 7).unwrap();
        check(&dataset, &larger, 7, false).unwrap_err();
        let other = Options {
            images_per_class: 6,
            ..options
        };
        let other = generate(&folder.path().join("two"), &other).unwrap();
        let error = check(&other, &split, 7, false).unwrap_err();
        assert!(error.to_string().contains(&trained_on.short()), "{error}");
    }
}
