//! A stand-in for a trained model, the network with random weights, and a tracking store with registered ones.

use std::path::Path;
use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use mlflow_client::{Client, NewModelVersion, NewRun, now};
use onnx_graph::Model;
use pet_model::{CLASSES_FILE, MODEL_FILE, ModelMetadata, Preprocess, write_classes};
use pet_pipeline::{RunPlan, TrackedRun, TrainedModel};
use pet_train::network::{Architecture, FEATURES};
use pet_train::{EpochMetrics, Observer, Weights, to_onnx};

const CLASSES: [&str; 5] = ["Beagle", "Birman", "Boxer", "Great Pyrenees", "Shiba Inu"];

/// Validation accuracies of the versions that [`Store::with_versions`] registers; version 2 is the
/// best.
pub const VERSIONS: [f64; 3] = [0.5, 0.75, 0.25];

/// The metadata of the stand-in.
pub fn metadata() -> ModelMetadata {
    let classes = CLASSES.map(str::to_owned).to_vec();
    ModelMetadata::new("stand_in", classes, Preprocess::imagenet())
}

/// Weights of MobileNetV2 with a classifier, the same for the same seed.
pub fn classifier_weights(seed: u64) -> Weights {
    classifier_weights_of(Architecture::standard(), seed)
}

/// Weights of any network.
pub fn classifier_weights_of(network: &'static Architecture, seed: u64) -> Weights {
    let classes = CLASSES.len();
    // Different for each class, so that images get different predictions, and as large as initial weights (1/√1280).
    let value = |at: usize| (0.37 * at as f32 + seed as f32).sin() * 0.03;
    let weight: Vec<f32> = (0..classes * FEATURES).map(value).collect();
    let weight = Tensor::from_vec(weight, (classes, FEATURES), &Device::Cpu).unwrap();
    let bias: Vec<f32> = (0..classes).map(|class| value(class) - 0.1).collect();
    let bias = Tensor::from_vec(bias, classes, &Device::Cpu).unwrap();
    let weights = Weights::random_of(network, seed).unwrap();
    weights.with_head(weight, bias)
}

/// A `.safetensors` file with a backbone.
pub fn backbone_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| Weights::random(7).unwrap().to_safetensors().unwrap())
}

/// A backbone of the network with this name.
pub fn backbone_bytes_of(name: &str) -> Vec<u8> {
    let network = Architecture::named(name).unwrap();
    let weights = Weights::random_of(network, 7).unwrap();
    weights.to_safetensors().unwrap()
}

/// Writes a results folder with the files that prediction needs.
pub fn results_folder(folder: &Path) {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let model = MODEL.get_or_init(|| to_onnx(&classifier_weights(7), &metadata()).unwrap());
    write_results(folder, model);
}

/// Writes a results folder with any network and its preprocessing.
pub fn results_folder_of(network: &'static Architecture, folder: &Path) {
    let mut metadata = metadata();
    metadata.preprocess = network.recipe.clone();
    let model = to_onnx(&classifier_weights_of(network, 7), &metadata).unwrap();
    write_results(folder, &model);
}

fn write_results(folder: &Path, model: &[u8]) {
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join(MODEL_FILE), model).unwrap();
    write_classes(&folder.join(CLASSES_FILE), &metadata().classes).unwrap();
}

/// Writes a model file again whose confidence is divided by another temperature.
pub fn set_temperature(file: &Path, temperature: f64) {
    let model = Model::from_bytes(&fs_err::read(file).unwrap()).unwrap();
    let metadata = ModelMetadata::from_properties(model.metadata()).unwrap();
    let properties = metadata.with_temperature(temperature).to_properties().unwrap();
    fs_err::write(file, model.with_properties(properties).to_bytes().unwrap()).unwrap();
}

/// A local tracking store.
pub struct Store {
    /// Its client.
    pub client: Client,
}

impl Store {
    /// `mlflow.db` and `mlruns` in `folder`, without any run.
    pub fn new(folder: &Path) -> Self {
        Self { client: Client::local(folder).unwrap() }
    }

    /// A store with one registered version for each of [`VERSIONS`].
    pub fn with_versions(folder: &Path) -> Self {
        let store = Self::new(folder);
        for (number, val_acc) in VERSIONS.into_iter().enumerate() {
            store.register(number as u64, val_acc);
        }
        store
    }

    /// Tracks a run as training does, registers its model, and returns the version.
    pub fn register(&self, seed: u64, val_acc: f64) -> u32 {
        let plan = RunPlan::new("stand-ins", format!("seed {seed}")).param("seed", seed);
        let mut run = TrackedRun::start(&self.client, &plan).unwrap();
        let best = EpochMetrics {
            epoch: 0,
            train_loss: 1.0,
            train_acc: val_acc,
            val_loss: Some(1.0),
            val_acc: Some(val_acc),
        };
        run.epoch(&best).unwrap();
        let (weights, metadata) = (classifier_weights(seed), metadata());
        let trained = TrainedModel { weights: &weights, metadata: &metadata, best };
        let version = run.register(&trained).unwrap().unwrap().version;
        run.finish().unwrap();
        version
    }

    /// Registers a version as another program might, with an accuracy but without weights, and returns the version.
    pub fn register_foreign(&self, val_acc: f64) -> u32 {
        let experiment = self.client.experiment("others").unwrap();
        let run = self.client.create_run(&experiment.id, &NewRun::new("foreign", now())).unwrap();
        let batch = mlflow_client::Batch::new().metric("val_acc", val_acc, now(), 0);
        self.client.log_batch(&run.id, &batch).unwrap();
        let name = metadata().model_name;
        self.client.register_model(&name, "", &std::collections::BTreeMap::new()).unwrap();
        let artifacts = self.client.artifacts(&run.artifact_uri).unwrap();
        artifacts.upload_bytes(b"flavors: {}\n", "model/MLmodel").unwrap();
        let source = format!("{}/model", run.artifact_uri);
        let version = NewModelVersion::new(name, source).run_id(&run.id);
        self.client.create_model_version(&version).unwrap().version
    }
}
