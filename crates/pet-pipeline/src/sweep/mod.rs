//! Hyper-parameter search: grid search, random search, successive halving.
//!
//! A [`Space`] and a [`Search`] decide which trials run and for how long; a [`Sweep`] trains them.
//!
//! ```
//! use pet_pipeline::sweep::{Axis, Error, Rungs, Search, Space};
//!
//! let space = Space::new(vec![
//!     Axis::new("learning_rate", vec![0.01, 0.001, 0.0001]),
//!     Axis::new("dropout", vec![0.0, 0.2]),
//! ])?;
//! // Four of the six points for 3 epochs each; the better half for 6.
//! let rungs = Rungs::halving(4, 2, 3, 6)?;
//! let mut search = Search::new(space.sample(4, 42)?, rungs);
//!
//! let mut trained = 0;
//! while let Some(trial) = search.next_trial() {
//!     trained += trial.epochs;
//!     // Train here. `None` is the score of a failed trial.
//!     let accuracy = 1.0 - trial.point.value("dropout").unwrap_or(0.0);
//!     search.report(Some(accuracy));
//! }
//! assert_eq!(trained, 4 * 3 + 2 * 6);
//! let best = search.ranking()[0];
//! assert_eq!(best.trial.epochs, 6);
//! # Ok::<(), Error>(())
//! ```

mod report;
mod search;
pub(crate) mod space;

use std::sync::atomic::{AtomicU64, Ordering};

use pet_data::{Progress, Unit, task};
use pet_model::{BEST_VAL_ACC, BEST_VAL_LOSS};
use pet_train::Configuration;

use self::report::Scored;
use crate::observer::{RunObserver, Warning};
use crate::tracking::{RunPlan, TrackedRun, metrics_batch};
use crate::train::{Experiment, RunOutcome, RunRequest};

pub use report::{Row, SweepReport};
pub use search::{Outcome, Rung, Rungs, Search, Trial};
pub use space::{Axis, Error, Point, Space};

/// MLflow's tag for the parent of a run.
const PARENT_TAG: &str = "mlflow.parentRunId";
/// Tag: the ID of the best trial's run.
const BEST_RUN_TAG: &str = "sweep.best_run_id";
const REPORT_FILE: &str = "sweep.json";
const NAME: &str = "sweep";

/// A hyper-parameter search. Its base configuration has all other hyper-parameters, the seed of the random points, and
/// the epochs of the last round.
///
/// All constructors fail with [`Error::Sweep`](crate::Error::Sweep) for invalid numbers and with
/// [`Error::Train`](crate::Error::Train) if any point is invalid.
#[derive(Clone, Debug)]
pub struct Sweep {
    method: &'static str,
    base: Configuration,
    space: Space,
    search: Search<Scored>,
}

impl Sweep {
    /// Tries every point.
    ///
    /// # Errors
    ///
    /// See [`Sweep`].
    pub fn grid(space: Space, base: Configuration) -> Result<Self, crate::Error> {
        let search = Search::new(space.grid(), Rungs::single(space.len(), base.epochs)?);
        Self::new("grid", space, base, search)
    }

    /// Tries this many random points.
    ///
    /// # Errors
    ///
    /// See [`Sweep`].
    pub fn random(space: Space, base: Configuration, trials: usize) -> Result<Self, crate::Error> {
        let rungs = Rungs::single(trials, base.epochs)?;
        let search = Search::new(space.sample(trials, base.seed)?, rungs);
        Self::new("random", space, base, search)
    }

    /// Successive halving of this many random points: after each round, one in `factor` continues with `factor` times the
    /// epochs, starting with at least `min_epochs`. See [`Rungs::halving`].
    ///
    /// # Errors
    ///
    /// See [`Sweep`].
    pub fn halving(
        space: Space,
        base: Configuration,
        trials: usize,
        factor: usize,
        min_epochs: usize,
    ) -> Result<Self, crate::Error> {
        let rungs = Rungs::halving(trials, factor, min_epochs, base.epochs)?;
        let search = Search::new(space.sample(trials, base.seed)?, rungs);
        Self::new("halving", space, base, search)
    }

    fn new(
        method: &'static str,
        space: Space,
        base: Configuration,
        search: Search<Scored>,
    ) -> Result<Self, crate::Error> {
        let grid = space.grid();
        grid.iter().try_for_each(|point| point.configure(&base).map(drop))?;
        Ok(Self { method, base, space, search })
    }

