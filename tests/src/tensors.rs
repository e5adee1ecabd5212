//! Network inputs, and differences of outputs.

use pet_image::{Limits, Preprocess};

/// The concatenated tensors of image files.
pub fn tensors<T: AsRef<[u8]>>(recipe: &Preprocess, files: &[T]) -> Vec<f32> {
    let length = recipe.tensor_len();
    let mut all = vec![0.0; files.len() * length];
    for (file, tensor) in files.iter().zip(all.chunks_exact_mut(length)) {
        recipe.run(file.as_ref(), &Limits::default(), tensor).unwrap();
    }
    all
}

/// The largest difference between two numbers with the same index; infinite if one is NaN.
///
/// # Panics
///
/// When the lengths differ.
pub fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).map(|(one, other)| (one - other).abs());
    differences.fold(0.0, |max, one| if one.is_nan() { f32::INFINITY } else { one.max(max) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    #[test]
    fn nan_is_an_infinite_difference() {
        assert_eq!(largest_difference(&[1.0, 2.0], &[1.0, 2.5]), 0.5);
        assert_eq!(largest_difference(&[1.0, f32::NAN], &[1.0, 2.0]), f32::INFINITY);
    }
}
