//! McNemar's test: whether the difference between two classifiers is significant.

use serde::{Deserialize, Serialize};

/// The contingency table of two classifiers on the same images.
///
/// Only images that exactly one of them classifies correctly matter: for equally good classifiers, each of the two is
/// equally likely to be the correct one. McNemar, "Note on the sampling error of the difference between correlated
/// proportions or percentages", 1947.
///
/// ```
/// use pet_pipeline::promote::Paired;
///
/// let challenger = [true, true, true, true, true, true, true];
/// let champion = [true, false, false, false, false, false, false];
/// let paired = Paired::new(&challenger, &champion).unwrap();
/// assert_eq!((paired.only_challenger, paired.only_champion), (6, 0));
/// assert!((paired.p_value() - 0.03125).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// Images that both classify correctly.
    pub both: u64,
    /// Images that only the challenger classifies correctly.
    pub only_challenger: u64,
    /// Images that only the champion classifies correctly.
    pub only_champion: u64,
    /// Images that neither classifies correctly.
    pub neither: u64,
}

impl Paired {
    /// Counts images, which are in the same order for both; `None` if their numbers differ.
    pub fn new(challenger: &[bool], champion: &[bool]) -> Option<Self> {
        if challenger.len() != champion.len() {
            return None;
        }
        let mut paired = Self::default();
        for images in challenger.iter().zip(champion) {
            *match images {
                (true, true) => &mut paired.both,
                (true, false) => &mut paired.only_challenger,
                (false, true) => &mut paired.only_champion,
                (false, false) => &mut paired.neither,
            } += 1;
        }
        Some(paired)
    }

    /// The p-value of McNemar's exact two-sided test: the probability that equally good classifiers differ at least this
    /// much. 1 if they never differ.
    pub fn p_value(&self) -> f64 {
        mcnemar(self.only_challenger, self.only_champion)
    }
}

/// Terms below this don't change a sum of at least 1.
const NEGLIGIBLE: f64 = 1e-18;

/// Twice the probability of at most the smaller count, in a binomial distribution with p = 1/2.
fn mcnemar(one: u64, other: u64) -> f64 {
    let (few, all) = (one.min(other), one + other);
    // The terms from `few` downwards, relative to the first, in decreasing order.
    let (mut sum, mut term) = (1.0, 1.0);
    for count in (1..=few).rev() {
        term *= count as f64 / (all - count + 1) as f64;
        sum += term;
        if term < NEGLIGIBLE {
            break;
        }
    }
    (2.0 * sum * (ln_choose(all, few) - all as f64 * std::f64::consts::LN_2).exp()).min(1.0)
}

/// The logarithm of the binomial coefficient.
fn ln_choose(all: u64, few: u64) -> f64 {
    let factor = |count: u64| ((all - few + count) as f64 / count as f64).ln();
    (1..=few).map(factor).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn p_values_are_those_of_statsmodels_and_scipy() {
        let golden = include_str!("../../tests/golden/mcnemar.json");
        let golden: Vec<(u64, u64, f64, f64)> = serde_json::from_str(golden).unwrap();
        assert!(golden.len() > 20);
        for (one, other, statsmodels, scipy) in golden {
            for expected in [statsmodels, scipy] {
                let got = mcnemar(one, other);
                let near = (got - expected).abs() <= 1e-10 * expected + 1e-200;
                assert!(near, "{one}, {other}: {got}, expected {expected}");
            }
        }
    }

    #[test]
    fn images_are_counted_in_pairs() {
        assert_eq!(Paired::new(&[true], &[]), None);
        let paired = Paired::new(&[true, true, false, false], &[true, false, true, false]);
        let paired = paired.unwrap();
        let each = (paired.both, paired.only_challenger, paired.only_champion);
        assert_eq!((each, paired.neither), ((1, 1, 1), 1));
    }

    proptest! {
        #[test]
        fn the_test_is_symmetric(one in 0_u64..3000, other in 0_u64..3000) {
            let p = mcnemar(one, other);
            prop_assert_eq!(p.to_bits(), mcnemar(other, one).to_bits());
            prop_assert!((0.0..=1.0).contains(&p), "{}", p);
        }

        #[test]
        fn a_larger_difference_is_less_probable(few in 0_u64..400, more in 0_u64..400) {
            prop_assume!(few < more);
            // Moves one image to the other side.
            prop_assert!(mcnemar(few, more) >= mcnemar(few.saturating_sub(1), more + u64::from(few > 0)));
            prop_assert!(mcnemar(few, few) > 0.999_999);
        }
    }
}
