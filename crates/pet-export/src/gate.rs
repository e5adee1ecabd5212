//! What an int8 model must be like to be exported.

use pet_model::Quantization;

/// The quality required of an int8 model, compared with its fp32 model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Gate {
    /// The largest loss of accuracy, from 0 to 1.
    pub loss: f64,
    /// The largest share of images with another top class, from 0 to 1.
    pub differing: f64,
}

impl Default for Gate {
    /// 0.3 percentage points of accuracy, 2 % of the images.
    fn default() -> Self {
        Self { loss: 0.003, differing: 0.02 }
    }
}

impl Gate {
    /// Whether the comparison of the models is within the limits.
    pub(crate) fn passes(self, figures: &Quantization) -> bool {
        // A difference of exactly the limit passes, despite rounding.
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
        assert!(gate.passes(&figures(0.9, 1.0)));
        assert!(gate.passes(&figures(0.897, 0.98)), "at the limits");
        assert!(gate.passes(&figures(0.91, 0.99)), "better than fp32");
        assert!(!gate.passes(&figures(0.8969, 0.99)));
        assert!(!gate.passes(&figures(0.9, 0.979)));
        assert!(!gate.passes(&figures(f64::NAN, 1.0)));
    }
}
