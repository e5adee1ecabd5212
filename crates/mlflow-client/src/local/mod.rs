//! The store in a SQLite database, in the form that MLflow itself opens.
//!
//! A new database gets an old, frozen schema (Alembic revision `7f2a7d5fae7d`, March 2023). Any
//! later MLflow finds tables missing and upgrades it by itself; its migrations keep what this
//! module writes valid, as long as every statement names its columns and no `ON CONFLICT` leans on
//! a key (MLflow adds `workspace` to some). So the same code serves new and upgraded databases.

mod database;
mod datasets;
mod language;
mod metrics;
mod models;
mod queries;
mod runs;
mod schema;
mod versions;

use crate::artifact::{ArtifactRepository, FolderArtifacts, uri};
use crate::error::Result;
use crate::store::{LoggedModelStore, Store};
use database::Database;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The store in a SQLite database; artifacts lie in `mlruns` beside it.
pub struct LocalStore {
    database: Database,
    artifact_root: PathBuf,
}

impl LocalStore {
    /// Opens the database, or makes it where there is none (or an empty file).
    ///
    /// # Errors
    /// When the file is no database of MLflow's, is locked for longer than `lock_timeout`, or
    /// cannot be read or written.
    pub fn open(database: &Path, lock_timeout: Duration) -> Result<Self> {
        let database = std::path::absolute(database)?;
        let folder = database.parent().unwrap_or(Path::new("/"));
        fs_err::create_dir_all(folder)?;
        let artifact_root = folder.join("mlruns");
        let database = Database::open(&database, lock_timeout)?;
        schema::prepare(&database, &uri::from_path(&artifact_root)?)?;
        Ok(Self {
            database,
            artifact_root,
        })
    }
}

/// What MLflow 3 calls a logged model needs tables that the frozen schema does not have.
impl LoggedModelStore for LocalStore {}

impl Store for LocalStore {
    /// Opening has found out everything.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>> {
        Ok(Box::new(FolderArtifacts::new(uri::to_path(uri)?)))
    }
}

#[cfg(test)]
mod tests;
