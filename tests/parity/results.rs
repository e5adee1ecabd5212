//! The model of the results folder.

use onnx_graph::Model;
use pet_model::MODEL_FILE;
use pet_predict::{ImagePredictor, Options, Precision};
use pet_tests::{results, runtime};
use pet_train::Classifier;

use crate::compare::compare;
use crate::rebuild;

#[test]
fn served_model_matches_candle() {
    let Some(runtime) = runtime() else { return };
    let folder = results();
    let options = Options::default().with_precision(Some(Precision::Fp32));
    let predictor = ImagePredictor::load(&runtime, &folder, &options).unwrap();
    let model = Model::from_bytes(&fs_err::read(folder.join(MODEL_FILE)).unwrap()).unwrap();
    let classes = predictor.metadata().classes.len();
    let classifier = Classifier::new(&rebuild::weights(&model), classes).unwrap();
    compare(&classifier, &predictor);
}
