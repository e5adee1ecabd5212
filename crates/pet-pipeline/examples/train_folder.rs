//! Trains a classifier on a folder of class folders, exports it, and evaluates it as it will be served.
//!
//! ```text
//! cargo run --release -p pet-pipeline --example train_folder -- IMAGES BACKBONE WORK
//! ```
//!
//! BACKBONE is a file of MobileNetV2 weights; `pet-cli setup` fetches it together with ONNX Runtime.

#![expect(clippy::print_stdout, reason = "the accuracy is for people")]

use std::error::Error;
use std::path::Path;

use mlflow_client::TrackingUri;
use pet_data::Silent;
use pet_export::Exporter;
use pet_pipeline::evaluate::{ImageSet, evaluate};
use pet_pipeline::{Context, DataSource, Experiment, RunRequest, TrainSettings};
use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [images, backbone, work] = arguments.as_slice() else {
        return Err("usage: train_folder IMAGES BACKBONE WORK".into());
    };
    let library = std::env::var_os("ORT_DYLIB_PATH").map(Into::into);
    let paths = SearchPaths::default().with_folder(".cache/onnxruntime");
    let runtime = Runtime::load(&paths.with_library(library))?;
    let accuracy = train_folder(images, backbone, work.as_ref(), &runtime)?;
    println!("{:.1} % of the test images are right", 100.0 * accuracy);
    Ok(())
}

/// The accuracy on the images in `test/`, 0 to 1. Everything is written to `work`.
pub(crate) fn train_folder(
    images: &str,
    backbone: &str,
    work: &Path,
    runtime: &Runtime,
) -> Result<f64, Box<dyn Error>> {
    let settings = TrainSettings::new(DataSource::Folder(images.into()), backbone);
    let tracking = TrackingUri::in_folder(work);
    let context = Context::new(tracking, work.join("cache"), &Silent);
    let experiment = Experiment::prepare(&settings, settings.load(&Silent)?, &context)?;
    experiment.run(&RunRequest::new(settings.configuration.clone()))?;

    let results = work.join("results");
    let selection = pet_export::select(experiment.client(), &settings.model_name)?;
    Exporter::new(experiment.client(), runtime).export(&selection, &results)?;

    let predictor = ImagePredictor::load(runtime, &results, &Options::default())?;
    let (dataset, classes) = (experiment.dataset(), &predictor.metadata().classes);
    let test = ImageSet::new("test", dataset, &dataset.test, classes)?;
    Ok(evaluate(&predictor, &test, &Silent)?.figures.top1)
}
