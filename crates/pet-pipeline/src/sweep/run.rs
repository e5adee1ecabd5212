//! A sweep: trials below one run for all of them.

use std::sync::atomic::{AtomicU64, Ordering};

use mlflow_client::{Batch, now};
use pet_data::{Progress, Unit, task};
use pet_model::{BEST_VAL_ACC, BEST_VAL_LOSS};
use pet_train::Configuration;

use super::report::{Scored, SweepReport};
use super::search::{Rungs, Search, Trial};
use super::space::{Point, Space};
use crate::error::Error;
use crate::observer::{RunObserver, Warning};
use crate::tracking::{RunPlan, TrackedRun};
use crate::train::{Experiment, RunOutcome, RunRequest};

/// MLflow's tag of a run below another.
const PARENT_TAG: &str = "mlflow.parentRunId";
/// Tag: the run of the best trial.
const BEST_RUN_TAG: &str = "sweep.best_run_id";
/// The ranking, as a file of the run.
const REPORT_FILE: &str = "sweep.json";
const NAME: &str = "sweep";

/// A search for the best hyper-parameters that has not begun. What is no axis of its space is as in the base
/// configuration, whose seed draws the points and whose epochs are those of the last round.
///
/// All constructors fail with [`Error::Sweep`] for numbers that make no sense and with [`Error::Train`] for a point that
/// cannot work: all points are checked before any work.
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
    pub fn grid(space: Space, base: Configuration) -> Result<Self, Error> {
        let search = Search::new(space.grid(), Rungs::single(space.len(), base.epochs)?);
        Self::new("grid", space, base, search)
    }

    /// Tries this many points, drawn at random.
    ///
    /// # Errors
    ///
    /// See [`Sweep`].
    pub fn random(space: Space, base: Configuration, trials: usize) -> Result<Self, Error> {
        let rungs = Rungs::single(trials, base.epochs)?;
        let search = Search::new(space.sample(trials, base.seed)?, rungs);
        Self::new("random", space, base, search)
    }

    /// Successive halving of this many points, drawn at random: one in `factor` goes on with `factor` times the epochs,
    /// of which the first round has at least `min_epochs`. See [`Rungs::halving`].
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
    ) -> Result<Self, Error> {
        let rungs = Rungs::halving(trials, factor, min_epochs, base.epochs)?;
        let search = Search::new(space.sample(trials, base.seed)?, rungs);
        Self::new("halving", space, base, search)
    }

    fn new(
        method: &'static str,
        space: Space,
        base: Configuration,
        search: Search<Scored>,
    ) -> Result<Self, Error> {
        let grid = space.grid();
        grid.iter()
            .try_for_each(|point| point.configure(&base).map(drop))?;
        Ok(Self {
            method,
            base,
            space,
            search,
        })
    }

    /// Tries everything below a run of its own, which continues `run_id` if there is one. A model that is better than
    /// all before it is registered. A trial that diverges is ranked last.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] after the run was ended as `KILLED`, with the ranking so far; or what a trial fails with.
    pub fn run(
        mut self,
        experiment: &Experiment<'_>,
        run_id: Option<String>,
    ) -> Result<SweepReport, Error> {
        let observer = experiment.context().observer;
        let planned = self.search.rungs().trials();
        let images = experiment.epoch_images() as u64;
        let total = images * self.search.rungs().epochs() as u64;
        let plan = self.plan(experiment.common_plan(NAME, run_id));
        let mut parent = TrackedRun::start(experiment.client(), &plan)?;
        let bar = OneBar::new(observer);
        let ended: Result<(), Error> = task(observer, "sweep", total, Unit::Images, || {
            while let Some(trial) = self.search.next_trial() {
                bar.begin(images * trial.epochs as u64);
                let request = self.request(&trial, parent.id())?;
                let outcome = experiment.run_observed(&request, &bar)?;
                bar.end();
                self.search.report(outcome.finished().cloned().map(Scored));
                let number = self.search.outcomes().len();
                let result = result(&outcome);
                observer.message(&format!("{number} of {planned}: {result}"));
            }
            Ok(())
        });
        let report = SweepReport::new(self.method, parent.id(), &self.space, &self.search);
        log(&mut parent, experiment, &report)?;
        let spooled = match ended {
            Err(Error::Interrupted { .. }) => parent.kill()?,
            Err(error) => return Err(error),
            Ok(()) => parent.finish()?,
        };
        experiment.context().note_unsent(NAME, spooled.as_ref());
        match ended {
            Ok(()) => Ok(report),
            Err(_) => Err(Error::Interrupted {
                finished: report.trials.len(),
                planned,
                run_id: None,
            }),
        }
    }

    /// What the run of the whole sweep says of itself.
    fn plan(&self, plan: RunPlan) -> RunPlan {
        let rounds = self.search.rungs().all().iter();
        let rounds: Vec<String> = rounds
            .map(|rung| format!("{} × {} epochs", rung.trials, rung.epochs))
            .collect();
        let plan = plan
            .param("method", self.method)
            .param("rounds", rounds.join(", "))
            .param("points", self.space.len());
        self.space.axes().iter().fold(plan, |plan, axis| {
            let values: Vec<String> = axis.values.iter().map(f64::to_string).collect();
            plan.param(format!("space.{}", axis.name), values.join(", "))
        })
    }

    fn request(&self, trial: &Trial, parent: Option<&str>) -> Result<RunRequest, Error> {
        let configuration = Configuration {
            epochs: trial.epochs,
            ..trial.point.configure(&self.base)?
        };
        let mut request = RunRequest::new(configuration);
        request.name = self.name(trial);
        request.tags = vec![
            ("sweep.trial".into(), (trial.number + 1).to_string()),
            ("sweep.round".into(), (trial.rung + 1).to_string()),
        ];
        let parent = parent.map(|id| (PARENT_TAG.into(), id.into()));
        request.tags.extend(parent);
        let outcomes = self.search.outcomes().iter();
        let scores = outcomes.filter_map(|one| Some(one.score.as_ref()?.0.score()));
        request.better_than = scores.reduce(|best, score| if score > best { score } else { best });
        request.resumable = false;
        Ok(request)
    }

    /// The trial, and the values that tell it from the others.
    fn name(&self, trial: &Trial) -> String {
        let searched = self
            .space
            .axes()
            .iter()
            .filter(|axis| axis.values.len() > 1);
        let values = searched.filter_map(|axis| {
            let value = trial.point.value(&axis.name)?;
            Some(format!(", {} {value}", axis.name))
        });
        let (number, epochs) = (trial.number + 1, trial.epochs);
        let values = values.collect::<String>();
        format!("trial {number}, {epochs} epochs{values}")
    }
}

