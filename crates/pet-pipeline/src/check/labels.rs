//! Labels that are probably wrong, by confident learning (Northcutt, Jiang & Chuang 2021).

/// Classes with fewer images are not judged: what was to know them has hardly seen them.
const LEAST_IMAGES: usize = 5;

/// A label that has less than this share of the probability that labels of its class have in the mean is suspected. In
/// 3,680 photographs with 100 labels swapped, and as well with 400, this gave a higher F1 than all of cleanlab's methods
/// on the same probabilities (docs/data-check.md).
const SHARE: f32 = 0.03;

/// A label that is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelError {
    /// Place of the image in the lists.
    pub image: usize,
    /// The class that it was given.
    pub given: usize,
    /// The class that it is taken for.
    pub likely: usize,
    /// Probability of the one.
    pub given_probability: f32,
    /// Probability of the other.
    pub likely_probability: f32,
}

/// Finds labels that are probably wrong, the least probable first. `probabilities` has a row for each image, from a
/// classifier that has not seen it, and `labels` its class.
///
/// An image is confidently of the likeliest class that it has more probability of than the images of this class have in
/// the mean. As many images are suspected as are confidently of another class than their label says (the off-diagonal
/// sum of the paper's confident joint), those with the least probable labels, if another class is likelier and the
/// label's probability is out of the ordinary for its class.
///
/// ```
/// use pet_pipeline::check::label_errors;
///
/// let mut probabilities = vec![vec![0.9, 0.1]; 5];
/// probabilities.extend(vec![vec![0.2, 0.8]; 5]);
/// // An image among the first class that looks like one of the second.
/// probabilities.push(vec![0.01, 0.99]);
/// let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0];
/// let errors = label_errors(&probabilities, &labels);
/// assert_eq!((errors[0].image, errors[0].likely, errors.len()), (10, 1, 1));
/// ```
pub fn label_errors(probabilities: &[Vec<f32>], labels: &[usize]) -> Vec<LabelError> {
    let classes = probabilities.iter().map(Vec::len).max().unwrap_or(0);
    let usual = self_confidence(probabilities, labels, classes);
    let rows = || probabilities.iter().zip(labels.iter().copied());
    let confident = rows().filter(|(row, label)| {
        let class = confident_class(row, &usual);
        class.is_some_and(|class| class != *label)
    });
    let most = confident.count();
    let suspect = |(image, (row, given)): (usize, (&Vec<f32>, usize))| {
        let given_probability = *row.get(given)?;
        let (likely, likely_probability) = likeliest(row.iter().copied().enumerate())?;
        let usual = usual.get(given).copied().flatten()?;
        (likely != given && given_probability < SHARE * usual).then_some(LabelError {
            image,
            given,
            likely,
            given_probability,
            likely_probability,
        })
    };
    let mut suspects: Vec<LabelError> = rows().enumerate().filter_map(suspect).collect();
    suspects.sort_by(|one, other| one.given_probability.total_cmp(&other.given_probability));
    suspects.truncate(most);
    suspects
}

/// The mean probability that the images of each class have of their own class; `None` for classes of few images.
fn self_confidence(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Vec<Option<f32>> {
    let mut sums = vec![(0.0, 0); classes];
    for (row, &label) in probabilities.iter().zip(labels) {
        if let (Some((sum, count)), Some(own)) = (sums.get_mut(label), row.get(label)) {
            *sum += own;
            *count += 1;
        }
    }
    let mean = |(sum, count): (f32, usize)| (count >= LEAST_IMAGES).then(|| sum / count as f32);
    sums.into_iter().map(mean).collect()
}

/// The likeliest of the classes of which an image has at least the usual probability.
fn confident_class(row: &[f32], usual: &[Option<f32>]) -> Option<usize> {
    let classes = row.iter().copied().zip(usual).enumerate();
    let confident = classes.filter_map(|(class, (probability, usual))| {
        (probability >= (*usual)?).then_some((class, probability))
    });
    likeliest(confident).map(|(class, _)| class)
}

/// The class with the highest probability, with that; of equals the last.
pub(super) fn likeliest(classes: impl Iterator<Item = (usize, f32)>) -> Option<(usize, f32)> {
    classes.max_by(|one, other| one.1.total_cmp(&other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of three classes, each with 0.8 for its class.
    fn clean(each: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let labels: Vec<usize> = (0..3 * each).map(|image| image % 3).collect();
        let row = |&label: &usize| {
            let mut row = vec![0.1; 3];
            row[label] = 0.8;
            row
        };
        (labels.iter().map(row).collect(), labels)
    }

    #[test]
    fn clean_labels_are_not_suspected() {
        let (probabilities, labels) = clean(10);
        assert_eq!(label_errors(&probabilities, &labels), []);
    }

    #[test]
    fn swapped_labels_come_least_probable_first() {
        let (mut probabilities, labels) = clean(20);
        // Labels 1 and 2.
        probabilities[4] = vec![0.98, 0.015, 0.005];
        probabilities[5] = vec![0.001, 0.995, 0.004];
        let errors = label_errors(&probabilities, &labels);
        let found: Vec<_> = errors.iter().map(|one| (one.image, one.likely)).collect();
        assert_eq!(found, [(5, 1), (4, 0)]);
        assert!((errors[0].given_probability - 0.004).abs() < 1e-6);
    }

    #[test]
    fn doubt_is_no_error() {
        let (mut probabilities, labels) = clean(20);
        // Another class is likelier, but not by much, and by much but without confidence.
        probabilities[3] = vec![0.3, 0.6, 0.1];
        probabilities[6] = vec![0.02, 0.5, 0.48];
        assert_eq!(label_errors(&probabilities, &labels), []);
    }

    #[test]
    fn a_class_of_few_images_is_not_judged() {
        let (mut probabilities, mut labels) = clean(10);
        for _ in 0..LEAST_IMAGES - 1 {
            probabilities.push(vec![0.99, 0.01, 0.0, 0.0]);
            labels.push(3);
        }
        assert_eq!(label_errors(&probabilities, &labels), []);
        probabilities.push(vec![0.0, 0.0, 0.0, 1.0]);
        labels.push(3);
        let errors = label_errors(&probabilities, &labels);
        assert_eq!(errors.len(), LEAST_IMAGES - 1);
    }

    #[test]
    fn rows_and_labels_of_any_shape_are_no_panic() {
        assert_eq!(label_errors(&[], &[]), []);
        assert_eq!(label_errors(&[vec![]], &[0]), []);
        assert_eq!(label_errors(&[vec![0.5, 0.5]], &[7]), []);
    }
}
