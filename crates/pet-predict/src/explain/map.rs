//! Class activation maps.

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

/// The contribution of each cell to a logit: `weights` (one for each channel) times `features` (one
/// plane of `cells` numbers for each channel), divided by the number of cells.
pub(super) fn contributions(features: &[f32], weights: &[f32], cells: usize) -> Vec<f32> {
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
