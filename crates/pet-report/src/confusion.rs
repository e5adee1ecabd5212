//! Confusion matrices.

use std::cmp::Reverse;

use crate::Error;
use crate::check::{check, top_class};

/// The number of images for each pair of actual and predicted class.
///
/// ```
/// use pet_report::ConfusionMatrix;
///
/// let probabilities = [vec![0.9, 0.1], vec![0.8, 0.2], vec![0.3, 0.7]];
/// let matrix = ConfusionMatrix::new(&probabilities, &[0, 1, 1], 2)?;
/// assert_eq!(matrix.row(1), [1, 1]);
/// assert_eq!(matrix.worst(5)[0].predicted, 0);
/// # Ok::<(), pet_report::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[actual, predicted]`, row by row.
    counts: Vec<usize>,
}

/// A pair of classes that are confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Index of the actual class.
    pub actual: usize,
    /// Index of the predicted class.
    pub predicted: usize,
    /// Number of images.
    pub count: usize,
}

impl ConfusionMatrix {
    /// Counts the most probable class of each image, the first of equal ones. `probabilities` has one row of `classes`
    /// values per image, `labels` the images' class indices.
    ///
    /// # Errors
    ///
    /// Those of [`measure`](crate::measure()) for rows and labels.
    pub fn new(
        probabilities: &[Vec<f32>],
        labels: &[usize],
        classes: usize,
    ) -> Result<Self, Error> {
        check(probabilities, labels, classes)?;
        let mut counts = vec![0; classes * classes];
        for (values, label) in probabilities.iter().zip(labels) {
            counts[label * classes + top_class(values)] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Number of correctly classified images.
    pub fn hits(&self) -> usize {
        self.rows().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// The number of images of class `actual` by predicted class; empty for an invalid index.
    pub fn row(&self, actual: usize) -> &[usize] {
        self.rows().nth(actual).unwrap_or_default()
    }

    /// The rows, in the order of the classes.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks_exact(self.classes)
    }

    /// The `limit` most frequent confusions; equally frequent ones in the order of the classes.
    pub fn worst(&self, limit: usize) -> Vec<Confusion> {
        let mut mistakes: Vec<Confusion> = self
            .rows()
            .enumerate()
            .flat_map(|(actual, row)| {
                row.iter().enumerate().map(move |(predicted, &count)| Confusion {
                    actual,
                    predicted,
                    count,
                })
            })
            .filter(|mistake| mistake.count > 0 && mistake.actual != mistake.predicted)
            .collect();
        mistakes.sort_by_key(|mistake| Reverse(mistake.count));
        mistakes.truncate(limit);
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> ConfusionMatrix {
        let labels = [0, 0, 0, 1, 1, 2, 2];
        let guesses = [0, 1, 1, 1, 2, 1, 2];
        let rows: Vec<Vec<f32>> = guesses
            .iter()
            .map(|&guess| (0..3).map(|class| if class == guess { 0.5 } else { 0.25 }).collect())
            .collect();
        ConfusionMatrix::new(&rows, &labels, 3).unwrap()
    }

    #[test]
    fn guesses_are_counted_by_class() {
        let matrix = matrix();
        assert_eq!(matrix.rows().collect::<Vec<_>>(), [[1, 2, 0], [0, 1, 1], [0, 1, 1]]);
        assert_eq!((matrix.images(), matrix.hits(), matrix.classes()), (7, 3, 3));
        assert!(matrix.row(3).is_empty());
    }

    #[test]
    fn the_most_frequent_mistakes_come_first() {
        let confusion = |actual, predicted, count| Confusion { actual, predicted, count };
        assert_eq!(matrix().worst(2), [confusion(0, 1, 2), confusion(1, 2, 1)]);
        assert_eq!(matrix().worst(10).len(), 3);
    }
}
