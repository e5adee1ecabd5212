//! The time of one prediction.

use std::time::{Duration, Instant};

use pet_data::Sample;
use pet_predict::ImagePredictor;

use crate::error::Error;
use crate::evaluate::{at, read};

/// Images that are predicted, spread over all.
const IMAGES: usize = 12;
/// How often each is predicted.
const ROUNDS: usize = 5;

/// The time in milliseconds that each predictor takes for one image, from the file's bytes to the answer: of each image
/// the fastest of some runs, of the images the median. The predictors take turns, so that what else the machine does
/// hits all of them.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted. Without images each time is not a number.
pub fn latency_ms(predictors: &[&ImagePredictor], samples: &[Sample]) -> Result<Vec<f64>, Error> {
    let mut fastest = vec![Vec::new(); predictors.len()];
    let limits = predictors
        .first()
        .map(|first| first.model().options().image);
    let limits = limits.unwrap_or_default();
    for sample in spread(samples) {
        let content = read(&sample.path, &limits)?;
        let mut times = vec![Duration::MAX; predictors.len()];
        for _ in 0..ROUNDS {
            for (predictor, least) in predictors.iter().zip(&mut times) {
                let start = Instant::now();
                predictor.predict(&content).map_err(at(&sample.path))?;
                *least = start.elapsed().min(*least);
            }
        }
        for (all, least) in fastest.iter_mut().zip(times) {
            all.push(least.as_secs_f64() * 1e3);
        }
    }
    Ok(fastest.iter_mut().map(|times| median(times)).collect())
}

/// Up to [`IMAGES`] samples at equal distances.
fn spread(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let step = samples.len().div_ceil(IMAGES).max(1);
    samples.iter().step_by(step)
}

/// The value in the middle, of an even number the mean of both; of none, not a number.
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
    fn images_are_spread_over_all() {
        let numbers = |count: usize| {
            let samples: Vec<Sample> = (0..count)
                .map(|class| Sample {
                    path: "x".into(),
                    class,
                })
                .collect();
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
    fn the_median_stands_in_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&mut []).is_nan());
    }
}
