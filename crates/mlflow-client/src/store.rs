//! The interface that the local and the REST store implement, with searches and pages.
//!
//! Names, keys and values that arrive here have been checked by [`Client`](crate::Client), and
//! batches are small enough for one request. What does not exist is
//! [`NotFound`](crate::Error::NotFound).

use crate::artifact::ArtifactRepository;
use crate::batch::{Batch, Metric};
use crate::error::{Error, Result};
use crate::registry::{LoggedModel, ModelVersion, NewModel, NewModelVersion, RegisteredModel};
use crate::run::{DatasetInput, Experiment, NewRun, Run, RunStatus};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Experiments, runs and registered models, and how to reach artifacts.
pub(crate) trait Store: Tracking + Registry + Send + Sync {
    /// Finds out quickly whether the store can be reached, and the version of a server.
    fn version(&self) -> Result<Option<String>>;

    /// The files below an artifact URI of this store.
    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>>;
}

/// Experiments and runs.
pub(crate) trait Tracking {
    /// Fails with [`AlreadyExists`](Error::AlreadyExists) if there is one of this name.
    fn create_experiment(&self, name: &str) -> Result<()>;

    /// The experiment of this name, deleted ones included.
    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>>;

    /// All experiments that are not deleted.
    fn experiments(&self) -> Result<Vec<Experiment>>;

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run>;

    /// Writes metrics, parameters and tags, all or nothing. Doing it again changes nothing.
    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()>;

    /// Doing it again changes nothing.
    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()>;

    fn update_run(&self, run_id: &str, status: RunStatus, end: Option<Timestamp>) -> Result<()>;

    fn run(&self, run_id: &str) -> Result<Run>;

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>>;

    /// All points of one metric.
    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>>;
}

/// Registered models, versions and aliases.
pub(crate) trait Registry {
    /// Fails with [`AlreadyExists`](Error::AlreadyExists) if there is one of this name.
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel>;

    fn registered_model(&self, name: &str) -> Result<RegisteredModel>;

    /// All registered models, by name.
    fn registered_models(&self, page: Option<&str>) -> Result<Page<RegisteredModel>>;

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()>;

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion>;

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion>;

    /// The versions of a model, the newest first.
    fn model_versions(&self, name: &str, page: Option<&str>) -> Result<Page<ModelVersion>>;

    fn set_version_tag(&self, name: &str, version: u32, key: &str, value: &str) -> Result<()>;

    /// Points an alias to a version, wherever it pointed before.
    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()>;

    /// Points an alias to a version; fails with [`AliasMoved`](Error::AliasMoved) unless it pointed to `from`.
    fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()>;

    /// Nothing happens if there is no such alias.
    fn delete_alias(&self, name: &str, alias: &str) -> Result<()>;

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion>;

    /// URI of the folder with a version's model; may be `runs:/…` where that was registered.
    fn download_uri(&self, name: &str, version: u32) -> Result<String>;

    /// Creates one of MLflow 3's logged models, whose files are to be uploaded next; none where the
    /// store does not know logged models, as here.
    fn create_logged_model(&self, _run: &Run, _model: &NewModel) -> Result<Option<LoggedModel>> {
        Ok(None)
    }

    /// Marks a logged model as complete, or as failed.
    fn finish_logged_model(&self, id: &str, _ready: bool) -> Result<()> {
        Err(Error::not_found("logged model", id))
    }
}

/// Which runs to find, in which order.
///
/// `filter` and `order_by` are in MLflow's own language, for example
/// `metrics.val_acc > 0.9 and params.lr = '0.001'` and `metrics.val_acc DESC`. Without an order the
/// latest run comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunQuery {
    /// Ids of the experiments to look in.
    pub experiment_ids: Vec<String>,
    /// Conditions joined by `and`; empty for all.
    pub filter: String,
    /// Clauses such as `attributes.start_time DESC`, the most important first.
    pub order_by: Vec<String>,
    /// Runs fetched at once, 1 to 50 000.
    pub page_size: u32,
}

impl RunQuery {
    /// All runs of one experiment.
    pub fn new(experiment_id: impl Into<String>) -> Self {
        Self {
            experiment_ids: vec![experiment_id.into()],
            filter: String::new(),
            order_by: Vec::new(),
            page_size: 500,
        }
    }

    /// Keeps the runs that fulfil MLflow's filter expression.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = filter.into();
        self
    }

    /// Adds an order, less important than the ones before.
    #[must_use]
    pub fn order_by(mut self, clause: impl Into<String>) -> Self {
        self.order_by.push(clause.into());
        self
    }

    /// Sets how many runs are fetched at once, 1 to 50 000.
    #[must_use]
    pub fn page_size(mut self, runs: u32) -> Self {
        self.page_size = runs;
        self
    }
}

/// A page of results, with the token of the next page unless it is the last.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// An iterator over all results of a search, which fetches page by page.
pub struct Pages<'a, T> {
    fetch: Box<Fetch<'a, T>>,
    items: std::vec::IntoIter<T>,
    /// Of the next page; none after the last one.
    next: Option<Token>,
}

/// Fetches the page of a token.
type Fetch<'a, T> = dyn FnMut(Option<&str>) -> Result<Page<T>> + 'a;

/// Names a page; the first one has no name.
type Token = Option<String>;

/// The runs that a search finds; an error ends it.
pub type Runs<'a> = Pages<'a, Run>;

impl<'a, T> Pages<'a, T> {
    pub(crate) fn new(fetch: impl FnMut(Option<&str>) -> Result<Page<T>> + 'a) -> Self {
        Self { fetch: Box::new(fetch), items: Vec::new().into_iter(), next: Some(None) }
    }
}

impl<T> Iterator for Pages<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            let token = self.next.take()?;
            match (self.fetch)(token.as_deref()) {
                Err(error) => return Some(Err(error)),
                Ok(page) => {
                    // An empty page that promises another one would never end.
                    self.next = page.next.filter(|_| !page.items.is_empty()).map(Some);
                    self.items = page.items.into_iter();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_fetched_one_after_the_other() {
        let mut asked = Vec::new();
        let pages = Pages::new(|token| {
            asked.push(token.map(str::to_owned));
            let start: u32 = token.map_or(0, |text| text.parse().unwrap());
            Ok(Page {
                items: (start..start + 2).collect(),
                next: (start < 4).then(|| (start + 2).to_string()),
            })
        });
        let found: Vec<u32> = pages.map(Result::unwrap).collect();
        assert_eq!(found, [0, 1, 2, 3, 4, 5]);
        assert_eq!(asked, [None, Some("2".to_owned()), Some("4".to_owned())]);
    }

    #[test]
    fn an_error_ends_the_search() {
        let mut pages = Pages::<u32>::new(|_| {
            Err(crate::Error::NotFound { what: "experiment", name: "1".to_owned() })
        });
        assert!(pages.next().is_some_and(|item| item.is_err()));
        assert!(pages.next().is_none());
    }

    #[test]
    fn an_empty_page_ends_the_search() {
        let mut pages =
            Pages::<u32>::new(|_| Ok(Page { items: Vec::new(), next: Some("again".to_owned()) }));
        assert!(pages.next().is_none());
    }
}
