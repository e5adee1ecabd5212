use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Sample;

/// The largest number of images in a group of [`series_groups`].
const LENGTH: usize = 10;

/// Groups of images with consecutive numbers, for [`stratified_split`](crate::stratified_split): photos numbered in the order in
/// which they were collected often show the same animal, so a model that was trained on one has nearly seen the next.
///
/// The images of a class whose names differ only in the number at the end (`pug_9.jpg`, `pug_10.jpg`) are a series. It is
/// divided into groups of ten, or of a tenth of the class if that is less, so that a fifth of the class can be set aside.
/// Images without a number belong to no group.
///
/// ```
/// use pet_data::{Sample, series_groups};
///
/// let samples: Vec<Sample> = (0..100)
///     .map(|number| Sample { path: format!("pug_{number}.jpg").into(), class: 0 })
///     .collect();
/// let groups = series_groups(&samples);
/// assert_eq!(groups.len(), 10);
/// assert_eq!(groups[0][9].to_str(), Some("pug_9.jpg"));
/// ```
pub fn series_groups(samples: &[Sample]) -> Vec<Vec<PathBuf>> {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let mut series: BTreeMap<(usize, PathBuf), Vec<(u64, &Path)>> = BTreeMap::new();
    for sample in samples {
        *sizes.entry(sample.class).or_default() += 1;
        if let Some((name, number)) = numbered(&sample.path) {
            series.entry((sample.class, name)).or_default().push((number, &sample.path));
        }
    }
    let mut groups = Vec::new();
    for ((class, _), mut images) in series {
        images.sort_unstable();
        let length = (sizes[&class] / 10).clamp(1, LENGTH);
        let paths =
            |group: &[(u64, &Path)]| group.iter().map(|(_, path)| (*path).to_owned()).collect();
        groups.extend(images.chunks(length).map(paths));
    }
    groups
}

/// Divides a path into its part before the number at the end of the file name, and the number.
fn numbered(path: &Path) -> Option<(PathBuf, u64)> {
    let stem = path.file_stem()?.to_str()?;
    let name = stem.trim_end_matches(|end: char| end.is_ascii_digit());
    let number = stem[name.len()..].parse().ok()?;
    Some((path.with_file_name(name), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grouped_folds, stratified_split};

    fn samples(names: &[&str]) -> Vec<Sample> {
        let sample =
            |name: &&str| Sample { path: name.into(), class: usize::from(name.starts_with('b')) };
        names.iter().map(sample).collect()
    }

    fn pets(count: usize) -> Vec<Sample> {
        let sample = |number: usize| Sample {
            path: format!("images/{}_{number}.jpg", ["cat", "dog"][number % 2]).into(),
            class: number % 2,
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn names_with_a_number_at_the_end_are_series() {
        let parts = |path: &str| {
            numbered(Path::new(path)).map(|(name, number)| (name.display().to_string(), number))
        };
        assert_eq!(parts("a/Sphynx_007.jpg"), Some(("a/Sphynx_".into(), 7)));
        assert_eq!(parts("a/12.png"), Some(("a/".into(), 12)));
        for path in ["a/cat.jpg", "a/1a.jpg", "..", "", "a/99999999999999999999999.jpg"] {
            assert_eq!(parts(path), None, "{path}");
        }
    }

    #[test]
    fn numbers_are_ordered_as_numbers_within_their_class_and_name() {
        let names: Vec<String> = (0..40).map(|number| format!("a{number}.jpg")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.extend(["b1.jpg", "ab1.jpg", "a.jpg"]);
        names.reverse();
        let groups = series_groups(&samples(&names));
        assert_eq!(groups.len(), 12);
        assert_eq!(groups[2], ["a8.jpg", "a9.jpg", "a10.jpg", "a11.jpg"].map(PathBuf::from));
        assert!(
            groups.contains(&vec!["ab1.jpg".into()]) && groups.contains(&vec!["b1.jpg".into()])
        );
    }

    #[test]
    fn small_classes_are_still_divided() {
        for count in [4, 20, 60, 200, 2000] {
            let samples = pets(count);
            let groups = series_groups(&samples);
            let split = stratified_split(&samples, 0.2, 42, &groups).unwrap();
            assert_eq!(split.validation.len(), count / 5 / 2 * 2, "{count}");
            for group in &groups {
                let validated = |sample: &&Sample| group.contains(&sample.path);
                let validated = split.validation.iter().filter(validated).count();
                assert!(validated == 0 || validated == group.len(), "{count}");
            }
        }
        let samples = pets(200);
        let folds = grouped_folds(&samples, 5, 42, &series_groups(&samples)).unwrap();
        assert!(folds.iter().all(|fold| fold.validation.len() == 40));
    }
}
