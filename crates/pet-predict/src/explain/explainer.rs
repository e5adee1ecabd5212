//! Explaining predictions.

use std::time::Instant;

use pet_image::{Region, RgbImage, decode};
use tracing::info_span;

use super::graph::Head;
use super::map::{ClassActivationMap, contributions};
use crate::runner::Runner;
use crate::session::prediction;
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
        letters.windows(2).map(<[char]>::to_vec).collect::<std::collections::BTreeSet<_>>()
    };
    let (one, other) = (pairs(one), pairs(other));
    2 * one.intersection(&other).count() as i64 - other.len() as i64
}