    /// Runs all trials as children of a new run, or of `run_id`. Registers each model that is better than all earlier ones.
    /// Trials that diverge are ranked last.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`](crate::Error::Interrupted) after logging the ranking so far and ending the run as `KILLED`; or
    /// the error of a trial.
    pub fn run(
        mut self,
        experiment: &Experiment<'_>,
        run_id: Option<String>,
    ) -> Result<SweepReport, crate::Error> {
        let observer = experiment.context().observer;
        let planned = self.search.rungs().trials();
        let images = experiment.epoch_images() as u64;
        let total = images * self.search.rungs().epochs() as u64;
        let plan = self.plan(experiment.common_plan(NAME, run_id));
        let mut parent = TrackedRun::start(experiment.client(), &plan)?;
        let progress = SweepProgress { observer, left: AtomicU64::new(0) };
        let ended: Result<(), crate::Error> = task(observer, "sweep", total, Unit::Images, || {
            while let Some(trial) = self.search.next_trial() {
                progress.start_trial(images * trial.epochs as u64);
                let request = self.request(&trial, parent.id())?;
                let outcome = experiment.run_observed(&request, &progress)?;
                progress.end_trial();
                self.search.report(outcome.finished().cloned().map(Scored));
                let number = self.search.outcomes().len();
                let result = summary(&outcome);
                observer.message(&format!("{number} of {planned}: {result}"));
            }
            Ok(())
        });
        let report = SweepReport::new(self.method, parent.id(), &self.space, &self.search);
        log(&mut parent, experiment, &report)?;
        let spooled = match ended {
            Err(crate::Error::Interrupted { .. }) => parent.kill()?,
            Err(error) => return Err(error),
            Ok(()) => parent.finish()?,
        };
        experiment.context().warn_unsent(NAME, spooled.as_ref());
        let finished = report.trials.len();
        match ended {
            Ok(()) => Ok(report),
            Err(_) => Err(crate::Error::Interrupted { finished, planned, run_id: None }),
        }
    }

    /// Adds the parameters of the sweep to the plan of its run.
    fn plan(&self, plan: RunPlan) -> RunPlan {
        let round = |rung: &Rung| format!("{} × {} epochs", rung.trials, rung.epochs);
        let rounds: Vec<String> = self.search.rungs().all().iter().map(round).collect();
        let plan = plan
            .param("method", self.method)
            .param("rounds", rounds.join(", "))
            .param("points", self.space.len());
        self.space.axes().iter().fold(plan, |plan, axis| {
            let values: Vec<String> = axis.values.iter().map(f64::to_string).collect();
            plan.param(format!("space.{}", axis.name), values.join(", "))
        })
    }

    fn request(&self, trial: &Trial, parent: Option<&str>) -> Result<RunRequest, crate::Error> {
        let configuration =
            Configuration { epochs: trial.epochs, ..trial.point.configure(&self.base)? };
        let mut request = RunRequest::new(configuration);
        request.name = self.name(trial);
        request.tags = vec![
            ("sweep.trial".into(), (trial.number + 1).to_string()),
            ("sweep.round".into(), (trial.rung + 1).to_string()),
        ];
        request.tags.extend(parent.map(|id| (PARENT_TAG.into(), id.into())));
        let outcomes = self.search.outcomes().iter();
        let scores = outcomes.filter_map(|one| Some(one.score.as_ref()?.0.score()));
        request.better_than = scores.reduce(|best, score| if score > best { score } else { best });
        request.resumable = false;
        Ok(request)
    }

    /// The name of a trial's run, with the values of all axes that have several.
    fn name(&self, trial: &Trial) -> String {
        let searched = self.space.axes().iter().filter(|axis| axis.values.len() > 1);
        let values = searched
            .filter_map(|axis| Some(format!(", {} {}", axis.name, trial.point.value(&axis.name)?)));
        let (number, epochs) = (trial.number + 1, trial.epochs);
        format!("trial {number}, {epochs} epochs{}", values.collect::<String>())
    }
}

