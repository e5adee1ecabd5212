use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::{Dataset, Error, Sample};

/// Training and validation samples, without overlap.
///
/// Both are ordered by class, then by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Training samples, at least one of every class.
    pub train: Vec<Sample>,
    /// Validation samples, about the requested fraction of every class.
    pub validation: Vec<Sample>,
}

/// Selects `validation_fraction` of every class for validation, at random by `seed`, but keeps the samples of each group
/// on one side, such as copies or photographs of one moment.
///
/// Of a class with `n` samples, `validation_fraction * n` (rounded) are selected, but never all of them.
/// The result depends on the set of samples, the fraction, the seed and the groups only: every class is sorted by
/// path and shuffled by its own `ChaCha8` stream, so neither the order of `samples` nor other classes
/// matter.
///
/// A group counts for each of its classes, and stays in training if it would exceed the share of one. Groups are lists
/// of paths; unknown paths and groups of one have no effect, and groups that share a sample count as one.
///
/// # Errors
///
/// [`Error::Fraction`] unless `0 <= validation_fraction < 1`; [`Error::DuplicateSample`] if a path occurs
/// twice.
///
/// ```
/// use pet_data::{Sample, stratified_split};
///
/// let samples: Vec<Sample> = (0..10)
///     .map(|number| Sample { path: format!("{number}.jpg").into(), class: number % 2 })
///     .collect();
/// let split = stratified_split(&samples, 0.2, 42, &[])?;
/// assert_eq!((split.train.len(), split.validation.len()), (8, 2));
/// # Ok::<(), pet_data::Error>(())
/// ```
pub fn stratified_split(
    samples: &[Sample],
    validation_fraction: f64,
    seed: u64,
    groups: &[Vec<PathBuf>],
) -> Result<Split, Error> {
    if !(0.0..1.0).contains(&validation_fraction) {
        return Err(Error::Fraction { got: validation_fraction });
    }
    let classes = by_class(samples)?;
    let groups = Groups::new(samples, groups);
    let count = |members: &Vec<_>| validation_count(members.len(), validation_fraction);
    let mut room: BTreeMap<usize, usize> =
        classes.iter().map(|(class, members)| (*class, count(members))).collect();
    let mut chosen: HashSet<&PathBuf> = HashSet::new();
    for (class, members) in &classes {
        for sample in shuffled(members, seed, *class) {
            let group = groups.of(sample);
            if !chosen.contains(&sample.path) && take(&group, &mut room) {
                chosen.extend(group.iter().map(|sample| &sample.path));
            }
        }
    }
    Ok(divide(&classes, |sample| chosen.contains(&sample.path)))
}

/// Divides the samples into `count` folds for cross-validation, each with one fold for validation and the others for
/// training. Every class has about the same share of each fold, and the samples of a group are in the same fold.
///
/// # Errors
///
/// [`Error::Folds`] for less than two folds or an empty one; otherwise as [`stratified_split`].
pub fn grouped_folds(
    samples: &[Sample],
    count: usize,
    seed: u64,
    groups: &[Vec<PathBuf>],
) -> Result<Vec<Split>, Error> {
    let invalid = || Error::Folds { got: count, images: samples.len() };
    if count < 2 || count > samples.len() {
        return Err(invalid());
    }
    let classes = by_class(samples)?;
    let parts = parts(&classes, &Groups::new(samples, groups), count, seed);
    let fold = |part| divide(&classes, |sample| parts.get(&sample.path) == Some(&part));
    let folds: Vec<Split> = (0..count).map(fold).collect();
    if folds.iter().any(|fold| fold.validation.is_empty()) {
        return Err(invalid());
    }
    Ok(folds)
}

impl Dataset {
    /// Splits the images into training and validation: as the data set does, or else by [`stratified_split`]. Added images
    /// are not included.
    ///
    /// # Errors
    ///
    /// As [`stratified_split`].
    pub fn split(
        &self,
        validation_fraction: f64,
        seed: u64,
        groups: &[Vec<PathBuf>],
    ) -> Result<Split, Error> {
        if self.validation.is_empty() {
            return stratified_split(&self.train, validation_fraction, seed, groups);
        }
        Ok(Split { train: self.train.clone(), validation: self.validation.clone() })
    }
}

/// The samples of each class, sorted by path.
type Classes<'a> = BTreeMap<usize, Vec<&'a Sample>>;

