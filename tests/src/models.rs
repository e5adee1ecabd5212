//! A model of colours that needs no training, and what tests compare: inputs, outputs and digests.

use std::path::Path;

use onnx_graph::{ConvOptions, DataType, Dim, GemmOptions, Graph, Model, Value};
use pet_image::{Format, Limits, Preprocess, Resize, RgbImage, encode_rgb};
use pet_model::{
    CLASSES_FILE, INPUT_NAME, MODEL_FILE, ModelMetadata, OPSET, OUTPUT_NAME, write_classes,
};
use sha2::{Digest as _, Sha256};

use crate::results;

const CLASSES: [&str; 3] = ["blue", "green", "red"];

/// Pixels along each side.
const SIZE: usize = 8;

/// Number of convolutions.
const LAYERS: usize = 12;

/// The preprocessing recipe of the model under test.
pub fn recipe() -> Preprocess {
    let model = fs_err::read(results().join(MODEL_FILE)).unwrap();
    let model = Model::from_bytes(&model).unwrap();
    ModelMetadata::from_properties(model.metadata()).unwrap().preprocess
}

/// Writes a model of blue, green and red images into `folder`: convolutions that pass each colour on, and its mean. Between
/// the first and the last convolution, red is multiplied by `spread`; if that is much more than 256, 8-bit integers cannot
/// represent the others.
pub fn colours_results(folder: &Path, spread: f32) {
    let classes = CLASSES.map(str::to_owned).to_vec();
    let preprocess = Preprocess {
        resize: Resize::Stretch { size: SIZE as u32 },
        mean: [0.0; 3],
        standard_deviation: [1.0; 3],
        ..Preprocess::imagenet()
    };
    let metadata = ModelMetadata::new("colours", classes, preprocess).with_val_acc(1.0);
    let properties = metadata.to_properties().unwrap();
    let model = Model::new(graph(spread), OPSET).with_properties(properties);
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join(MODEL_FILE), model.to_bytes().unwrap()).unwrap();
    write_classes(&folder.join(CLASSES_FILE), &metadata.classes).unwrap();
}

fn graph(spread: f32) -> Graph {
    let mut graph = Graph::new("colours");
    let size = Dim::fixed(SIZE);
    let shape = [Dim::symbol("batch"), 3.into(), size.clone(), size];
    let mut value = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    for layer in 0..LAYERS {
        let red = match layer {
            0 => spread,
            _ if layer == LAYERS - 1 => 1.0 / spread,
            _ => 1.0,
        };
        value = conv(&mut graph, &format!("conv{layer}"), &value, red);
    }
    let pooled = graph.global_average_pool("pool", &value).unwrap();
    let means = graph.flatten("flatten", &pooled, 1).unwrap();
    let mixing = [0.0_f32, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 0.0, 0.0];
    let weight = graph.initializer("classifier.weight", &[3, 3], &mixing).unwrap();
    let bias = graph.initializer("classifier.bias", &[3], &[0.0_f32; 3]).unwrap();
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("classifier", &means, &weight, Some(&bias), options).unwrap();
    graph.output(OUTPUT_NAME, &logits).unwrap();
    graph
}

/// Passes green and blue on, and multiplies red by a factor.
fn conv(graph: &mut Graph, name: &str, input: &Value, red: f32) -> Value {
    let weight = [red, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let weight = graph.initializer(&format!("{name}.weight"), &[3, 3, 1, 1], &weight).unwrap();
    graph.conv(name, input, &weight, None, ConvOptions::square(1)).unwrap()
}

/// Generates a data set with `images` images of each colour, in a folder for each class.
pub fn colours_data_set(folder: &Path, images: usize) {
    for (class, name) in CLASSES.iter().enumerate() {
        for image in 0..images {
            let mut colour = [(5 * image % 90) as u8; 3];
            colour[2 - class] = 255 - (7 * image % 60) as u8;
            let picture = RgbImage::from_raw(16, 16, colour.repeat(256)).unwrap();
            let file = folder.join(format!("train/{name}/{image}.png"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, encode_rgb(&picture, Format::Png).unwrap()).unwrap();
        }
    }
}

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

/// The SHA-256 of a file's content, as the results folder has it.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
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
