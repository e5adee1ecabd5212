//! What a model in integers may cost.

use pet_model::Quantization;

/// What a model in integers may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Gate {
    /// The largest loss of accuracy, 0 to 1.
    pub loss: f64,
    /// The largest share of images with another answer, 0 to 1.
    pub differing: f64,
}

impl Default for Gate {
    /// 0.3 points of accuracy, other answers on 2 % of the images.
    fn default() -> Self {
        Self {
            loss: 0.003,
            differing: 0.02,
        }
    }
}

impl Gate {
    pub(super) fn lets_through(self, figures: &Quantization) -> bool {
        // Of two shares of the same images: a difference of exactly the limit is no more than it.
        let rounding = 1e-9;
        figures.top1_fp32 - figures.top1_int8 <= self.loss + rounding
            && 1.0 - figures.agreement <= self.differing + rounding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_and_answers_count() {
        let figures = |top1_int8, agreement| Quantization {
            top1_fp32: 0.9,
            top1_int8,
            agreement,
            ..Quantization::default()
        };
        let gate = Gate::default();
        assert!(gate.lets_through(&figures(0.9, 1.0)));
        assert!(gate.lets_through(&figures(0.897, 0.98)), "at the limits");
        assert!(gate.lets_through(&figures(0.91, 0.99)), "better than fp32");
        assert!(!gate.lets_through(&figures(0.8969, 0.99)));
        assert!(!gate.lets_through(&figures(0.9, 0.979)));
        assert!(!gate.lets_through(&figures(f64::NAN, 1.0)));
    }
}