/// Assigns each sample with its group to the part where its class has the fewest samples, of those to the smallest.
fn parts<'a>(
    classes: &Classes<'a>,
    groups: &Groups<'a>,
    count: usize,
    seed: u64,
) -> HashMap<&'a PathBuf, usize> {
    let mut sizes = vec![Part::default(); count];
    let mut parts = HashMap::new();
    for (class, members) in classes {
        for sample in shuffled(members, seed, *class) {
            if parts.contains_key(&sample.path) {
                continue;
            }
            let fewest = |part: &usize| {
                let part = &sizes[*part];
                (part.classes.get(class).copied().unwrap_or_default(), part.images)
            };
            let part = (0..count).min_by_key(fewest).unwrap_or_default();
            for sample in groups.of(sample) {
                parts.insert(&sample.path, part);
                sizes[part].images += 1;
                *sizes[part].classes.entry(sample.class).or_default() += 1;
            }
        }
    }
    parts
}

/// Number of samples of a part, in total and by class.
#[derive(Clone, Default)]
struct Part {
    images: usize,
    classes: BTreeMap<usize, usize>,
}

/// The samples of a class in random order, independent of other classes.
fn shuffled<'a>(members: &[&'a Sample], seed: u64, class: usize) -> Vec<&'a Sample> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(class as u64);
    let mut members = members.to_vec();
    members.shuffle(&mut random);
    members
}

/// The samples for validation, and the others for training.
fn divide(classes: &Classes<'_>, validated: impl Fn(&Sample) -> bool) -> Split {
    let all = classes.values().flatten().copied().cloned();
    let (validation, train) = all.partition(validated);
    Split { train, validation }
}

/// Takes room for a group if every class has enough for it.
fn take(group: &[&Sample], room: &mut BTreeMap<usize, usize>) -> bool {
    let mut needed: BTreeMap<usize, usize> = BTreeMap::new();
    for sample in group {
        *needed.entry(sample.class).or_default() += 1;
    }
    let fits = needed.iter().all(|(class, count)| room.get(class) >= Some(count));
    if fits {
        for (class, count) in needed {
            room.entry(class).and_modify(|rest| *rest -= count);
        }
    }
    fits
}

/// The group of each sample.
struct Groups<'a> {
    members: Vec<Vec<&'a Sample>>,
    places: HashMap<&'a PathBuf, usize>,
}

impl<'a> Groups<'a> {
    fn new(samples: &'a [Sample], groups: &[Vec<PathBuf>]) -> Self {
        let by_path: HashMap<&PathBuf, &Sample> =
            samples.iter().map(|sample| (&sample.path, sample)).collect();
        let mut all = Self { members: Vec::new(), places: HashMap::new() };
        for group in groups {
            all.add(group.iter().filter_map(|path| by_path.get(path).copied()).collect());
        }
        all
    }

    /// Adds a group, with those that share a sample with it.
    fn add(&mut self, mut group: Vec<&'a Sample>) {
        let known = group.iter().filter_map(|sample| self.places.get(&sample.path).copied());
        let known: BTreeSet<usize> = known.collect();
        for place in known {
            group.append(&mut self.members[place]);
        }
        group.sort_unstable_by_key(|sample| &sample.path);
        group.dedup();
        let place = self.members.len();
        self.places.extend(group.iter().map(|sample| (&sample.path, place)));
        self.members.push(group);
    }

    fn of(&self, sample: &'a Sample) -> Vec<&'a Sample> {
        let place = self.places.get(&sample.path);
        place.map_or_else(|| vec![sample], |place| self.members[*place].clone())
    }
}

fn by_class(samples: &[Sample]) -> Result<Classes<'_>, Error> {
    let mut sorted: Vec<&Sample> = samples.iter().collect();
    sorted.sort_unstable_by_key(|sample| &sample.path);
    let mut classes = Classes::new();
    let mut previous = None;
    for sample in sorted {
        if previous == Some(&sample.path) {
            return Err(Error::DuplicateSample { path: sample.path.clone() });
        }
        previous = Some(&sample.path);
        classes.entry(sample.class).or_default().push(sample);
    }
    Ok(classes)
}

