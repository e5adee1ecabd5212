//! The store in a SQLite database, in the form that MLflow itself opens.
//!
//! A new database gets an old, frozen schema (Alembic revision `7f2a7d5fae7d`, March 2023). Any
//! later MLflow finds tables missing and upgrades it by itself; its migrations keep what this
//! module writes valid, as long as every statement names its columns and no `ON CONFLICT` relies on
//! a key (MLflow adds `workspace` to some). So the same code serves new and upgraded databases.

mod database;
mod language;
mod query;
mod registry;
mod runs;

use crate::artifact::{ArtifactRepository, FolderArtifacts};
use crate::error::Result;
use crate::location::{from_path, to_path};
use crate::store::Store;
use database::Database;
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
        database.prepare(&from_path(&artifact_root)?)?;
        Ok(Self { database, artifact_root })
    }
}

impl Store for LocalStore {
    /// Opening has checked the database.
    fn version(&self) -> Result<Option<String>> {
        Ok(None)
    }

    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>> {
        Ok(Box::new(FolderArtifacts { root: to_path(uri)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::error::Error;
    use crate::registry::NewModelVersion;
    use crate::run::NewRun;
    use crate::store::{Registry as _, Tracking as _};
    use crate::time::Timestamp;
    use rusqlite::Connection;
    use std::collections::BTreeMap;

    const SHORT: Duration = Duration::from_millis(50);

    fn open(folder: &Path) -> Result<LocalStore> {
        LocalStore::open(&folder.join("mlflow.db"), SHORT)
    }

    #[test]
    fn a_new_database_is_stamped_and_has_the_default_experiment() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let default = store.experiment_by_name("Default").unwrap().unwrap();
        assert_eq!(default.id, "0");
        assert!(default.artifact_location.starts_with("file:///"));
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        let stamp: String =
            raw.query_row("SELECT version_num FROM alembic_version", [], |row| row.get(0)).unwrap();
        assert_eq!(stamp, "7f2a7d5fae7d");
        assert!(!folder.path().join("mlruns").exists(), "made with the first artifact");
    }

    #[test]
    fn what_is_not_a_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mlflow.db");
        fs_err::write(&path, "this is a text that is longer than a header of SQLite\n".repeat(20))
            .unwrap();
        let error = open(folder.path()).err().unwrap();
        assert!(matches!(error, Error::NotADatabase { .. }), "{error}");
        assert!(error.hint().is_some());
        assert!(fs_err::read_to_string(&path).unwrap().starts_with("this is a text"));
    }

    #[test]
    fn an_empty_file_becomes_a_database() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("mlflow.db"), "").unwrap();
        assert!(open(folder.path()).is_ok());
    }

    #[test]
    fn foreign_tables_and_missing_columns_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        raw.execute_batch("CREATE TABLE notes (text)").unwrap();
        let error = open(folder.path()).err().unwrap();
        assert!(error.to_string().contains("table `experiments`"), "{error}");

        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).unwrap());
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        raw.execute_batch("ALTER TABLE params RENAME COLUMN value TO content").unwrap();
        let error = open(folder.path()).err().unwrap();
        assert!(error.to_string().contains("column `value` in table `params`"), "{error}");
    }

    #[test]
    fn a_locked_database_is_an_error_after_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        raw.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let error = store.create_experiment("a").unwrap_err();
        assert!(matches!(error, Error::DatabaseLocked { waited: SHORT, .. }), "{error}");
        assert!(open(folder.path()).is_err());
        raw.execute_batch("ROLLBACK").unwrap();
        assert!(store.create_experiment("a").is_ok());
    }

    #[test]
    fn a_full_disk_is_an_error_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let run = store.create_run("0", &NewRun::new("a", Timestamp::default())).unwrap();
        store
            .database
            .read("limit", |sql| {
                let pages: i64 = sql.pragma_query_value(None, "page_count", |row| row.get(0))?;
                sql.pragma_update(None, "max_page_count", pages)?;
                Ok(())
            })
            .unwrap();
        let long = (0..50).fold(Batch::new().tag("small", "x"), |batch, i| {
            batch.param(format!("p{i:02}"), "x".repeat(5000))
        });
        let error = store.log_batch(&run.id, &long).unwrap_err();
        assert!(matches!(error, Error::DatabaseFull { .. }), "{error}");
        assert!(error.hint().is_some());
        let after = store.run(&run.id).unwrap();
        assert!(after.params.is_empty() && !after.tags.contains_key("small"));
    }

    #[test]
    fn a_killed_creation_leaves_nothing_half_made() {
        let folder = tempfile::tempdir().unwrap();
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        raw.execute_batch("BEGIN IMMEDIATE; CREATE TABLE experiments (experiment_id INTEGER)")
            .unwrap();
        // The process ends here: nothing is committed.
        drop(raw);
        assert!(open(folder.path()).is_ok());
    }

    #[test]
    fn many_openers_make_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mlflow.db");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| LocalStore::open(&path, Duration::from_secs(20)).unwrap());
            }
        });
        assert_eq!(open(folder.path()).unwrap().experiments().unwrap().len(), 1);
    }

    #[test]
    fn deleted_runs_and_versions_are_out_of_reach() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let run = store.create_run("0", &NewRun::new("a", Timestamp::default())).unwrap();
        store.create_registered_model("m", "", &BTreeMap::new()).unwrap();
        let version = NewModelVersion::new("m", "file:///x");
        store.create_model_version(&version).unwrap();
        let raw = Connection::open(folder.path().join("mlflow.db")).unwrap();
        raw.execute_batch(
            "UPDATE runs SET lifecycle_stage = 'deleted'; \
             UPDATE model_versions SET current_stage = 'Deleted_Internal'",
        )
        .unwrap();
        let error = store.log_batch(&run.id, &Batch::new().tag("a", "b")).unwrap_err();
        assert!(error.to_string().contains("not deleted"), "{error}");
        assert!(store.model_version("m", 1).unwrap_err().is_not_found());
        assert_eq!(
            store.create_model_version(&version).unwrap().version,
            2,
            "numbers are not reused"
        );
    }
}
