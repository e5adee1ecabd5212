//! The trained model as a folder in MLflow's format and as a registered version.

use std::path::{Path, PathBuf};

use mlflow_client::model::{
    Cell, ColumnKind, DataType, OnnxModel, PythonFunction, Signature, TensorSpec,
};
use mlflow_client::spool::Recorder;
use mlflow_client::{ModelVersion, NewModel, Run, now, random_id};
use pet_model::{
    INPUT_NAME, ModelMetadata, OUTPUT_NAME, REFIT_OF, VAL_ACC, VAL_LOSS, WEIGHTS_FILE,
};
use pet_train::{EpochMetrics, Weights, to_onnx};

use super::plan::RunPlan;
use crate::error::{Error, tracking_error};

/// The model's folder in a run's artifacts.
const MODEL_FOLDER: &str = "model";

/// The Python module that lets MLflow's tools classify encoded images.
const LOADER: &str = "image_classifier";
const LOADER_CODE: &str = include_str!("image_classifier.py");
/// The tested version of the module's requirement.
const PILLOW: &str = "pillow==13.0.0";

/// The result of a training.
pub struct TrainedModel<'a> {
    /// Backbone and head, with torchvision's tensor names.
    pub weights: &'a Weights,
    /// Name, classes and recipe.
    pub metadata: &'a ModelMetadata,
    /// The epoch of the weights.
    pub best: EpochMetrics,
}

pub(super) fn register(
    recorder: &Recorder,
    plan: &RunPlan,
    trained: &TrainedModel<'_>,
) -> Result<Option<ModelVersion>, Error> {
    let run = recorder.run();
    let best = &trained.best;
    let mut metadata = trained.metadata.clone();
    metadata.val_acc = best.val_acc;
    metadata.run_id = run.map(|run| run.id.clone());
    let work = tempfile::tempdir()?;
    let folder = work.path().join(MODEL_FOLDER);
    write(work.path(), &folder, run, trained.weights, &metadata)?;
    // Without metrics, which a server would add to the run's as a second point of the best epoch.
    let model = NewModel::new(MODEL_FOLDER, &metadata.model_name).params(&plan.params);
    let tags = [
        (VAL_ACC, best.val_acc.map(|value| value.to_string())),
        (VAL_LOSS, best.val_loss.map(|value| value.to_string())),
        (REFIT_OF, plan.tags.get(REFIT_OF).cloned()),
    ];
    let tags = tags.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let model = tags.fold(model, |model, (key, value)| model.tag(key, value));
    recorder.register_folder(&folder, &model).map_err(tracking_error("register the model"))
}

/// Writes the model's folder, and its sources to `work`.
fn write(
    work: &Path,
    folder: &Path,
    run: Option<&Run>,
    weights: &Weights,
    metadata: &ModelMetadata,
) -> Result<(), Error> {
    let network = work.join(OnnxModel::NETWORK);
    fs_err::write(&network, to_onnx(weights, metadata)?)?;
    let weights_file = work.join(WEIGHTS_FILE);
    fs_err::write(&weights_file, weights.to_safetensors()?)?;
    description(run, metadata, weights_file)
        .and_then(|model| model.write(&network, folder))
        .map_err(tracking_error("write the model's folder"))
}

fn description(
    run: Option<&Run>,
    metadata: &ModelMetadata,
    weights_file: PathBuf,
) -> Result<OnnxModel, mlflow_client::Error> {
    let size = i64::from(metadata.preprocess.size());
    let classes = metadata.classes.len() as i64;
    let signature = Signature::new(
        [TensorSpec::new(INPUT_NAME, DataType::Float32, &[-1, 3, size, size])],
        [TensorSpec::new(OUTPUT_NAME, DataType::Float32, &[-1, classes])],
    );
    let mut model = OnnxModel::new(random_id()?, now(), signature)
        .metadata("classes", metadata.classes.clone())
        .extra_file(weights_file)
        .python(image_classifier());
    if let Some(value) = metadata.val_acc {
        model = model.metadata(VAL_ACC, value);
    }
    Ok(match run {
        Some(run) => model.origin(&run.id, MODEL_FOLDER),
        None => model,
    })
}

/// The `python_function` flavor, which takes encoded images.
fn image_classifier() -> PythonFunction {
    PythonFunction::new(LOADER)
        .code(format!("{LOADER}.py"), LOADER_CODE)
        .requirement(PILLOW)
        .input("image", ColumnKind::Binary)
        .output("class", ColumnKind::Text)
        .output("probability", ColumnKind::Double)
        .output("probabilities", ColumnKind::Doubles)
        .example(Cell::Binary(include_bytes!("example.png").to_vec()))
}