/// Number of validation samples; fewer than `total`, if there are any.
fn validation_count(total: usize, fraction: f64) -> usize {
    let wanted = (total as f64 * fraction).round() as usize;
    wanted.min(total.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(sizes: &[usize]) -> Vec<Sample> {
        let class = |(class, &size)| {
            (0..size).map(move |number| Sample { path: format!("{class}/{number}").into(), class })
        };
        sizes.iter().enumerate().flat_map(class).collect()
    }

    fn paths(samples: &[Sample]) -> HashSet<&Sample> {
        samples.iter().collect()
    }

    fn count_of(samples: &[Sample], class: usize) -> usize {
        samples.iter().filter(|sample| sample.class == class).count()
    }

    proptest! {
        #[test]
        fn split_is_disjoint_and_complete(
            sizes in prop::collection::vec(1_usize..40, 1..8), fraction in 0.0..0.99, seed: u64,
        ) {
            let all = samples(&sizes);
            let split = stratified_split(&all, fraction, seed, &[]).unwrap();
            prop_assert!(paths(&split.train).is_disjoint(&paths(&split.validation)));
            prop_assert_eq!(split.train.len() + split.validation.len(), all.len());
            let joined: HashSet<_> = split.train.iter().chain(&split.validation).collect();
            prop_assert_eq!(joined, paths(&all));
        }

        #[test]
        fn every_class_keeps_its_proportion_and_a_training_sample(
            sizes in prop::collection::vec(1_usize..40, 1..8), fraction in 0.0..0.99, seed: u64,
        ) {
            let split = stratified_split(&samples(&sizes), fraction, seed, &[]).unwrap();
            for (class, &size) in sizes.iter().enumerate() {
                let got = count_of(&split.validation, class) as f64;
                prop_assert!((got - size as f64 * fraction).abs() <= 1.0);
                prop_assert!(count_of(&split.train, class) >= 1);
            }
        }

        #[test]
        fn order_of_the_input_does_not_matter(
            shuffled in Just(samples(&[7, 12, 3])).prop_shuffle(), seed: u64,
        ) {
            let sorted = stratified_split(&samples(&[7, 12, 3]), 0.3, seed, &[]).unwrap();
            prop_assert_eq!(stratified_split(&shuffled, 0.3, seed, &[]).unwrap(), sorted);
        }

        #[test]
        fn another_seed_gives_another_split(seed: u64) {
            let all = samples(&[40, 40]);
            let one = stratified_split(&all, 0.5, seed, &[]).unwrap();
            let other = stratified_split(&all, 0.5, seed.wrapping_add(1), &[]).unwrap();
            prop_assert_ne!(one, other);
        }
    }

    #[test]
    fn another_class_leaves_a_class_as_it_was() {
        let alone = stratified_split(&samples(&[20]), 0.2, 1, &[]).unwrap();
        let together = stratified_split(&samples(&[20, 9]), 0.2, 1, &[]).unwrap();
        assert_eq!(together.validation[..4], alone.validation[..]);
    }

    #[test]
    fn same_seed_gives_the_split_it_always_gave() {
        let split = stratified_split(&samples(&[10]), 0.3, 42, &[]).unwrap();
        let chosen: Vec<_> =
            split.validation.iter().map(|sample| sample.path.to_str().unwrap()).collect();
        assert_eq!(chosen, ["0/1", "0/5", "0/7"]);
    }

    #[test]
    fn a_fraction_outside_of_its_range_is_refused() {
        for fraction in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
            let error = stratified_split(&samples(&[3]), fraction, 0, &[]).unwrap_err();
            assert!(matches!(error, Error::Fraction { .. }), "{error}");
        }
    }

    #[test]
    fn a_path_given_twice_is_refused() {
        let twice = [samples(&[3]), samples(&[1])].concat();
        let error = stratified_split(&twice, 0.2, 0, &[]).unwrap_err();
        assert_eq!(error.to_string(), "sample `0/0` is listed twice");
    }

    /// Groups of three, across the classes.
    fn triples(samples: &[Sample]) -> Vec<Vec<PathBuf>> {
        let mut mixed: Vec<&Sample> = samples.iter().collect();
        mixed.sort_by_key(|sample| sample.path.to_string_lossy().bytes().rev().collect::<Vec<_>>());
        let paths = |group: &[&Sample]| group.iter().map(|sample| sample.path.clone()).collect();
        mixed.chunks(3).map(paths).collect()
    }

    proptest! {
        #[test]
        fn groups_stay_together_and_no_class_gives_more_than_its_share(
            sizes in prop::collection::vec(1..30usize, 1..6),
            fraction in 0.0..0.9f64,
            seed: u64,
        ) {
            let all = samples(&sizes);
            let groups = triples(&all);
            let split = stratified_split(&all, fraction, seed, &groups).unwrap();
            prop_assert_eq!(split.train.len() + split.validation.len(), all.len());
            let validated: HashSet<_> = split.validation.iter().map(|one| &one.path).collect();
            for group in &groups {
                let count = group.iter().filter(|path| validated.contains(path)).count();
                prop_assert!(count == 0 || count == group.len(), "{group:?}");
            }
            for (class, size) in sizes.iter().enumerate() {
                let count = split.validation.iter().filter(|one| one.class == class).count();
                prop_assert!(count <= validation_count(*size, fraction));
            }
        }

        #[test]
        fn every_sample_is_validated_once_and_groups_stay_together(
            sizes in prop::collection::vec(1..30usize, 1..6), count in 2..7usize, seed: u64,
        ) {
            let all = samples(&sizes);
            let groups = triples(&all);
            let Ok(folds) = grouped_folds(&all, count, seed, &groups) else {
                return Ok(());
            };
            prop_assert_eq!(folds.len(), count);
            let mut validated: Vec<_> = folds.iter().flat_map(|fold| &fold.validation).collect();
            validated.sort_by_key(|sample| &sample.path);
            let mut expected: Vec<_> = all.iter().collect();
            expected.sort_by_key(|sample| &sample.path);
            prop_assert_eq!(validated, expected);
            for fold in &folds {
                prop_assert!(paths(&fold.train).is_disjoint(&paths(&fold.validation)));
                prop_assert_eq!(fold.train.len() + fold.validation.len(), all.len());
                let own: HashSet<_> = fold.validation.iter().map(|one| &one.path).collect();
                for group in &groups {
                    let count = group.iter().filter(|path| own.contains(path)).count();
                    prop_assert!(count == 0 || count == group.len(), "{group:?}");
                }
            }
        }
    }

    #[test]
    fn folds_are_of_like_size() {
        let folds = grouped_folds(&samples(&[23, 40]), 5, 7, &[]).unwrap();
        for fold in &folds {
            let sizes = [0, 1].map(|class| count_of(&fold.validation, class));
            assert!((4..=5).contains(&sizes[0]) && sizes[1] == 8, "{sizes:?}");
        }
        // Classes smaller than the number of folds.
        for fold in grouped_folds(&samples(&[3; 37]), 5, 7, &[]).unwrap() {
            assert!((22..=23).contains(&fold.validation.len()), "{}", fold.validation.len());
        }
        for count in [0, 1, 6, 1000] {
            let error = grouped_folds(&samples(&[3, 2]), count, 7, &[]).unwrap_err();
            assert!(matches!(error, Error::Folds { images: 5, .. }), "{count}: {error}");
        }
    }

    #[test]
    fn a_few_groups_leave_the_share_as_it_is() {
        let all = samples(&[50, 50]);
        let pair = |one: usize, other: usize| vec![all[one].path.clone(), all[other].path.clone()];
        let groups = [pair(0, 1), pair(10, 60), pair(7, 8)];
        for seed in 0..20 {
            let split = stratified_split(&all, 0.2, seed, &groups).unwrap();
            assert_eq!(split.validation.len(), 20, "seed {seed}");
        }
    }

    #[test]
    fn groups_that_share_a_sample_are_one() {
        let all = samples(&[40]);
        let path = |index: usize| all[index].path.clone();
        let chain = [vec![path(0), path(1)], vec![path(2), path(3)], vec![path(1), path(2)]];
        let joined = [(0..4).map(path).collect()];
        for seed in 0..20 {
            assert_eq!(
                stratified_split(&all, 0.2, seed, &chain).unwrap(),
                stratified_split(&all, 0.2, seed, &joined).unwrap(),
            );
        }
    }

    #[test]
    fn groups_of_other_samples_change_nothing() {
        let all = samples(&[12, 9]);
        let groups = [vec!["elsewhere.jpg".into()], vec![all[3].path.clone()], vec![]];
        assert_eq!(
            stratified_split(&all, 0.3, 5, &groups).unwrap(),
            stratified_split(&all, 0.3, 5, &[]).unwrap()
        );
    }
}
