//! How much each region supports a class.

/// A class activation map (Zhou et al., "Learning Deep Features for Discriminative Localization",
/// 2016, <https://arxiv.org/abs/1512.04150>): a grid over what the model saw of the photograph,
/// each cell with its share in the class's logit.
///
/// Exact for a network that ends with global average pooling and one linear layer: the cells and
/// the class's bias add up to its logit. A negative cell speaks against the class.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassActivationMap {
    /// Name of the class.
    pub class: String,
    /// Number of the class, from 0.
    pub index: usize,
    /// Its probability, 0 to 1.
    pub probability: f32,
    /// Its logit.
    pub logit: f32,
    /// What the class gets whatever the photograph shows.
    pub bias: f32,
    /// Cells from left to right.
    pub width: usize,
    /// Cells from top to bottom.
    pub height: usize,
    /// The cells, row by row from the top.
    pub values: Vec<f32>,
}

/// The share of each cell in a logit: `weights` (one for each channel) times `features` (one plane
/// of `cells` numbers for each channel), as a mean over the cells.
pub(super) fn shares(features: &[f32], weights: &[f32], cells: usize) -> Vec<f32> {
    let mut shares = vec![0.0_f64; cells];
    for (plane, &weight) in features.chunks_exact(cells).zip(weights) {
        for (share, &feature) in shares.iter_mut().zip(plane) {
            *share += f64::from(weight) * f64::from(feature);
        }
    }
    let mean = |share: f64| (share / cells as f64) as f32;
    shares.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_computed_by_hand() {
        // Two channels of 1x2 cells.
        let shares = shares(&[1.0, 2.0, 10.0, 0.0], &[4.0, -1.0], 2);
        assert_eq!(shares, [-3.0, 4.0]);
    }
}
