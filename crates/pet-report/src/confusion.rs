//! Which classes were taken for which.

use std::cmp::Reverse;

use crate::Error;
use crate::check::{check, guess};

/// How many images of each class were taken for each class.
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
    /// Row by row; rows are actual classes, columns predicted ones.
    counts: Vec<usize>,
}

/// One kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Index of the class that the images are of.
    pub actual: usize,
    /// Index of the class that they were taken for.
    pub predicted: usize,
    /// How many images.
    pub count: usize,
}

impl ConfusionMatrix {
    /// Counts the first guesses: the most probable class of each row, the one with the lower index
    /// among equals. `probabilities` has one row per image with `classes` values, `labels` each
    /// image's class index.
    ///
    /// # Errors
    ///
    /// Those of [`measure`](crate::measure) about rows and labels.
    pub fn new(
        probabilities: &[Vec<f32>],
        labels: &[usize],
        classes: usize,
    ) -> Result<Self, Error> {
        check(probabilities, labels, classes)?;
        let mut counts = vec![0; classes * classes];
        for (values, label) in probabilities.iter().zip(labels) {
            counts[label * classes + guess(values)] += 1;
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

    /// Number of images whose first guess is right.
    pub fn hits(&self) -> usize {
        self.rows().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// What the images of class `actual` were taken for: one count per class. Empty for an index
    /// that is not a class's.
    pub fn row(&self, actual: usize) -> &[usize] {
        self.rows().nth(actual).unwrap_or_default()
    }

    /// The rows in the order of the classes.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks_exact(self.classes)
    }

    /// The most frequent mistakes, at most `limit`; of equally frequent ones those of earlier
    /// classes first.
    pub fn worst(&self, limit: usize) -> Vec<Confusion> {
        let mut mistakes: Vec<Confusion> = self
            .rows()
            .enumerate()
            .flat_map(|(actual, row)| {
                row.iter()
                    .enumerate()
                    .map(move |(predicted, &count)| Confusion {
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
            .map(|&guess| {
                (0..3)
                    .map(|class| if class == guess { 0.5 } else { 0.25 })
                    .collect()
            })
            .collect();
        ConfusionMatrix::new(&rows, &labels, 3).unwrap()
    }

    #[test]
    fn guesses_are_counted_by_class() {
        let matrix = matrix();
        assert_eq!(
            matrix.rows().collect::<Vec<_>>(),
            [[1, 2, 0], [0, 1, 1], [0, 1, 1]]
        );
        assert_eq!(
            (matrix.images(), matrix.hits(), matrix.classes()),
            (7, 3, 3)
        );
        assert!(matrix.row(3).is_empty());
    }

    #[test]
    fn the_most_frequent_mistakes_come_first() {
        let confusion = |actual, predicted, count| Confusion {
            actual,
            predicted,
            count,
        };
        assert_eq!(matrix().worst(2), [confusion(0, 1, 2), confusion(1, 2, 1)]);
        assert_eq!(matrix().worst(10).len(), 3);
    }
}
