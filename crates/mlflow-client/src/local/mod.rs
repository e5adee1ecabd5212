//! The store in a SQLite database, in the form that MLflow itself opens.
//!
//! A new database gets an old, frozen schema (Alembic revision `7f2a7d5fae7d`, March 2023). Any
//! later MLflow finds tables missing and upgrades it by itself; its migrations keep what this
//! module writes valid, as long as every statement names its columns and no `ON CONFLICT` relies on
//! a key (MLflow adds `workspace` to some). So the same code serves new and upgraded databases.

mod database;
mod language;
mod metrics;
mod query;
mod registry;
mod runs;
mod schema;

use crate::artifact::ArtifactRepository;
use crate::artifact::folder::FolderArtifacts;
use crate::artifact::location::{from_path, to_path};
use crate::batch::{Batch, Metric};
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::run::{Experiment, NewRun, Run, RunStatus, random_id};
use crate::search::{Page, RunQuery};
use crate::store::Store;
use crate::time::Timestamp;
use database::{Database, Outcome, Sql as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The store in a SQLite database; artifacts are in `mlruns` beside it.
pub(crate) struct LocalStore {
    database: Database,
    artifact_root: PathBuf,
}

impl LocalStore {
    /// Opens the database, or creates it if there is none (or an empty file).
    pub(crate) fn open(database: &Path, lock_timeout: Duration) -> Result<Self> {
        let database = std::path::absolute(database)?;
        let folder = database.parent().unwrap_or(Path::new("/"));
        fs_err::create_dir_all(folder)?;
        let artifact_root = folder.join("mlruns");
        let database = Database::open(&database, lock_timeout)?;
        schema::prepare(&database, &from_path(&artifact_root)?)?;
        Ok(Self { database, artifact_root })
    }
}

impl Store for LocalStore {
    /// Opening has checked the database.
    fn version(&self) -> Result<Option<String>> {
        Ok(None)
    }

    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>> {
        Ok(Box::new(FolderArtifacts::new(to_path(uri)?)))
    }

    fn create_experiment(&self, name: &str) -> Result<()> {
        let root = from_path(&self.artifact_root)?;
        self.database.write("create an experiment", |sql| runs::create_experiment(sql, name, &root))
    }

    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>> {
        self.database
            .read("read an experiment", |sql| Ok(runs::experiments(sql, "name = ?1", name)?.pop()))
    }

    fn experiments(&self) -> Result<Vec<Experiment>> {
        self.database.read("read the experiments", |sql| {
            runs::experiments(sql, "lifecycle_stage = ?1", "active")
        })
    }

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        let id = random_id()?;
        self.database.write("create a run", |sql| {
            runs::create(sql, &id, experiment_id, run)?;
            runs::load(sql, &id)
        })
    }

    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        self.database.write("log to a run", |sql| {
            runs::check_active(sql, run_id)?;
            for (key, value) in &batch.params {
                runs::log_param(sql, run_id, key, value)?;
            }
            for (key, value) in &batch.tags {
                runs::set_tag(sql, run_id, key, value)?;
            }
            metrics::log(sql, run_id, &batch.metrics)
        })
    }

    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        self.database.write("record a run's data sets", |sql| {
            runs::check_active(sql, run_id)?;
            datasets.iter().try_for_each(|dataset| runs::log_dataset(sql, run_id, dataset))
        })
    }

    fn update_run(&self, run_id: &str, status: RunStatus, end: Option<Timestamp>) -> Result<()> {
        self.database.write("update a run", |sql| {
            runs::check_active(sql, run_id)?;
            let update = "UPDATE runs SET status = ?2, end_time = ?3 WHERE run_uuid = ?1";
            sql.change(update, (run_id, status.as_str(), end)).map(|_| ())
        })
    }

    fn run(&self, run_id: &str) -> Result<Run> {
        self.database.read("read a run", |sql| runs::load(sql, run_id))
    }

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>> {
        let select = query::Select::new(query, page)?;
        self.database.read("search for runs", |sql| {
            let page = select.run(sql)?;
            let runs = page.items.iter().map(|id| runs::load(sql, id));
            Ok(Page { items: runs.collect::<Outcome<_>>()?, next: page.next })
        })
    }

    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        self.database.read("read a metric", |sql| {
            runs::lifecycle(sql, run_id)?;
            metrics::history(sql, run_id, key)
        })
    }

    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        self.database.write("register a model", |sql| {
            registry::create(sql, name, description)?;
            for (key, value) in tags {
                registry::set_tag(sql, name, key, value)?;
            }
            registry::load(sql, name)
        })
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.database.read("read a model", |sql| registry::load(sql, name))
    }

    fn registered_models(&self, _page: Option<&str>) -> Result<Page<RegisteredModel>> {
        self.database.read("read the models", |sql| Ok(registry::all(sql)?.into()))
    }

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        self.database.write("tag a model", |sql| {
            registry::touch(sql, name)?;
            registry::set_tag(sql, name, key, value)
        })
    }

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        self.database.write("create a model version", |sql| {
            registry::touch(sql, &version.name)?;
            registry::create_version(sql, version)
        })
    }

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        self.database.read("read a model version", |sql| registry::load_version(sql, name, version))
    }

    fn model_versions(&self, name: &str, _page: Option<&str>) -> Result<Page<ModelVersion>> {
        self.database
            .read("read the model versions", |sql| Ok(registry::all_versions(sql, name)?.into()))
    }

    fn set_version_tag(&self, name: &str, version: u32, key: &str, value: &str) -> Result<()> {
        self.database.write("tag a model version", |sql| {
            registry::load_version(sql, name, version)?;
            registry::set_version_tag(sql, name, version, key, value)
        })
    }

    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        self.database.write("set an alias", |sql| {
            registry::load_version(sql, name, version)?;
            registry::touch(sql, name)?;
            registry::set_alias(sql, name, alias, version)
        })
    }

    fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()> {
        self.database.write("move an alias", |sql| {
            registry::load(sql, name)?.check_alias(alias, from)?;
            registry::load_version(sql, name, to)?;
            registry::touch(sql, name)?;
            registry::set_alias(sql, name, alias, to)
        })
    }

    fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        self.database.write("delete an alias", |sql| {
            registry::touch(sql, name)?;
            let delete = "DELETE FROM registered_model_aliases WHERE name = ?1 AND alias = ?2";
            sql.change(delete, (name, alias)).map(|_| ())
        })
    }

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        self.database.read("read an alias", |sql| {
            let version = registry::load(sql, name)?.aliases.get(alias).copied();
            let missing = || Error::not_found("alias", format!("{name}@{alias}"));
            registry::load_version(sql, name, version.ok_or_else(missing)?)
        })
    }

    fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        self.database.read("read a model version", |sql| registry::storage(sql, name, version))
    }
}

#[cfg(test)]
mod tests;
