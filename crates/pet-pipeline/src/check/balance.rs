//! The number of images of each class.

use pet_data::Dataset;
use serde::Serialize;

/// Minimum number of images of a class.
const MIN_IMAGES: usize = 20;
/// Minimum number of images as a share of the mean of all classes.
const MIN_SHARE: f64 = 0.25;

/// A class and its number of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassSize {
    /// The class.
    pub class: String,
    /// Its images in all splits.
    pub images: usize,
    /// Whether these are few: fewer than 20, or than a quarter of the mean of all classes.
    pub few: bool,
}

pub(super) fn class_sizes(dataset: &Dataset) -> Vec<ClassSize> {
    let mut counts = vec![0; dataset.classes.len()];
    for sample in dataset.samples() {
        if let Some(count) = counts.get_mut(sample.class) {
            *count += 1;
        }
    }
    let mean = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
    let classes = dataset.classes.iter().zip(counts);
    let size = |(class, images): (&String, usize)| ClassSize {
        class: class.clone(),
        images,
        few: images < MIN_IMAGES || (images as f64) < MIN_SHARE * mean,
    };
    classes.map(size).collect()
}

#[cfg(test)]
mod tests {
    use pet_data::Sample;

    use super::*;

    #[test]
    fn classes_are_small_in_absolute_or_relative_terms() {
        let classes = [19, 20, 100, 24, 400];
        let sample = |(class, count): (usize, &usize)| {
            let sample = |number| Sample { path: format!("{class}/{number}").into(), class };
            (0..*count).map(sample).collect::<Vec<_>>()
        };
        let mut dataset = Dataset {
            name: "pets".into(),
            root: "pets".into(),
            classes: ["a", "b", "c", "d", "e"].map(Into::into).into(),
            train: classes.iter().enumerate().flat_map(sample).collect(),
            ..Dataset::default()
        };
        let few = |dataset: &Dataset| -> Vec<bool> {
            class_sizes(dataset).iter().map(|size| size.few).collect()
        };
        assert_eq!(few(&dataset), [true, true, false, true, false]);
        dataset.train.retain(|sample| sample.class < 3);
        assert_eq!(few(&dataset), [true, false, false, true, true]);
    }
}
