//! Random numbers, with a stream for each purpose, so that purposes do not influence each other.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Distinguish the seeds of images and of batches from those of epochs.
const IMAGES: u64 = 0x9e37_79b9_7f4a_7c15;
const BATCHES: u64 = 0xc2b2_ae3d_27d4_eb4f;

/// For the initial weights of the head.
pub(crate) fn initial(seed: u64) -> ChaCha8Rng {
    stream(seed, 0)
}

/// For the order of the images in an epoch.
pub(crate) fn of_epoch(seed: u64, epoch: usize) -> ChaCha8Rng {
    stream(seed, epoch as u64 + 1)
}

/// For the augmentation of an image in an epoch, regardless of batch and thread.
pub(crate) fn of_image(seed: u64, epoch: usize, image: usize) -> ChaCha8Rng {
    stream(seed ^ IMAGES, (epoch as u64) << 32 | image as u64)
}

/// For mixup in the batch whose first image is `first`.
pub(crate) fn of_batch(seed: u64, epoch: usize, first: usize) -> ChaCha8Rng {
    stream(seed ^ BATCHES, (epoch as u64) << 32 | first as u64)
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

/// Samples the symmetric beta distribution for positive `alpha` (Jöhnk 1964).
pub(crate) fn beta(alpha: f64, random: &mut ChaCha8Rng) -> f64 {
    loop {
        let one = random.random::<f64>().powf(1.0 / alpha);
        let other = random.random::<f64>().powf(1.0 / alpha);
        let sum = one + other;
        if sum > 0.0 && sum <= 1.0 {
            return one / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_distribution_has_its_mean_and_variance() {
        let mut random = initial(1);
        for alpha in [0.2, 1.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "{mean}");
            // α² / ((2α)² (2α + 1)) for equal parameters.
            assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.005, "{variance}");
        }
    }

    #[test]
    fn streams_differ() {
        let first = |mut random: ChaCha8Rng| random.random::<u64>();
        let draws = [
            first(initial(1)),
            first(of_epoch(1, 0)),
            first(of_epoch(1, 1)),
            first(of_image(1, 0, 0)),
            first(of_image(1, 0, 1)),
            first(of_image(1, 1, 0)),
        ];
        for (at, draw) in draws.iter().enumerate() {
            assert!(!draws[..at].contains(draw));
        }
    }
}
