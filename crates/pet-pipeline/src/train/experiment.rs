//! Tracked training runs on the same images.

use std::time::Instant;

use mlflow_client::Client;
use pet_data::{Dataset, Unit};
use pet_model::{ModelMetadata, REFIT_OF};
use pet_report::fit_temperature;
use pet_train::network::Architecture;
use pet_train::{Checkpoint, Configuration, EpochMetrics, Trained, Trainer};

use super::checkpoint::CheckpointFolder;
use super::prepared::{Checked, Prepared};
use super::record::{Artifacts, EPOCHS, EpochRecorder, params_of, run_name};
use super::request::{Context, FinishedRun, RunOutcome, RunRequest};
use crate::error::{Error, tracking_error};
use crate::observer::RunObserver;
use crate::settings::{Plot, TrainSettings, VALIDATION};
use crate::tracking::{RunPlan, TRAIN_LOSS, TrackedRun, TrainedModel, TrainingData};
use crate::trained_on::{
    ADDED_DIGEST, ADDED_IMAGES, DATASET, DATASET_DIGEST, SPLIT, TRAIN_IMAGES, VAL_IMAGES,
};

/// Prepared images and weights, and the store for the runs.
pub struct Experiment<'a> {
    context: &'a Context<'a>,
    settings: &'a TrainSettings,
    client: Client,
    prepared: Prepared,
    /// The plots of the refitted run, for a refit.
    plots: Vec<Plot>,
}

impl<'a> Experiment<'a> {
    /// Opens the store and computes the features of the frozen layers for `dataset`, which is loaded with
    /// [`TrainSettings::load`].
    ///
    /// # Errors
    ///
    /// When the data set, the weights, the store or the cache cannot be used.
    pub fn prepare(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
    ) -> Result<Self, Error> {
        let mut prepared = Self::prepare_splits(settings, dataset, context, None)?;
        prepared.pop().ok_or(pet_train::Error::NoImages { split: "training" }.into())
    }

    /// Prepares an experiment for each fold, or a single one without `folds`.
    pub(super) fn prepare_splits(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        folds: Option<usize>,
    ) -> Result<Vec<Self>, Error> {
        let checked = Checked::new(settings, dataset, context, folds)?;
        let client = Client::open(&context.tracking)?;
        client.check()?;
        let refit = settings.refit.as_ref();
        let plots = refit.map(|refit| refit.plots(&client)).transpose()?.unwrap_or_default();
        let experiment = |prepared| {
            let (client, plots) = (client.clone(), plots.clone());
            Self { context, settings, client, prepared, plots }
        };
        Ok(checked.prepare()?.into_iter().map(experiment).collect())
    }

    /// The data set.
    pub fn dataset(&self) -> &Dataset {
        &self.prepared.dataset
    }

    /// The tracking store.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The context of its runs.
    pub fn context(&self) -> &'a Context<'a> {
        self.context
    }

    /// Number of training and validation images per epoch.
    pub fn epoch_images(&self) -> usize {
        self.prepared.inputs.train.labels().len() + self.validation_labels().len()
    }

    pub(super) fn validation_labels(&self) -> &[u32] {
        let validation = self.prepared.inputs.validation.as_ref();
        validation.map_or(&[], |examples| examples.labels())
    }

    /// Runs all requests, and continues if a training diverges.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], or another error of a run.
    pub fn run_all(&self, requests: &[RunRequest]) -> Result<Vec<RunOutcome>, Error> {
        run_each(requests, |request| self.run(request))
    }

    /// Runs a request. Continues from the checkpoint of a resumed run, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`], or when the images, the store or the cache fail.
    pub fn run(&self, request: &RunRequest) -> Result<RunOutcome, Error> {
        self.run_observed(request, self.context.observer)
    }

    /// Like [`run`](Self::run), with another observer.
    pub(crate) fn run_observed(
        &self,
        request: &RunRequest,
        observer: &dyn RunObserver,
    ) -> Result<RunOutcome, Error> {
        let start = Instant::now();
        let request = &self.named(request);
        let settings = self.settings_of(request);
        let mut plan = self.plan(request, &settings);
        let mut folder = None;
        if let Some(run_id) = &request.run_id {
            let run = self.client.run(run_id).map_err(tracking_error("read the run"))?;
            self.prepared.identity.check_resumed(&run)?;
            // MLflow does not allow a parameter to change.
            let epochs = run.params.get(EPOCHS);
            if epochs.is_some() && epochs != plan.params.get(EPOCHS) {
                plan.tags.extend(plan.params.remove_entry(EPOCHS));
            }
            // Before the store is told that the run goes on.
            folder = self.folder(request, Some(run_id))?;
        }
        let mut run = TrackedRun::start(&self.client, &plan)?;
        if folder.is_none() {
            folder = self.folder(request, run.id())?;
        }
        if let Some(folder) = &folder {
            folder.write(&settings)?;
        }
        let trained = match self.train(&settings, folder.as_ref(), &mut run, observer) {
            Err(Error::Train(pet_train::Error::Interrupted)) => {
                let run_id = run.id().filter(|_| folder.is_some()).map(Into::into);
                return Err(self.context.kill(run, run_id)?);
            }
            Err(Error::Train(error @ pet_train::Error::Diverged { .. })) => {
                folder.map_or(Ok(()), CheckpointFolder::remove)?;
                return Ok(RunOutcome::diverged(&run, &error, observer));
            }
            trained => trained?,
        };
        let finished = self.register(request, &settings, &trained, &mut run)?;
        let outcome = self.context.finish(run, finished, start)?;
        folder.map_or(Ok(()), CheckpointFolder::remove)?;
        Ok(outcome)
    }

