//! Properties of searches.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use pet_pipeline::sweep::{Axis, Error, Outcome, Point, Rung, Rungs, Search, Space};
use proptest::prelude::*;

fn space(sizes: &[usize]) -> Space {
    let axes = sizes.iter().enumerate().map(|(index, size)| {
        let values = (0..*size).map(|value| value as f64).collect();
        Axis::new(format!("axis {index}"), values)
    });
    Space::new(axes.collect()).unwrap()
}

fn key(point: &Point) -> Vec<u64> {
    point.values().map(|(_, value)| value.to_bits()).collect()
}

/// Runs a search to its end and returns the numbers of the trials, round by round.
fn run<S: PartialOrd>(
    search: &mut Search<S>,
    score: impl Fn(usize) -> Option<S>,
) -> Vec<Vec<usize>> {
    let mut rounds = vec![Vec::new(); search.rungs().all().len()];
    while let Some(trial) = search.next_trial() {
        assert_eq!(search.next_trial(), Some(trial.clone()));
        rounds[trial.rung].push(trial.number);
        search.report(score(trial.number));
    }
    assert!(search.next_trial().is_none());
    rounds
}

proptest! {
    #[test]
    fn a_grid_has_every_combination_once(sizes in prop::collection::vec(1..5_usize, 0..4)) {
        let space = space(&sizes);
        let grid = space.grid();
        prop_assert_eq!(grid.len(), sizes.iter().product::<usize>());
        prop_assert_eq!(grid.len(), space.len());
        let different: BTreeSet<_> = grid.iter().map(key).collect();
        prop_assert_eq!(different.len(), grid.len());
        // The points are ascending, because the values are and the last axis changes fastest.
        prop_assert!(grid.is_sorted_by_key(key));
    }

    #[test]
    fn a_sample_has_different_points_of_the_space(
        sizes in prop::collection::vec(1..5_usize, 1..4),
        share in 0.0..1.0_f64,
        seed in any::<u64>(),
    ) {
        let space = space(&sizes);
        let count = 1 + (share * (space.len() - 1) as f64) as usize;
        let sample = space.sample(count, seed).unwrap();
        prop_assert_eq!(&sample, &space.sample(count, seed).unwrap());
        let different: BTreeSet<_> = sample.iter().map(key).collect();
        prop_assert_eq!(different.len(), count);
        let all: BTreeSet<_> = space.grid().iter().map(key).collect();
        prop_assert!(different.is_subset(&all));
    }

    #[test]
    fn later_rounds_have_fewer_and_longer_trials(
        trials in 1..200_usize,
        factor in 2..6_usize,
        shortest in 1..10_usize,
        longer in 0..100_usize,
    ) {
        let rungs = Rungs::halving(trials, factor, shortest, shortest + longer).unwrap();
        let all = rungs.all();
        prop_assert_eq!(all[0].trials, trials);
        prop_assert_eq!(all[all.len() - 1].epochs, shortest + longer);
        prop_assert!(all.iter().all(|rung| rung.trials >= 1 && rung.epochs >= shortest));
        for pair in all.windows(2) {
            prop_assert_eq!(pair[1].trials, pair[0].trials / factor);
            prop_assert!(pair[0].epochs < pair[1].epochs);
        }
        let cost: usize = all.iter().map(|rung| rung.trials * rung.epochs).sum();
        prop_assert_eq!(rungs.epochs(), cost);
    }

    #[test]
    fn the_best_trials_of_each_round_continue(
        scores in prop::collection::vec(prop::option::of(0..6_u32), 1..40),
        factor in 2..4_usize,
    ) {
        let space = space(&[scores.len()]);
        let rungs = Rungs::halving(scores.len(), factor, 1, 27).unwrap();
        let mut search = Search::new(space.grid(), rungs.clone());
        let rounds = run(&mut search, |number| scores[number]);
        prop_assert_eq!(&rounds[0], &(0..scores.len()).collect::<Vec<_>>());
        for (pair, rung) in rounds.windows(2).zip(&rungs.all()[1..]) {
            let mut expected = pair[0].clone();
            expected.retain(|number| scores[*number].is_some());
            expected.sort_by_key(|number| std::cmp::Reverse(scores[*number]));
            expected.truncate(rung.trials);
            prop_assert_eq!(&pair[1], &expected);
        }
        let ranking = search.ranking();
        prop_assert_eq!(ranking.len(), search.outcomes().len());
        let order = |outcome: &&Outcome<u32>| (outcome.trial.rung, outcome.score);
        prop_assert!(ranking.windows(2).all(|pair| order(&pair[0]) >= order(&pair[1])));
        if let Some(best) = scores.iter().max().copied().flatten() {
            prop_assert_eq!(ranking[0].score, Some(best));
        }
    }
}

