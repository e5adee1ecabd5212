//! Models in 8-bit integers: what ranges are observed, what they compute, which of two is loaded.

use std::path::Path;

use onnx_graph::{ConvOptions, DataType, Dim, GemmOptions, Graph, Quantizer, Range, Value};
use pet_image::{Format, RgbImage, encode_rgb};
use pet_model::{INPUT_NAME, INT8_MODEL_FILE, MODEL_FILE, OUTPUT_NAME, Reference};
use pet_predict::{Calibration, Calibrator, Error, Model, Options, Precision, Runtime};
use tempfile::TempDir;

use crate::support::{Parts, SIZE, finish, metadata, picture, runtime};

const CLASSES: [&str; 3] = ["red", "green", "blue"];

/// Numbers between -1 and 1 that repeat late.
fn weights(count: usize, seed: usize) -> Vec<f32> {
    let number = |index: usize| ((index * 7 + seed) as f32 * 0.77).sin();
    (0..count).map(number).collect()
}

fn conv(graph: &mut Graph, name: &str, input: &Value, shape: [usize; 4], clipped: bool) -> Value {
    let count: usize = shape.iter().product();
    let weight =
        graph.initializer(&format!("{name}.weight"), &shape, &weights(count, shape[1])).unwrap();
    let bias =
        graph.initializer(&format!("{name}.bias"), &shape[..1], &weights(shape[0], 5)).unwrap();
    let groups = if shape[1] == 1 { shape[0] } else { 1 };
    let options = ConvOptions::square(shape[2]).with_padding([shape[2] / 2; 2]).with_groups(groups);
    let made = graph.conv(name, input, &weight, Some(&bias), options).unwrap();
    if clipped { graph.clip(&format!("{name}.relu6"), &made, 0.0, 6.0).unwrap() } else { made }
}

/// An inverted residual block with invented weights, as a model file.
fn network() -> Vec<u8> {
    let mut graph = Graph::new("block");
    let shape = [Dim::symbol("batch"), 3.into(), SIZE.into(), SIZE.into()];
    let image = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    let stem = conv(&mut graph, "stem", &image, [4, 3, 3, 3], true);
    let wide = conv(&mut graph, "wide", &stem, [12, 4, 1, 1], true);
    let filtered = conv(&mut graph, "filtered", &wide, [12, 1, 3, 3], true);
    let narrow = conv(&mut graph, "narrow", &filtered, [4, 12, 1, 1], false);
    let sum = graph.add("sum", &narrow, &stem).unwrap();
    let pooled = graph.global_average_pool("pool", &sum).unwrap();
    let means = graph.flatten("flatten", &pooled, 1).unwrap();
    let weight = graph.initializer("classifier", &[3, 4], &weights(12, 1)).unwrap();
    let options = GemmOptions::default().with_transpose_b(true);
    let logits = graph.gemm("logits", &means, &weight, None, options).unwrap();
    graph.output(OUTPUT_NAME, &logits).unwrap();
    let properties = metadata(&CLASSES).to_properties().unwrap();
    finish(graph, properties.into_iter().collect())
}

/// A picture of many colours, different for each seed.
fn motley(seed: usize) -> Vec<u8> {
    let bytes = (0..3 * SIZE * SIZE).map(|index| ((index * 37 + seed * 101) % 256) as u8);
    let image = RgbImage::from_raw(SIZE as u32, SIZE as u32, bytes.collect()).unwrap();
    encode_rgb(&image, Format::Png).unwrap()
}

fn calibration(model: &Model) -> Calibration {
    let mut calibrator = Calibrator::new(model).unwrap();
    for seed in 0..8 {
        calibrator.observe(&motley(seed)).unwrap();
    }
    calibrator.finish()
}

fn load(runtime: &Runtime, path: &Path) -> Model {
    Model::load(runtime, path, &Options::default()).unwrap()
}

