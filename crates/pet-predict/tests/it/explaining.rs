//! Why the model answers as it does.

use onnx_graph::{ConvOptions, DataType, Dim, GemmOptions, Graph};
use pet_model::{INPUT_NAME, MODEL_FILE, OUTPUT_NAME};
use pet_predict::{Error, Explainer, FeatureExtractor, Model, ModelMetadata, Options, Runtime};
use tempfile::TempDir;

use crate::support::{Parts, SIZE, finish, metadata, picture, runtime};

/// A network like the real one, only small: a convolution of stride 2 that keeps red, green and blue apart, the mean
/// over all places, a linear layer with bias.
fn network(metadata: &ModelMetadata) -> TempDir {
    let mut graph = Graph::new("colours");
    let shape = [Dim::symbol("batch"), 3.into(), SIZE.into(), SIZE.into()];
    let image = graph.input(INPUT_NAME, DataType::F32, &shape).unwrap();
    let own: Vec<f32> = (0..9).map(|index| f32::from(u8::from(index % 4 == 0))).collect();
    let weight = graph.initializer("convolution.weight", &[3, 3, 1, 1], &own).unwrap();
    let options = ConvOptions::square(1).with_stride([2, 2]);
    let value = graph.conv("convolution", &image, &weight, None, options).unwrap();
    let value = graph.clip("relu6", &value, 0.0, 6.0).unwrap();
    let value = graph.global_average_pool("pool", &value).unwrap();
    let value = graph.flatten("flatten", &value, 1).unwrap();
    let linear = [4.0_f32, 0.0, -1.0, 0.0, 4.0, -1.0, -1.0, 0.0, 4.0];
    let weight = graph.initializer("weight", &[3, 3], &linear).unwrap();
    let bias = graph.initializer("bias", &[3], &[0.25_f32, -0.5, 0.0]).unwrap();
    let options = GemmOptions::default().with_transpose_b(true);
    let value = graph.gemm("classifier", &value, &weight, Some(&bias), options).unwrap();
    graph.output(OUTPUT_NAME, &value).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let properties = metadata.to_properties().unwrap().into_iter().collect();
    fs_err::write(folder.path().join(MODEL_FILE), finish(graph, properties)).unwrap();
    folder
}

fn model(runtime: &Runtime, temperature: Option<f64>) -> Model {
    let mut metadata = metadata(&["red", "green", "blue"]);
    metadata.temperature = temperature;
    Model::load(runtime, network(&metadata).path(), &Options::default()).unwrap()
}

/// Red above, green below left, blue below right.
fn three_colours() -> Vec<u8> {
    let colour = |x: u32, y: u32| match (x < 40, y < 30) {
        (_, true) => [255, 0, 0],
        (true, false) => [0, 255, 0],
        (false, false) => [0, 0, 255],
    };
    let image = pet_image::RgbImage::from_fn(80, 60, |x, y| colour(x, y).into());
    pet_image::encode_rgb(&image, pet_image::Format::Png).unwrap()
}

#[test]
fn the_shares_and_the_bias_add_up_to_the_logit() {
    let Some(runtime) = runtime() else { return };
    let model = model(&runtime, None);
    let mut explainer = Explainer::new(&model).unwrap();
    let mut session = model.session().unwrap();
    for photograph in [three_colours(), picture([10, 200, 90]), picture([0, 0, 0])] {
        let prediction = session.predict(&photograph).unwrap();
        for (index, class) in ["red", "green", "blue"].into_iter().enumerate() {
            let map = explainer.explain(&photograph, Some(class)).unwrap().map;
            assert_eq!((map.index, map.class.as_str()), (index, class));
            assert_eq!((map.width, map.height), (SIZE / 2, SIZE / 2));
            let sum: f32 = map.values.iter().sum::<f32>() + map.bias;
            assert!((sum - map.logit).abs() < 1e-4, "{sum} {}", map.logit);
            assert!((map.logit - prediction.logits()[index]).abs() < 1e-5);
            assert!((map.probability - prediction.probabilities()[index]).abs() < 1e-5);
        }
    }
}

#[test]
fn the_map_points_to_the_place() {
    let Some(runtime) = runtime() else { return };
    let mut explainer = Explainer::new(&model(&runtime, None)).unwrap();
    let explanation = explainer.explain(&three_colours(), None).unwrap();
    assert_eq!(explanation.map.class, explanation.prediction.predicted_class());
    assert_eq!(explanation.map.class, "red");
    assert_eq!(explanation.image.dimensions(), (80, 60));
    assert!((explanation.region.width - 80.0).abs() < 1e-3);
    let blue = explainer.explain(&three_colours(), Some("BLUE")).unwrap().map;
    let at = |row: usize, column: usize| blue.values[row * blue.width + column];
    assert!(at(3, 3) > 0.2, "blue is below right: {blue:?}");
    assert!(at(0, 0) < 0.0, "red speaks against blue: {blue:?}");
    assert!(at(3, 0).abs() < 1e-6, "green says nothing of blue: {blue:?}");
}

#[test]
fn a_temperature_cools_the_confidence_and_leaves_the_logits() {
    let Some(runtime) = runtime() else { return };
    let photograph = picture([0, 255, 51]);
    let plain = model(&runtime, None).session().unwrap().predict(&photograph).unwrap();
    let warm = model(&runtime, Some(2.5));
    let predicted = warm.session().unwrap().predict(&photograph).unwrap();
    assert_eq!(predicted.logits(), plain.logits());
    assert_eq!(predicted.predicted_class(), plain.predicted_class());
    let exponentials = plain.logits().iter().map(|&logit| (f64::from(logit) / 2.5).exp());
    let sum: f64 = exponentials.clone().sum();
    for (got, expected) in predicted.probabilities().iter().zip(exponentials) {
        assert!((f64::from(*got) - expected / sum).abs() < 1e-6);
    }
    let map = Explainer::new(&warm).unwrap().explain(&photograph, None).unwrap().map;
    assert!((map.probability - predicted.confidence()).abs() < 1e-6);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let Some(runtime) = runtime() else { return };
    // Its linear layer has no bias.
    let folder = Parts::default().folder();
    let other = Model::load(&runtime, folder.path(), &Options::default()).unwrap();
    assert!(matches!(Explainer::new(&other), Err(Error::Unexplainable { .. })));

    let mut explainer = Explainer::new(&model(&runtime, None)).unwrap();
    let error = explainer.explain(&three_colours(), Some("gren")).unwrap_err();
    assert_eq!(error.to_string(), "the model has no class `gren`");
    assert_eq!(error.hint().as_deref(), Some("did you mean `green`?"));
    let error = explainer.explain(b"a text", None).unwrap_err();
    assert!(matches!(error, Error::Image { .. }));
}

#[test]
fn features_are_what_the_last_layer_takes() {
    let Some(runtime) = runtime() else { return };
    let model = model(&runtime, None);
    let mut extractor = FeatureExtractor::new(&model).unwrap();
    let features = extractor.extract(&picture([255, 0, 51])).unwrap();
    let expected = [1.0, 0.0, 0.2];
    assert_eq!(features.len(), expected.len());
    for (feature, expected) in features.iter().zip(expected) {
        assert!((feature - expected).abs() < 1e-5, "{features:?}");
    }
    assert!(extractor.extract(b"no picture").is_err());
}
