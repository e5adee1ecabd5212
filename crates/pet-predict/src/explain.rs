//! Explanations: which regions of a photograph support a class.

use std::collections::BTreeSet;
use std::time::Instant;

use pet_image::{Region, RgbImage, decode};
use pet_model::HeatMap;
use tracing::info_span;

use crate::features::Head;
use crate::session::{Runner, prediction};
use crate::{Error, Model, Prediction, Timing};

/// Explains the predictions of a [`Model`], by a variant of it that also outputs its last feature map.
/// Its predictions are the same. Takes as much memory as another [`Session`](crate::Session).
///
/// ```no_run
/// use pet_predict::{Explainer, Model, Options, Runtime, SearchPaths};
///
/// # fn main() -> Result<(), pet_predict::Error> {
/// let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
/// let model = Model::load(&runtime, "results", &Options::default())?;
/// # let photograph = Vec::new();
/// let explanation = Explainer::new(&model)?.explain(&photograph, None)?;
/// let map = explanation.map;
/// let sum: f32 = map.values.iter().sum();
/// assert!((sum + map.bias - map.logit).abs() < 1e-3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Explainer {
    model: Model,
    runner: Runner,
    head: Head,
}

/// A prediction with the regions that support it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The photograph, upright.
    pub image: RgbImage,
    /// The part of it that the map covers.
    pub region: Region,
    /// The prediction.
    pub prediction: Prediction,
    /// How much each region supports the class.
    pub map: ClassActivationMap,
}

/// A class activation map (Zhou et al., "Learning Deep Features for Discriminative Localization",
/// 2016, <https://arxiv.org/abs/1512.04150>): a grid over the model's input, each cell with its
/// contribution to the class's logit.
///
/// Exact for a network that ends with global average pooling and one linear layer: the cells and the
/// class's bias add up to its logit. A negative cell is evidence against the class.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassActivationMap {
    /// Name of the class.
    pub class: String,
    /// Index of the class.
    pub index: usize,
    /// Its probability, 0 to 1.
    pub probability: f32,
    /// Its logit.
    pub logit: f32,
    /// The part of the logit that does not depend on the photograph.
    pub bias: f32,
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// The cells, row by row from the top.
    pub values: Vec<f32>,
}

impl Explanation {
    /// The map as it is drawn over the photograph.
    pub fn heat_map(&self) -> HeatMap<'_> {
        let map = &self.map;
        HeatMap {
            class: &map.class,
            probability: map.probability,
            answer: self.prediction.predicted_class(),
            confidence: self.prediction.confidence(),
            width: map.width,
            height: map.height,
            values: &map.values,
            region: self.region,
        }
    }
}

impl Explainer {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::Unexplainable`] for a model that does not end with global average pooling and one
    /// linear layer with bias.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let (head, runner) = Head::run_with(model)?;
        Ok(Self { runner, head, model: model.clone() })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Explains which regions of a photograph (the bytes of its file) support `class`, by default the
    /// most probable one. Case does not matter.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; else as [`Session::predict`](crate::Session::predict).
    pub fn explain(
        &mut self,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, Error> {
        let class = class.map(|name| self.find(name)).transpose()?;
        let start = Instant::now();
        let limits = &self.model.options().image;
        let image = info_span!("decode").in_scope(|| decode(photograph, limits))?.image;
        let decode = start.elapsed();
        let recipe = &self.model.metadata().preprocess;
        let region = recipe.region(image.width(), image.height());
        let (outputs, timing) = self.runner.run_image(&self.model, &image)?;
        let prediction = prediction(&self.model, &outputs, Timing { decode, ..timing })?;
        let features = self.head.features(&outputs)?;
        drop(outputs);
        let map = self.map(&prediction, &features, class);
        Ok(Explanation { image, region, prediction, map })
    }

    fn map(
        &self,
        prediction: &Prediction,
        features: &[f32],
        class: Option<usize>,
    ) -> ClassActivationMap {
        let best = || prediction.top_k(1).first().map_or(0, |best| best.index);
        let index = class.unwrap_or_else(best);
        let [_, height, width] = self.head.shape;
        let of_class = |numbers: &[f32]| numbers.get(index).copied().unwrap_or_default();
        let classes = prediction.classes();
        ClassActivationMap {
            class: classes.get(index).cloned().unwrap_or_default(),
            index,
            probability: of_class(prediction.probabilities()),
            logit: of_class(prediction.logits()),
            bias: of_class(&self.head.bias),
            width,
            height,
            values: contributions(features, self.head.weights(index), width * height),
        }
    }

    fn find(&self, name: &str) -> Result<usize, Error> {
        let classes = &self.model.metadata().classes;
        let wanted = name.to_lowercase();
        let same = |class: &String| class.to_lowercase() == wanted;
        let nearest = || {
            let likeness = |class: &String| likeness(&wanted, &class.to_lowercase());
            let similar = classes.iter().filter(|class| likeness(class) > 0);
            similar.max_by_key(|class| likeness(class)).cloned()
        };
        let found = classes.iter().position(same);
        found.ok_or_else(|| Error::UnknownClass { class: name.to_owned(), nearest: nearest() })
    }
}

/// Number of letter pairs of `other` that `one` has, less those that it lacks.
fn likeness(one: &str, other: &str) -> i64 {
    let pairs = |name: &str| {
        let letters: Vec<char> = name.chars().collect();
        letters.windows(2).map(<[char]>::to_vec).collect::<BTreeSet<_>>()
    };
    let (one, other) = (pairs(one), pairs(other));
    2 * one.intersection(&other).count() as i64 - other.len() as i64
}

/// The contribution of each cell to a logit: `weights` (one for each channel) times `features` (one
/// plane of `cells` numbers for each channel), divided by the number of cells.
fn contributions(features: &[f32], weights: &[f32], cells: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; cells];
    for (plane, &weight) in features.chunks_exact(cells).zip(weights) {
        for (sum, &feature) in sums.iter_mut().zip(plane) {
            *sum += f64::from(weight) * f64::from(feature);
        }
    }
    let mean = |sum: f64| (sum / cells as f64) as f32;
    sums.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_are_those_computed_by_hand() {
        // Two channels of 1x2 cells.
        let cells = contributions(&[1.0, 2.0, 10.0, 0.0], &[4.0, -1.0], 2);
        assert_eq!(cells, [-3.0, 4.0]);
    }
}
