//! A tracking store with registered stand-ins.

use std::path::Path;

use mlflow_client::{Client, NewModelVersion, NewRun, now};
use pet_pipeline::{RunPlan, TrackedRun, TrainedModel};
use pet_train::{EpochMetrics, Observer};

use crate::stand_in::{classifier_weights, metadata};

/// Validation accuracies of the versions that [`Store::with_versions`] registers; version 2 is the
/// best.
pub const VERSIONS: [f64; 3] = [0.5, 0.75, 0.25];

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
