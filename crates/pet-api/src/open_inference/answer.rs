//! The model's predictions for the images of a request.

use pet_model::{ModelMetadata, softmax};
use pet_predict::Prediction;

use crate::error::ApiError;

/// The predictions for all images, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    classes: Vec<String>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

/// The prediction for one image.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Row {
    /// The prediction of a model for a tensor.
    pub(crate) fn new(logits: Vec<f32>, model: &ModelMetadata) -> Result<Self, ApiError> {
        let probabilities = softmax(&logits, model.temperature()).ok_or_else(|| {
            ApiError::bad_parameter("the model's output for these numbers is not finite")
        })?;
        Ok(Self { logits, probabilities })
    }
}

impl From<Prediction> for Row {
    fn from(prediction: Prediction) -> Self {
        Self {
            logits: prediction.logits().to_vec(),
            probabilities: prediction.probabilities().to_vec(),
        }
    }
}

impl Answer {
    pub(crate) fn new(classes: Vec<String>, rows: &[Row]) -> Self {
        Self {
            classes,
            logits: rows.iter().flat_map(|row| &row.logits).copied().collect(),
            probabilities: rows.iter().flat_map(|row| &row.probabilities).copied().collect(),
        }
    }

    /// Number of images.
    pub(crate) fn batch(&self) -> usize {
        self.logits.len() / self.classes()
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.classes.len().max(1)
    }

    /// The logits, image by image.
    pub(crate) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The probabilities, image by image.
    pub(crate) fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The most probable class of each image.
    pub(crate) fn best_classes(&self) -> Vec<String> {
        let rows = self.probabilities.chunks(self.classes());
        rows.flat_map(|row| ranking(row, 1)).map(|best| self.name(best).to_owned()).collect()
    }

    /// The `count` best classes of each image in Triton's form: `value:index:class`.
    pub(crate) fn ranked(&self, values: &[f32], count: usize) -> Vec<String> {
        let rows = values.chunks(self.classes());
        let texts = rows.flat_map(|row| {
            let best = ranking(row, count).into_iter();
            best.map(|index| {
                let value = row.get(index).copied().unwrap_or_default();
                format!("{value:.6}:{index}:{}", self.name(index))
            })
        });
        texts.collect()
    }

    fn name(&self, index: usize) -> &str {
        self.classes.get(index).map_or("", String::as_str)
    }
}

/// The indices of the `count` largest numbers, in descending order; ties keep their order.
fn ranking(row: &[f32], count: usize) -> Vec<usize> {
    let mut indices: Vec<_> = (0..row.len()).collect();
    indices.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    indices.truncate(count);
    indices
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn images_are_ranked_separately() {
        let rows = [[1.0, 3.0, 2.0], [5.0, 4.0, 5.0]].map(|logits| Row {
            probabilities: softmax(&logits, 1.0).unwrap(),
            logits: logits.to_vec(),
        });
        let answer = Answer::new(["cat", "dog", "fox"].map(str::to_owned).to_vec(), &rows);
        assert_eq!((answer.batch(), answer.classes()), (2, 3));
        assert_eq!(answer.best_classes(), ["dog", "cat"]);
        assert_eq!(
            answer.ranked(answer.logits(), 2),
            ["3.000000:1:dog", "2.000000:2:fox", "5.000000:0:cat", "5.000000:2:fox"]
        );
        let sum: f32 = answer.probabilities()[..3].iter().sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
}
