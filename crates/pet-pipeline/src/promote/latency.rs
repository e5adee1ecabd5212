//! The time of one prediction.

use std::time::{Duration, Instant};

use pet_data::Sample;
use pet_predict::ImagePredictor;

use crate::error::Error;
use crate::evaluate::{image_error, read_image};

/// Maximum number of images to predict.
const IMAGES: usize = 12;
/// Number of predictions of each image.
const ROUNDS: usize = 5;

/// The latency of each predictor in milliseconds, from encoded image to prediction: the median over images of the fastest
/// of several predictions. The predictors take turns, so that other load affects all of them equally.
///
/// Without images, the latency is NaN.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted.
pub fn latency_ms(predictors: &[&ImagePredictor], samples: &[Sample]) -> Result<Vec<f64>, Error> {
    let mut fastest = vec![Vec::new(); predictors.len()];
    let limits = predictors.first().map(|first| first.model().options().image);
    let limits = limits.unwrap_or_default();
    for sample in spread(samples) {
        let content = read_image(&sample.path, &limits)?;
        let mut times = vec![Duration::MAX; predictors.len()];
        for _ in 0..ROUNDS {
            for (predictor, least) in predictors.iter().zip(&mut times) {
                let start = Instant::now();
                predictor.predict(&content).map_err(image_error(&sample.path))?;
                *least = start.elapsed().min(*least);
            }
        }
        for (all, least) in fastest.iter_mut().zip(times) {
            all.push(least.as_secs_f64() * 1e3);
        }
    }
    Ok(fastest.iter_mut().map(|times| median(times)).collect())
}

/// Up to [`IMAGES`] evenly spaced samples.
fn spread(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let step = samples.len().div_ceil(IMAGES).max(1);
    samples.iter().step_by(step)
}

/// The median; NaN without values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_evenly_spaced() {
        let numbers = |count: usize| {
            let samples: Vec<Sample> =
                (0..count).map(|class| Sample { path: "x".into(), class }).collect();
            let classes = spread(&samples).map(|sample| sample.class);
            classes.collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), [0; 0]);
        assert_eq!(numbers(3), [0, 1, 2]);
        assert_eq!(numbers(13), [0, 2, 4, 6, 8, 10, 12]);
        let many = numbers(736);
        assert_eq!((many.len(), many.last()), (12, Some(&682)));
    }

    #[test]
    fn median_of_odd_and_even_counts() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&mut []).is_nan());
    }
}