impl Point {
    /// Applies the values to `base`; the names of the axes are those of fields of [`Configuration`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAxis`] for a name that is not a searchable field, [`Error::Train`](crate::Error::Train) for invalid
    /// values.
    pub fn configure(&self, base: &Configuration) -> Result<Configuration, crate::Error> {
        let mut configuration = base.clone();
        for (name, value) in self.values() {
            match name {
                "learning_rate" => configuration.learning_rate = value,
                "body_learning_rate" => configuration.body_learning_rate = value,
                "batch_size" => configuration.batch_size = value as usize,
                "dropout" => configuration.dropout = value,
                "weight_decay" => configuration.weight_decay = value,
                "label_smoothing" => configuration.label_smoothing = value,
                "mixup" => configuration.mixup = value,
                "average" => configuration.average = value,
                _ => return Err(Error::UnknownAxis { axis: name.to_owned() }.into()),
            }
        }
        configuration.check()?;
        Ok(configuration)
    }
}

fn summary(outcome: &RunOutcome) -> String {
    outcome.finished().map_or("diverged".into(), |run| {
        let (accuracy, seconds) = (run.val_acc, run.seconds);
        format!("val_acc {accuracy:.4} in {seconds:.1} s, {}", run.name)
    })
}

/// Logs the ranking and the best trial.
fn log(
    parent: &mut TrackedRun,
    experiment: &Experiment<'_>,
    report: &SweepReport,
) -> Result<(), crate::Error> {
    parent.log_artifact(REPORT_FILE, &serde_json::to_vec_pretty(report)?)?;
    let Some((id, best)) = parent.id().zip(report.best()) else {
        return Ok(());
    };
    let metrics = [(BEST_VAL_ACC, Some(best.val_acc)), (BEST_VAL_LOSS, Some(best.val_loss))];
    let mut batch = metrics_batch(metrics, 0);
    if let Some(run_id) = &best.run_id {
        batch = batch.tag(BEST_RUN_TAG, run_id);
    }
    // Only a warning, because the ranking also has the best trial.
    if let Err(source) = experiment.client().log_batch(id, &batch) {
        let warning = Warning::BestNotLogged { source: &source };
        experiment.context().observer.warning(&warning);
    }
    Ok(())
}

/// Adds the progress of the trials to that of the sweep, without their messages.
struct SweepProgress<'a> {
    observer: &'a dyn RunObserver,
    /// Remaining images of the current trial.
    left: AtomicU64,
}

impl SweepProgress<'_> {
    fn start_trial(&self, images: u64) {
        self.left.store(images, Ordering::Relaxed);
    }

    /// Counts the remaining images of a trial that stopped early.
    fn end_trial(&self) {
        self.observer.advance(self.left.swap(0, Ordering::Relaxed));
    }
}

impl Progress for SweepProgress<'_> {
    fn start(&self, _task: &str, _total: u64, _unit: Unit) {}

    fn advance(&self, amount: u64) {
        let less = |left: u64| Some(left.saturating_sub(amount));
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.observer.advance(amount.min(before.unwrap_or_default()));
    }

    fn finish(&self) {}

    fn message(&self, _text: &str) {}
}

impl RunObserver for SweepProgress<'_> {
    fn warning(&self, warning: &Warning<'_>) {
        self.observer.warning(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Progress for Counter {
        fn start(&self, _task: &str, _total: u64, _unit: Unit) {}
        fn advance(&self, amount: u64) {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
        fn finish(&self) {}
        fn message(&self, _text: &str) {}
    }

    impl RunObserver for Counter {
        fn warning(&self, _warning: &Warning<'_>) {}
    }

    #[test]
    fn a_trial_that_stops_early_counts_in_full() {
        let counter = Counter::default();
        let progress = SweepProgress { observer: &counter, left: AtomicU64::new(0) };
        for (planned, seen) in [(30, vec![10, 10, 10]), (30, vec![10]), (10, vec![8, 8])] {
            progress.start_trial(planned);
            for amount in seen {
                progress.advance(amount);
            }
            progress.end_trial();
        }
        assert_eq!(counter.0.into_inner(), 70);
    }

    #[test]
    fn an_unknown_axis_is_an_error() {
        let axis = Axis::new("colour", vec![1.0]);
        let space = Space::new(vec![axis]).unwrap();
        let error = Sweep::grid(space, Configuration::default()).unwrap_err();
        assert!(error.to_string().contains("`colour`"), "{error}");
    }
}
