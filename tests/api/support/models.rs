//! Small models that need no training, and photographs for the trained one.

use std::path::PathBuf;

use onnx_graph::{DataType, Dim, GemmOptions, Graph, Model};
use pet_model::{INPUT_NAME, ModelMetadata, OPSET, OUTPUT_NAME, Preprocess};
use pet_tests::{shared_data, skipped};

pub(crate) const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// A model that classifies red, green and blue images.
pub(crate) fn colours() -> Vec<u8> {
    coloured("7", true)
}

/// Such a model with other metadata.
pub(crate) fn colours_that_say(change: impl FnOnce(ModelMetadata) -> ModelMetadata) -> Vec<u8> {
    model("7", &COLOURS, 0, change)
}

/// Such a model of a version, which is right or confuses each colour with another.
pub(crate) fn coloured(version: &str, is_right: bool) -> Vec<u8> {
    model(version, &COLOURS, usize::from(!is_right), |same| same)
}

/// Such a model with other names of the classes; those after the third repeat the colours.
pub(crate) fn colours_called(classes: &[&str]) -> Vec<u8> {
    model("7", classes, 0, |same| same)
}

/// A linear model of the mean colour. Each class detects the colour `off` places after its own.
fn model(
    version: &str,
    classes: &[&str],
    off: usize,
    change: impl FnOnce(ModelMetadata) -> ModelMetadata,
) -> Vec<u8> {
    let mut graph = Graph::new("colours");
    let shape = [Dim::symbol("batch"), 3.into(), 224.into(), 224.into()];
    let image = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    let pooled = graph.global_average_pool("pool", &image).unwrap();
    let means = graph.flatten("flatten", &pooled, 1).unwrap();
    let weight = |at: usize| {
        if at % 3 == (at / 3 + off) % 3 { 4.0 } else { 0.0 }
    };
    let weight: Vec<f32> = (0..classes.len() * 3).map(weight).collect();
    let shape = [classes.len(), 3];
    let weight = graph.initializer("weight", &shape, &weight).unwrap();
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("classifier", &means, &weight, None, options).unwrap();
    graph.output(OUTPUT_NAME, &logits).unwrap();
    let classes = classes.iter().map(|&class| class.to_owned()).collect();
    let metadata =
        ModelMetadata::new("colours", classes, Preprocess::imagenet()).with_model_version(version);
    let properties = change(metadata).to_properties().unwrap().into_iter();
    let model = properties
        .fold(Model::new(graph, OPSET), |model, (key, value)| model.with_metadata(key, value));
    model.to_bytes().unwrap()
}

/// The test images of the Oxford-IIIT Pet data set, ordered by breed; without them the test is skipped.
pub(crate) fn test_images() -> Option<Vec<PathBuf>> {
    let folder = shared_data().join("oxford-iiit-pet");
    let Ok(list) = fs_err::read_to_string(folder.join("annotations/test.txt")) else {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    };
    let names = list.lines().filter_map(|line| line.split(' ').next());
    let file = |name| folder.join("images").join(name).with_extension("jpg");
    let mut files: Vec<_> = names.map(file).collect();
    files.sort();
    Some(files)
}
