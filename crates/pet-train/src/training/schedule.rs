//! Learning rate schedules.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The learning rate schedule after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// A constant rate.
    Constant,
    /// Cosine annealing to 0 (Loshchilov & Hutter 2017).
    Cosine,
}

impl Schedule {
    /// The factor of the learning rate at step `step` (from 0) of `steps`, with linear warm-up in the first `warm_up`.
    pub(crate) fn share(self, step: u64, steps: u64, warm_up: u64) -> f64 {
        if step < warm_up {
            return (step + 1) as f64 / warm_up as f64;
        }
        match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                let span = steps.saturating_sub(warm_up).max(1) as f64;
                let done = (step - warm_up) as f64 / span;
                0.5 * (1.0 + (PI * done.min(1.0)).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_in_a_line_and_falls_along_a_cosine() {
        let shares: Vec<f64> = (0..=14).map(|step| Schedule::Cosine.share(step, 14, 4)).collect();
        assert_eq!(shares[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!((shares[9] - 0.5).abs() < 1e-12);
        assert!(shares[14].abs() < 1e-12);
        assert!(shares[4..].is_sorted_by(|one, other| one >= other));
        assert!((Schedule::Constant.share(13, 14, 0) - 1.0).abs() < 1e-12);
    }
}
