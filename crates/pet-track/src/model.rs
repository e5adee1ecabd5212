//! The trained model as a folder in MLflow's Model format, and as a registered version.

use std::collections::BTreeMap;

use mlflow_client::model::{DataType, ExampleTensor, OnnxModel, Origin, Signature, TensorSpec};
use mlflow_client::{Client, ModelVersion, NewModelVersion, Run, now, random_id};
use pet_model::{INPUT_NAME, ModelMetadata, OUTPUT_NAME};
use pet_train::{EpochMetrics, Weights, to_onnx};

use crate::Error;
use crate::error::doing;
use crate::run::{VAL_ACC, VAL_LOSS};

/// The model's folder among a run's artifacts.
pub const MODEL_FOLDER: &str = "model";
/// candle's weights in the model's folder, from which the served model is made.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// What training gives.
pub struct TrainedModel<'a> {
    /// Backbone and head, with torchvision's tensor names.
    pub weights: &'a Weights,
    /// Name, classes and recipe.
    pub metadata: &'a ModelMetadata,
    /// The epoch the weights are from.
    pub best: EpochMetrics,
}

pub(crate) fn register(
    client: &Client,
    run: &Run,
    trained: &TrainedModel<'_>,
) -> Result<ModelVersion, Error> {
    let metadata = ModelMetadata {
        run_id: Some(run.id.clone()),
        val_acc: Some(trained.best.val_acc),
        ..trained.metadata.clone()
    };
    upload(client, run, trained.weights, &metadata)?;
    let name = &metadata.model_name;
    client
        .register_model(name, "", &BTreeMap::new())
        .map_err(doing("register the model"))?;
    let source = format!("{}/{MODEL_FOLDER}", run.artifact_uri);
    let version = NewModelVersion::new(name, source)
        .run_id(&run.id)
        .tag(VAL_ACC, trained.best.val_acc.to_string())
        .tag(VAL_LOSS, trained.best.val_loss.to_string());
    client
        .create_model_version(&version)
        .map_err(doing("register the model's version"))
}

fn upload(
    client: &Client,
    run: &Run,
    weights: &Weights,
    metadata: &ModelMetadata,
) -> Result<(), Error> {
    let place = tempfile::tempdir()?;
    let network = place.path().join(OnnxModel::NETWORK);
    fs_err::write(&network, to_onnx(weights, metadata)?)?;
    let weights_file = place.path().join(WEIGHTS_FILE);
    fs_err::write(&weights_file, weights.to_safetensors()?)?;
    let folder = place.path().join(MODEL_FOLDER);
    let model = description(run, metadata, weights_file).map_err(doing("describe the model"))?;
    model
        .write(&network, &folder)
        .map_err(doing("write the model's folder"))?;
    client
        .artifacts(&run.artifact_uri)
        .and_then(|artifacts| artifacts.upload_folder(&folder, MODEL_FOLDER))
        .map_err(doing("upload the model"))
}

fn description(
    run: &Run,
    metadata: &ModelMetadata,
    weights_file: std::path::PathBuf,
) -> Result<OnnxModel, mlflow_client::Error> {
    let size = metadata.preprocess.size() as usize;
    let signature = Signature {
        inputs: vec![TensorSpec::new(
            INPUT_NAME,
            DataType::Float32,
            &[-1, 3, size as i64, size as i64],
        )],
        outputs: vec![TensorSpec::new(
            OUTPUT_NAME,
            DataType::Float32,
            &[-1, metadata.classes.len() as i64],
        )],
    };
    // An image of the mean colour: zeros everywhere once it is normalized.
    let example = ExampleTensor {
        name: INPUT_NAME.into(),
        shape: vec![1, 3, size, size],
        values: vec![0.0; metadata.preprocess.tensor_len()],
    };
    let mut facts = BTreeMap::new();
    facts.insert("classes".to_owned(), metadata.classes.clone().into());
    facts.extend(
        metadata
            .val_acc
            .map(|value| (VAL_ACC.to_owned(), value.into())),
    );
    Ok(OnnxModel {
        example: vec![example],
        metadata: facts,
        origin: Some(Origin {
            run_id: run.id.clone(),
            artifact_path: MODEL_FOLDER.into(),
        }),
        extra_files: vec![weights_file],
        ..OnnxModel::new(random_id()?, now(), signature)
    })
}