#[test]
fn the_quantized_network_computes_nearly_the_same() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("floats.onnx");
    fs_err::write(&file, network()).unwrap();
    let floats = load(&runtime, &file);
    let Calibration { ranges, channels, .. } = calibration(&floats);
    let names: Vec<_> = ranges.keys().map(String::as_str).collect();
    let expected = ["filtered.relu6", "input", "narrow", "stem.relu6", "sum", "wide.relu6"];
    assert_eq!(names, expected);
    assert_eq!(ranges["input"], Range::new(0.0, 1.0).unwrap());
    assert!(ranges["wide.relu6"].minimum() >= 0.0 && ranges["wide.relu6"].maximum() <= 6.0);

    assert_eq!(channels["input"].len(), 3);
    for channel in channels.values().flatten() {
        assert!(channel.mean <= channel.maximum, "{channel:?}");
    }

    let parsed = onnx_graph::Model::from_bytes(floats.bytes()).unwrap();
    for layers in 0..4 {
        let quantizer = Quantizer::new(&parsed).with_float_layers(layers).with_channels(&channels);
        let bytes = quantizer.quantize(&ranges).unwrap().to_bytes().unwrap();
        let file = folder.path().join("integers.onnx");
        fs_err::write(&file, bytes).unwrap();
        let integers = load(&runtime, &file);
        let (mut one, mut other) = (floats.session().unwrap(), integers.session().unwrap());
        for seed in 8..16 {
            let expected = one.predict(&motley(seed)).unwrap();
            let got = other.predict(&motley(seed)).unwrap();
            let scale = expected.logits().iter().fold(0.0, |most: f32, one| most.max(one.abs()));
            for (expected, got) in expected.logits().iter().zip(got.logits()) {
                assert!((expected - got).abs() < 0.03 * scale, "{layers}: {expected} {got}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let Some(runtime) = runtime() else { return };
    let mut graph = Graph::new("large");
    let shape = [Dim::symbol("batch"), 3.into(), SIZE.into(), SIZE.into()];
    let image = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    let weight = graph.initializer("weight", &[3, 3, 1, 1], &[f32::MAX; 9]).unwrap();
    let large = graph.conv("large", &image, &weight, None, ConvOptions::square(1)).unwrap();
    let pooled = graph.global_average_pool("pool", &large).unwrap();
    let logits = graph.flatten("flatten", &pooled, 1).unwrap();
    graph.output(OUTPUT_NAME, &logits).unwrap();
    let properties = metadata(&CLASSES).to_properties().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), finish(graph, properties.into_iter().collect())).unwrap();
    let mut calibrator = Calibrator::new(&load(&runtime, file.path())).unwrap();
    let error = calibrator.observe(&picture([255, 255, 255])).unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error}");
    assert!(error.to_string().contains("`large`"), "{error}");
}

/// A folder with a model in floating-point numbers of version `floats` and one in integers of
/// version `integers`, which know their pictures by limits of their own and have references of their own.
fn folder(floats: &str, integers: &str) -> TempDir {
    let parts = |version: &str, precision, least| {
        let metadata = metadata(&CLASSES)
            .with_model_version(version)
            .with_precision(precision)
            .with_least_similarity(least)
            .with_reference(Reference::of(CLASSES.len(), &[]).with_images(version, least > 0.5));
        let metadata = metadata.to_properties().unwrap().into_iter().collect();
        Parts { metadata, similarity: true, ..Parts::default() }
    };
    let folder = parts(floats, Precision::Fp32, 0.5).folder();
    let bytes = parts(integers, Precision::Int8, 0.6).bytes();
    fs_err::write(folder.path().join(INT8_MODEL_FILE), bytes).unwrap();
    folder
}

#[test]
fn the_model_in_integers_is_taken_unless_another_is_asked_for() {
    let Some(runtime) = runtime() else { return };
    let folder = folder("7", "7");
    for (asked, expected) in [
        (None, Precision::Int8),
        (Some(Precision::Int8), Precision::Int8),
        (Some(Precision::Fp32), Precision::Fp32),
    ] {
        let options = Options::default().with_precision(asked);
        let model = Model::load(&runtime, folder.path(), &options).unwrap();
        assert_eq!(model.metadata().precision, expected, "{asked:?}");
        assert_eq!(model.path(), folder.path().join(expected.file()));
    }
    fs_err::remove_file(folder.path().join(MODEL_FILE)).unwrap();
    assert_eq!(load(&runtime, folder.path()).metadata().precision, Precision::Int8);
}

#[test]
fn what_another_version_left_or_is_damaged_is_passed_over() {
    let Some(runtime) = runtime() else { return };
    let stale = folder("8", "7");
    assert_eq!(load(&runtime, stale.path()).metadata().precision, Precision::Fp32);

    let damaged = folder("7", "7");
    let file = damaged.path().join(INT8_MODEL_FILE);
    let bytes = fs_err::read(&file).unwrap();
    fs_err::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(load(&runtime, damaged.path()).metadata().precision, Precision::Fp32);
    let options = Options::default().with_precision(Some(Precision::Int8));
    let error = Model::load(&runtime, damaged.path(), &options).unwrap_err();
    assert!(matches!(error, Error::LoadModel { .. }), "{error}");
}

#[test]
fn a_model_under_the_name_of_the_other_precision_is_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = Parts::default().folder();
    let renamed = folder.path().join(INT8_MODEL_FILE);
    fs_err::rename(folder.path().join(MODEL_FILE), &renamed).unwrap();
    let error = Model::load(&runtime, folder.path(), &Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("should use int8, but uses fp32"), "{text}");
}