impl Point {
    /// `base` with the values of this point: its axes are named as the fields of [`Configuration`].
    ///
    /// # Errors
    ///
    /// [`super::Error::UnknownAxis`] for a name that is no number among the fields, [`Error::Train`] for values that cannot
    /// work.
    pub fn configure(&self, base: &Configuration) -> Result<Configuration, Error> {
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
                _ => {
                    let axis = name.to_owned();
                    return Err(super::Error::UnknownAxis { axis }.into());
                }
            }
        }
        configuration.check()?;
        Ok(configuration)
    }
}

/// For people who are watching.
fn result(outcome: &RunOutcome) -> String {
    outcome.finished().map_or("diverged".into(), |run| {
        let (accuracy, seconds) = (run.val_acc, run.seconds);
        format!("val_acc {accuracy:.4} in {seconds:.1} s, {}", run.name)
    })
}

/// Keeps the ranking, and which trial is the best.
fn log(
    parent: &mut TrackedRun,
    experiment: &Experiment<'_>,
    report: &SweepReport,
) -> Result<(), Error> {
    parent.log_artifact(REPORT_FILE, &serde_json::to_vec_pretty(report)?)?;
    let Some((id, best)) = parent.id().zip(report.best()) else {
        return Ok(());
    };
    let mut batch = Batch::new()
        .metric(BEST_VAL_ACC, best.val_acc, now(), 0)
        .metric(BEST_VAL_LOSS, best.val_loss, now(), 0);
    if let Some(run_id) = &best.run_id {
        batch = batch.tag(BEST_RUN_TAG, run_id);
    }
    // The ranking says the same, and is kept even if the store became unreachable.
    if let Err(source) = experiment.client().log_batch(id, &batch) {
        let warning = Warning::BestNotLogged { source: &source };
        experiment.context().observer.warning(&warning);
    }
    Ok(())
}

/// Counts the images of each trial for the bar of the whole sweep, and is silent about the rest.
struct OneBar<'a> {
    observer: &'a dyn RunObserver,
    /// Images of the current trial that are still to come.
    left: AtomicU64,
}

impl<'a> OneBar<'a> {
    fn new(observer: &'a dyn RunObserver) -> Self {
        let left = AtomicU64::new(0);
        Self { observer, left }
    }

    /// A trial begins that will need this many images.
    fn begin(&self, images: u64) {
        self.left.store(images, Ordering::Relaxed);
    }

    /// It has ended, perhaps early: what it did not need is done as well.
    fn end(&self) {
        self.observer.advance(self.left.swap(0, Ordering::Relaxed));
    }
}

impl Progress for OneBar<'_> {
    fn start(&self, _task: &str, _total: u64, _unit: Unit) {}

    fn advance(&self, amount: u64) {
        let less = |left: u64| Some(left.saturating_sub(amount));
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.observer
            .advance(amount.min(before.unwrap_or_default()));
    }

    fn finish(&self) {}

    fn message(&self, _text: &str) {}
}

impl RunObserver for OneBar<'_> {
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
    fn a_trial_counts_in_full_however_early_it_ends() {
        let counter = Counter::default();
        let bar = OneBar::new(&counter);
        for (planned, seen) in [(30, vec![10, 10, 10]), (30, vec![10]), (10, vec![8, 8])] {
            bar.begin(planned);
            for amount in seen {
                bar.advance(amount);
            }
            bar.end();
        }
        assert_eq!(counter.0.into_inner(), 70);
    }

    #[test]
    fn an_axis_that_is_no_hyper_parameter_is_refused() {
        let axis = super::super::Axis::new("colour", vec![1.0]);
        let space = Space::new(vec![axis]).unwrap();
        let error = Sweep::grid(space, Configuration::default()).unwrap_err();
        assert!(error.to_string().contains("`colour`"), "{error}");
    }
}