#[test]
fn halving_has_the_published_rounds() {
    let rung = |trials, epochs| Rung { trials, epochs };
    let rungs = Rungs::halving(27, 3, 1, 27).unwrap();
    assert_eq!(rungs.all(), [rung(27, 1), rung(9, 3), rung(3, 9), rung(1, 27)]);
    assert_eq!((rungs.trials(), rungs.epochs()), (40, 4 * 27));
    // There are not enough trials or epochs for more rounds.
    assert_eq!(Rungs::halving(4, 2, 2, 9).unwrap().all(), [rung(4, 2), rung(2, 5), rung(1, 9)]);
    assert_eq!(Rungs::halving(2, 3, 1, 27).unwrap().all(), [rung(2, 27)]);
    assert_eq!(Rungs::halving(9, 3, 2, 6).unwrap().all(), [rung(9, 2), rung(3, 6)]);
}

#[test]
fn a_search_ends_after_a_round_of_failures() {
    let rungs = Rungs::halving(4, 2, 1, 4).unwrap();
    let mut search = Search::<f64>::new(space(&[4]).grid(), rungs);
    let rounds = run(&mut search, |_| None);
    assert_eq!(rounds, [vec![0, 1, 2, 3], vec![], vec![]]);
    assert_eq!(search.outcomes().len(), 4);
}

#[test]
fn a_score_that_is_not_a_number_is_the_worst() {
    let rungs = Rungs::single(3, 1).unwrap();
    let mut search = Search::new(space(&[3]).grid(), rungs);
    run(&mut search, |number| Some([f64::NAN, 0.1, 0.9][number]));
    let order: Vec<_> = search.ranking().iter().map(|outcome| outcome.trial.number).collect();
    assert_eq!(order, [2, 1, 0]);
}

#[test]
fn a_search_can_be_stopped() {
    let rungs = Rungs::halving(4, 2, 1, 4).unwrap();
    let mut search = Search::new(space(&[4]).grid(), rungs);
    assert_eq!(search.next_trial().unwrap().number, 0);
    search.report(Some(0.5));
    search.report(Some(0.9));
    assert_eq!(search.next_trial().unwrap().number, 1);
    assert_eq!(search.ranking().len(), 1);
}

#[test]
fn invalid_spaces_and_rounds_are_errors() {
    let refusal = |axes: &[(&str, &[f64])]| {
        let axes = axes.iter().map(|(name, values)| Axis::new(*name, values.to_vec()));
        Space::new(axes.collect()).unwrap_err().to_string()
    };
    assert_eq!(refusal(&[("rate", &[])]), "`rate` has no values to try");
    assert!(refusal(&[("rate", &[0.1, 0.2, 0.1])]).contains("`0.1` twice"));
    assert!(refusal(&[("rate", &[0.1]), ("rate", &[0.2])]).contains("twice"));
    let values: Vec<f64> = (0..1001).map(f64::from).collect();
    assert!(refusal(&[("a", &values), ("b", &values)]).contains("more than `1000000` points"));

    let space = space(&[2, 3]);
    for count in [0, 7] {
        let error = space.sample(count, 1).unwrap_err();
        assert!(matches!(error, Error::Number { name: "trials", .. }));
    }
    assert!(Rungs::single(0, 5).is_err());
    assert!(Rungs::single(5, 0).is_err());
    assert!(Rungs::halving(4, 1, 1, 4).is_err());
    assert!(Rungs::halving(4, 2, 0, 4).is_err());
    assert!(Rungs::halving(4, 2, 5, 4).is_err());
}