    fn network(&self) -> &'static Architecture {
        self.prepared.inputs.weights.architecture()
    }

    pub(super) fn named(&self, request: &RunRequest) -> RunRequest {
        let mut request = request.clone();
        if request.name.is_empty() {
            request.name = run_name(self.network(), &request.configuration);
            if self.settings.refit.is_some() {
                request.name += "_refit";
            }
        }
        request
    }

    /// The settings of a run. The inputs depend on `fine_tune` and `seed`, which requests cannot change.
    pub(super) fn settings_of(&self, request: &RunRequest) -> TrainSettings {
        let mut settings = self.settings.clone();
        let Configuration { fine_tune, seed, .. } = settings.configuration;
        settings.configuration = Configuration { fine_tune, seed, ..request.configuration.clone() };
        settings
    }

    /// Creates and locks the folder for checkpoints; `None` for a run without an ID, which could not be found again.
    fn folder(
        &self,
        request: &RunRequest,
        run_id: Option<&str>,
    ) -> Result<Option<CheckpointFolder>, Error> {
        let run_id = run_id.filter(|_| request.resumable);
        let lock = |run_id| CheckpointFolder::lock(&self.context.cache, run_id);
        run_id.map(lock).transpose()
    }

    fn train(
        &self,
        settings: &TrainSettings,
        folder: Option<&CheckpointFolder>,
        run: &mut TrackedRun,
        observer: &dyn RunObserver,
    ) -> Result<Trained, Error> {
        let checkpoint = folder.map(|folder| self.checkpoint(settings, folder)).transpose()?;
        let trainer = self.trainer(&settings.configuration).with_checkpoint(checkpoint.as_ref());
        let mut recorder = EpochRecorder { logged: run.logged_steps(TRAIN_LOSS)?, run, observer };
        let images = settings.configuration.epochs * trainer.epoch_images();
        let trained = pet_data::task(observer, "training", images as u64, Unit::Images, || {
            trainer.run(&mut recorder)
        })?;
        recorder.catch_up(&trained.history)?;
        Ok(trained)
    }

    /// A training of these weights on these images.
    pub(super) fn trainer<'t>(&'t self, configuration: &'t Configuration) -> Trainer<'t> {
        self.prepared.trainer(configuration, &self.context.interrupt)
    }

    /// The checkpoint in `folder` for a training of these weights on these images.
    fn checkpoint(
        &self,
        settings: &TrainSettings,
        folder: &CheckpointFolder,
    ) -> Result<Checkpoint, Error> {
        let Prepared { identity, inputs, teachers, .. } = &self.prepared;
        let mut parts = vec![
            identity.digest.clone(),
            settings.recipe_name(),
            settings.augment_name(),
            inputs.weights.digest()?,
        ];
        parts.extend(settings.refit.as_ref().map(|_| "all images".into()));
        parts.extend(teachers.iter().cloned());
        parts.extend(identity.added.clone());
        Ok(folder.state(parts.join(" ")))
    }

    fn register(
        &self,
        request: &RunRequest,
        settings: &TrainSettings,
        trained: &Trained,
        run: &mut TrackedRun,
    ) -> Result<FinishedRun, Error> {
        let labels: Vec<usize> =
            self.validation_labels().iter().map(|label| *label as usize).collect();
        let (val_acc, val_loss, temperature) = validation_metrics(settings, trained, &labels)?;
        let best =
            EpochMetrics { val_acc: Some(val_acc), val_loss: Some(val_loss), ..trained.best };
        run.log_best(&best)?;
        let (history, logits) = (&trained.history, &trained.logits);
        self.log_artifacts(settings, run, (history, logits), &labels, temperature)?;
        let mut finished = FinishedRun::of(run, &best);
        finished.refit_of = settings.refit.as_ref().map(|refit| refit.run_id.clone());
        if request.better_than.is_none_or(|other| finished.score() > other) {
            let (classes, recipe) = (self.dataset().classes.clone(), settings.recipe.clone());
            let metadata = ModelMetadata::new(&settings.model_name, classes, recipe)
                .with_backbone(self.network().name)
                .with_temperature(temperature);
            let model = TrainedModel { weights: &trained.weights, metadata: &metadata, best };
            finished.version = run.register(&model)?.map(|version| version.version);
        }
        Ok(finished)
    }

    /// Logs the artifacts of a run with these epochs and validation logits.
    pub(super) fn log_artifacts(
        &self,
        settings: &TrainSettings,
        run: &mut TrackedRun,
        (history, logits): (&[EpochMetrics], &[Vec<f32>]),
        labels: &[usize],
        temperature: f64,
    ) -> Result<(), Error> {
        let command = self.context.provenance.source.as_deref();
        let artifacts = Artifacts {
            settings,
            history,
            logits,
            temperature,
            dataset: self.dataset(),
            labels,
            plots: &self.plots,
            params: self.params(settings),
            command: command.unwrap_or_default(),
        };
        artifacts.log(run)
    }

    /// The plan that all runs have in common.
    pub(crate) fn common_plan(&self, name: &str, run_id: Option<String>) -> RunPlan {
        let (identity, data) = (&self.prepared.identity, self.training_data());
        let mut plan = RunPlan::new(&self.settings.experiment, name)
            .param(TRAIN_IMAGES, data.train_images)
            .param(VAL_IMAGES, data.val_images);
        plan.tags =
            [(DATASET.into(), data.name.clone()), (DATASET_DIGEST.into(), data.digest.clone())]
                .into();
        let added = identity.added.clone();
        plan.tags.extend(added.map(|digest| (ADDED_DIGEST.into(), digest)));
        if let Some(refit) = &self.settings.refit {
            plan.tags.insert(REFIT_OF.into(), refit.run_id.clone());
            plan.tags.insert(SPLIT.into(), refit.split.clone());
        }
        plan.data = Some(data);
        plan.provenance = self.context.provenance.clone();
        plan.spool = Some(Context::spool(&self.context.cache));
        plan.system_metrics = self.context.tracking.system_metrics;
        plan.run_id = run_id;
        plan
    }

    pub(super) fn plan(&self, request: &RunRequest, settings: &TrainSettings) -> RunPlan {
        let mut plan = self.common_plan(&request.name, request.run_id.clone());
        let params = self.params(settings).into_iter();
        plan.params.extend(params.map(|(key, value)| (key.to_owned(), value)));
        plan.tags.extend(request.tags.iter().cloned());
        plan
    }

    fn params(&self, settings: &TrainSettings) -> Vec<(&'static str, String)> {
        let Prepared { dataset, identity, teachers, .. } = &self.prepared;
        let mut params = params_of(self.network(), settings);
        if !teachers.is_empty() {
            params.push(("teachers", teachers.join(", ")));
        }
        if identity.added.is_some() {
            params.push((ADDED_IMAGES, dataset.added.len().to_string()));
        }
        let refit = settings.refit.as_ref();
        params.extend(refit.map(|refit| (REFIT_OF, refit.run_id.clone())));
        params
    }

    fn training_data(&self) -> TrainingData {
        let Prepared { dataset, identity, inputs, .. } = &self.prepared;
        let folder = std::path::absolute(&dataset.root);
        TrainingData {
            name: dataset.name.clone(),
            digest: identity.digest.clone(),
            folder: folder.as_ref().unwrap_or(&dataset.root).display().to_string(),
            classes: dataset.classes.len(),
            train_images: inputs.train.labels().len() - dataset.added.len(),
            added_images: dataset.added.len(),
            val_images: self.validation_labels().len(),
        }
    }
}

/// Runs the requests and counts them if one is interrupted.
pub(super) fn run_each(
    requests: &[RunRequest],
    run: impl Fn(&RunRequest) -> Result<RunOutcome, Error>,
) -> Result<Vec<RunOutcome>, Error> {
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let outcome = run(request).map_err(|error| match error {
            Error::Interrupted { run_id, .. } => {
                Error::Interrupted { finished: outcomes.len(), planned: requests.len(), run_id }
            }
            error => error,
        })?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Validation accuracy, loss and temperature; for a refit, those of the refitted run.
fn validation_metrics(
    settings: &TrainSettings,
    trained: &Trained,
    labels: &[usize],
) -> Result<(f64, f64, f64), Error> {
    if let Some(refit) = &settings.refit {
        return Ok((refit.val_acc, refit.val_loss, refit.temperature()));
    }
    let measured = trained.best.val_acc.zip(trained.best.val_loss);
    let (accuracy, loss) = measured.ok_or(pet_train::Error::NoImages { split: VALIDATION })?;
    Ok((accuracy, loss, fit_temperature(&trained.logits, labels)?))
}
