//! Whether two classifiers differ by more than chance on the same images.

use serde::{Deserialize, Serialize};

/// Two classifiers on the same images, each image counted by which of them is right.
///
/// Only the images that one of them alone gets right tell the two apart: were they equally good, each such image would
/// fall to either with the same chance. McNemar, "Note on the sampling error of the difference between correlated
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
    /// Images that both get right.
    pub both: u64,
    /// Images that only the challenger gets right.
    pub only_challenger: u64,
    /// Images that only the champion gets right.
    pub only_champion: u64,
    /// Images that both get wrong.
    pub neither: u64,
}

impl Paired {
    /// Counts images, given in the same order to both; `None` when one has more images than the other.
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

    /// How probable it is that two equally good classifiers differ at least this much, 0 to 1: McNemar's exact test with
    /// both sides, 1 where they never differ.
    pub fn p_value(&self) -> f64 {
        mcnemar(self.only_challenger, self.only_champion)
    }
}

/// Below this, further terms no longer change a sum that begins with 1.
const NEGLIGIBLE: f64 = 1e-18;

/// Twice the chance of at most the lesser of the two counts among all, when each falls to either side with chance 1/2.
fn mcnemar(one: u64, other: u64) -> f64 {
    let (few, all) = (one.min(other), one + other);
    // The terms from `few` downwards, as shares of the first. Each is less than the one before.
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

/// The logarithm of the number of ways to choose `few` of `all`.
fn ln_choose(all: u64, few: u64) -> f64 {
    let factor = |count: u64| ((all - few + count) as f64 / count as f64).ln();
    (1..=few).map(factor).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_test_is_that_of_statsmodels_and_scipy() {
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
    fn answers_in_another_number_are_no_pairs() {
        assert_eq!(Paired::new(&[true], &[]), None);
        let paired = Paired::new(&[true, true, false, false], &[true, false, true, false]);
        let paired = paired.unwrap();
        let each = (paired.both, paired.only_challenger, paired.only_champion);
        assert_eq!((each, paired.neither), ((1, 1, 1), 1));
    }

    proptest! {
        #[test]
        fn the_sides_may_change_places(one in 0_u64..3000, other in 0_u64..3000) {
            let p = mcnemar(one, other);
            prop_assert_eq!(p.to_bits(), mcnemar(other, one).to_bits());
            prop_assert!((0.0..=1.0).contains(&p), "{}", p);
        }

        #[test]
        fn a_wider_gap_between_as_many_is_less_probable(few in 0_u64..400, more in 0_u64..400) {
            prop_assume!(few < more);
            // One image changes sides.
            prop_assert!(mcnemar(few, more) >= mcnemar(few.saturating_sub(1), more + u64::from(few > 0)));
            prop_assert!(mcnemar(few, few) > 0.999_999);
        }
    }
}
