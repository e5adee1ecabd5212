//! `train_folder IMAGES BACKBONE WORK` trains a classifier on a folder of class folders, exports it, and evaluates the
//! exported model. BACKBONE is a file of MobileNetV2 weights; `pet-cli setup` downloads it and ONNX Runtime.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::PathBuf;

use pet_data::Silent;
use pet_pipeline::evaluate::{ImageSet, evaluate};
use pet_pipeline::{Context, DataSource, Experiment, RunRequest, TrainSettings};
use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [images, backbone, work] = arguments.as_slice() else {
        return Err("usage: train_folder IMAGES BACKBONE WORK".into());
    };
    let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
    let accuracy = train_folder([images, backbone, work], &runtime)?;
    println!("{:.1} % of the test images are classified correctly", 100.0 * accuracy);
    Ok(())
}

/// Returns the accuracy on the images in `test/`, 0 to 1. Writes everything to `work`.
pub(crate) fn train_folder(paths: [&PathBuf; 3], runtime: &Runtime) -> Result<f64> {
    let [images, backbone, work] = paths;
    let settings = TrainSettings::new(DataSource::Folder(images.into()), backbone);
    let context = Context::in_folder(work, &Silent);
    let experiment = Experiment::prepare(&settings, settings.load(&Silent)?, &context)?;
    experiment.run(&RunRequest::new(settings.configuration.clone()))?;
    let results = work.join("results");
    let selection = pet_export::select(experiment.client(), &settings.model_name)?;
    pet_export::Exporter::new(experiment.client(), runtime).export(&selection, &results)?;

    let predictor = ImagePredictor::load(runtime, &results, &Options::default())?;
    let test = ImageSet::test(experiment.dataset(), &predictor.metadata().classes)?;
    Ok(evaluate(&predictor, &test, &Silent)?.metrics.top1)
}
