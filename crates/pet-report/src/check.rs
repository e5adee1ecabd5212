//! Validation of probabilities and labels.

use crate::Error;

/// Room for rounding in `f32` softmax over many classes, or over values stored with fewer bits.
const SUM_TOLERANCE: f64 = 1e-2;
const VALUE_TOLERANCE: f32 = 1e-4;

/// Checks that each image has a row of `classes` probabilities and a valid label.
pub(crate) fn check(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Result<(), Error> {
    if classes == 0 {
        return Err(Error::NoClasses);
    }
    if probabilities.is_empty() && labels.is_empty() {
        return Err(Error::NoImages);
    }
    if probabilities.len() != labels.len() {
        return Err(Error::LabelCount { expected: probabilities.len(), got: labels.len() });
    }
    for (row, (values, &label)) in probabilities.iter().zip(labels).enumerate() {
        if label >= classes {
            return Err(Error::LabelOutside { row, label, classes });
        }
        check_row(row, values, classes)?;
    }
    Ok(())
}

fn check_row(row: usize, values: &[f32], classes: usize) -> Result<(), Error> {
    if values.len() != classes {
        return Err(Error::RowLength { row, expected: classes, got: values.len() });
    }
    let is_probability = |value: &f32| (-VALUE_TOLERANCE..=1.0 + VALUE_TOLERANCE).contains(value);
    if let Some(class) = values.iter().position(|value| !is_probability(value)) {
        return Err(Error::NotProbability { row, class, value: values[class] });
    }
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(Error::NotNormalized { row, sum });
    }
    Ok(())
}

/// The rank of `class`, 0 for the most probable; equal values rank by index.
pub(crate) fn rank(values: &[f32], class: usize) -> usize {
    let own = values[class];
    let before = |(index, &value): (usize, &f32)| value > own || (value >= own && index < class);
    values.iter().enumerate().filter(|&pair| before(pair)).count()
}

/// The most probable class, the first of equal ones.
pub(crate) fn top_class(values: &[f32]) -> usize {
    let better = |best: usize, (index, &value): (usize, &f32)| {
        if value > values[best] { index } else { best }
    };
    values.iter().enumerate().fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(probabilities: &[Vec<f32>], labels: &[usize], classes: usize) -> String {
        check(probabilities, labels, classes).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = vec![0.25, 0.75];
        assert!(check(&[good.clone(), good.clone()], &[0, 1], 2).is_ok());
        assert_eq!(message(&[], &[], 2), "there are no images to measure");
        assert_eq!(message(&[], &[], 0), "the class list is empty");
        assert_eq!(
            message(std::slice::from_ref(&good), &[0, 1], 2),
            "expected one label for each of 1 rows of probabilities, got 2"
        );
        assert_eq!(
            message(&[good.clone(), good.clone()], &[0, 2], 2),
            "the label of row 1 is 2, expected one below 2"
        );
        assert_eq!(
            message(&[good.clone(), vec![1.0]], &[0, 1], 2),
            "row 1 has 1 probabilities, expected 2"
        );
        assert_eq!(
            message(&[vec![0.5, f32::NAN]], &[0], 2),
            "row 0, class 1 has `NaN`, expected a probability"
        );
        assert_eq!(
            message(&[vec![0.5, 0.25]], &[0], 2),
            "the probabilities of row 0 add up to `0.75`, expected 1"
        );
    }

    #[test]
    fn logits_are_refused_with_a_hint() {
        let error = check(&[vec![4.0, -3.0]], &[0], 2).unwrap_err();
        assert!(error.to_string().contains("`4`"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("apply softmax to the model's logits first"));
    }

    #[test]
    fn among_equals_the_lower_index_comes_first() {
        let values = [0.25, 0.25, 0.5, 0.0];
        assert_eq!([0, 1, 2, 3].map(|class| rank(&values, class)), [1, 2, 0, 3]);
        assert_eq!(top_class(&values), 2);
        assert_eq!(top_class(&[0.5, 0.5]), 0);
    }
}
