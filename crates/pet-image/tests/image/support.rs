//! Where the files and the numbers of `golden/` are, and how pictures are compared.

use std::path::{Path, PathBuf};

use pet_image::{Limits, RgbImage, decode};
use safetensors::{SafeTensors, tensor::TensorView};

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The bytes of a file that `make_golden.py` drew.
pub(crate) fn file(name: &str) -> Vec<u8> {
    fs_err::read(golden().join("files").join(name)).unwrap()
}

/// Names of all files that `make_golden.py` drew.
pub(crate) fn file_names() -> Vec<String> {
    let entries = fs_err::read_dir(golden().join("files")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file that `make_golden.py` drew, decoded.
pub(crate) fn picture(name: &str) -> RgbImage {
    decode(&file(name), &Limits::default()).unwrap().image
}

/// Levels of a tensor of the shape (rows, columns, channels) and its height and width.
pub(crate) fn levels<'data>(tensor: &TensorView<'data>) -> (u32, u32, &'data [u8]) {
    let shape = tensor.shape();
    (shape[1] as u32, shape[0] as u32, tensor.data())
}

pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let data = tensors.tensor(name).unwrap().data();
    data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Largest and mean absolute difference of two lists of levels.
pub(crate) fn level_difference(ours: &[u8], theirs: &[u8]) -> (u8, f64) {
    assert_eq!(ours.len(), theirs.len());
    let differences = || ours.iter().zip(theirs).map(|(one, other)| one.abs_diff(*other));
    let sum: f64 = differences().map(f64::from).sum();
    (differences().max().unwrap(), sum / ours.len() as f64)
}

/// Largest and mean absolute difference of two lists of numbers.
pub(crate) fn difference(ours: &[f32], theirs: &[f32]) -> (f64, f64) {
    assert_eq!(ours.len(), theirs.len());
    let differences = || ours.iter().zip(theirs).map(|(one, other)| f64::from((one - other).abs()));
    (differences().fold(0.0, f64::max), differences().sum::<f64>() / ours.len() as f64)
}
