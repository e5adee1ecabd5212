//! Registered models and their versions in the database.

use super::LocalStore;
use super::database::{Outcome, Sql, columns, or_default};
use crate::error::{Error, Result};
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::store::{Page, Registry};
use crate::time::now;
use rusqlite::Row;
use std::collections::BTreeMap;

/// Deleted versions keep their row, and with it their number.
const DELETED: &str = "Deleted_Internal";

impl Registry for LocalStore {
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        self.database.write("register a model", |sql| {
            let select = "SELECT 1 FROM registered_models WHERE name = ?1";
            if sql.first(select, [name], |_| Ok(()))?.is_some() {
                return Err(Error::already_exists("model", name).into());
            }
            sql.change(
                "INSERT INTO registered_models (name, creation_time, last_updated_time, description) \
                 VALUES (?1, ?2, ?2, ?3)",
                (name, now(), description),
            )?;
            for (key, value) in tags {
                set_tag(sql, name, key, value)?;
            }
            load(sql, name)
        })
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.database.read("read a model", |sql| load(sql, name))
    }

    fn registered_models(&self, _page: Option<&str>) -> Result<Page<RegisteredModel>> {
        self.database.read("read the models", |sql| {
            let select = "SELECT name FROM registered_models ORDER BY name";
            let names = sql.all(select, [], |row| row.get::<_, String>(0))?;
            let models = names.iter().map(|name| load(sql, name));
            Ok(Page { items: models.collect::<Outcome<_>>()?, next: None })
        })
    }

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        self.database.write("tag a model", |sql| {
            touch(sql, name)?;
            set_tag(sql, name, key, value)
        })
    }

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        self.database.write("create a model version", |sql| {
            let NewModelVersion { name, description, source, run_id, .. } = version;
            touch(sql, name)?;
            let number: u32 = sql.query_row(
                "SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE name = ?1",
                [name],
                |row| row.get(0),
            )?;
            sql.change(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, \
                 description, current_stage, source, run_id, status, run_link) \
                 VALUES (?1, ?2, ?3, ?3, ?4, 'None', ?5, ?6, 'READY', '')",
                (name, number, now(), description, source, run_id),
            )?;
            for (key, value) in &version.tags {
                set_version_tag(sql, name, number, key, value)?;
            }
            load_version(sql, name, number)
        })
    }

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        self.database.read("read a model version", |sql| load_version(sql, name, version))
    }

    fn model_versions(&self, name: &str, _page: Option<&str>) -> Result<Page<ModelVersion>> {
        self.database.read("read the model versions", |sql| {
            let select = "SELECT version FROM model_versions WHERE name = ?1 AND current_stage <> ?2 \
                          ORDER BY version DESC";
            let numbers = sql.all(select, (name, DELETED), |row| row.get(0))?;
            let versions = numbers.into_iter().map(|number| load_version(sql, name, number));
            Ok(Page { items: versions.collect::<Outcome<_>>()?, next: None })
        })
    }

    fn set_version_tag(&self, name: &str, version: u32, key: &str, value: &str) -> Result<()> {
        self.database.write("tag a model version", |sql| {
            load_version(sql, name, version)?;
            set_version_tag(sql, name, version, key, value)
        })
    }

    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        self.database.write("set an alias", |sql| {
            load_version(sql, name, version)?;
            touch(sql, name)?;
            set_alias(sql, name, alias, version)
        })
    }

    fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()> {
        self.database.write("move an alias", |sql| {
            load(sql, name)?.check_alias(alias, from)?;
            load_version(sql, name, to)?;
            touch(sql, name)?;
            set_alias(sql, name, alias, to)
        })
    }

    fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        self.database.write("delete an alias", |sql| {
            touch(sql, name)?;
            let delete = "DELETE FROM registered_model_aliases WHERE name = ?1 AND alias = ?2";
            sql.change(delete, (name, alias)).map(|_| ())
        })
    }

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        self.database.read("read an alias", |sql| {
            let version = load(sql, name)?.aliases.get(alias).copied();
            let missing = || Error::not_found("alias", format!("{name}@{alias}"));
            load_version(sql, name, version.ok_or_else(missing)?)
        })
    }

    /// Newer MLflow keeps the location of a model registered as `models:/…` in a column that the frozen
    /// schema does not have.
    fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        self.database.read("read a model version", |sql| {
            let source = load_version(sql, name, version)?.source;
            if !columns(sql, "model_versions")?.contains("storage_location") {
                return Ok(source);
            }
            let select =
                "SELECT storage_location FROM model_versions WHERE name = ?1 AND version = ?2";
            let location =
                sql.first(select, (name, version), |row| row.get::<_, Option<String>>(0))?;
            Ok(location.flatten().filter(|location| !location.is_empty()).unwrap_or(source))
        })
    }
}

/// A registered model with its tags and aliases.
fn load(sql: &Sql<'_>, name: &str) -> Outcome<RegisteredModel> {
    let select = "SELECT creation_time, last_updated_time, description FROM registered_models \
                  WHERE name = ?1";
    let tags = "SELECT key, value FROM registered_model_tags WHERE name = ?1";
    let aliases = "SELECT alias, version FROM registered_model_aliases WHERE name = ?1";
    let aliases = sql.all(aliases, [name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let tags = sql.pairs(tags, [name])?;
    let model = sql.first(select, [name], |row| {
        Ok(RegisteredModel {
            name: name.to_owned(),
            creation_time: or_default(row, "creation_time")?,
            last_updated_time: or_default(row, "last_updated_time")?,
            description: or_default(row, "description")?,
            tags,
            aliases: aliases.into_iter().collect(),
        })
    })?;
    Ok(model.ok_or_else(|| Error::not_found("model", name))?)
}

/// Notes that a registered model, which must exist, was changed.
fn touch(sql: &Sql<'_>, name: &str) -> Outcome<()> {
    let update = "UPDATE registered_models SET last_updated_time = ?2 WHERE name = ?1";
    match sql.change(update, (name, now()))? {
        0 => Err(Error::not_found("model", name).into()),
        _ => Ok(()),
    }
}

fn set_tag(sql: &Sql<'_>, name: &str, key: &str, value: &str) -> Outcome<()> {
    sql.set(
        "UPDATE registered_model_tags SET value = ?3 WHERE name = ?1 AND key = ?2",
        "INSERT INTO registered_model_tags (name, key, value) VALUES (?1, ?2, ?3)",
        (name, key, value),
    )
}

fn set_alias(sql: &Sql<'_>, name: &str, alias: &str, version: u32) -> Outcome<()> {
    sql.set(
        "UPDATE registered_model_aliases SET version = ?3 WHERE name = ?1 AND alias = ?2",
        "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?1, ?2, ?3)",
        (name, alias, version),
    )
}

/// A version with its tags and aliases.
fn load_version(sql: &Sql<'_>, name: &str, version: u32) -> Outcome<ModelVersion> {
    let found = sql.first(
        "SELECT name, version, creation_time, last_updated_time, description, source, run_id, \
         status FROM model_versions WHERE name = ?1 AND version = ?2 AND current_stage <> ?3",
        (name, version, DELETED),
        version_from_row,
    )?;
    let missing = || Error::not_found("model version", format!("{name}/{version}"));
    let mut found = found.ok_or_else(missing)?;
    let tags = "SELECT key, value FROM model_version_tags WHERE name = ?1 AND version = ?2";
    found.tags = sql.pairs(tags, (name, version))?;
    let aliases = "SELECT alias FROM registered_model_aliases WHERE name = ?1 AND version = ?2 \
                   ORDER BY alias";
    found.aliases = sql.all(aliases, (name, version), |row| row.get(0))?;
    Ok(found)
}

fn version_from_row(row: &Row<'_>) -> rusqlite::Result<ModelVersion> {
    Ok(ModelVersion {
        name: row.get("name")?,
        version: row.get("version")?,
        creation_time: or_default(row, "creation_time")?,
        last_updated_time: or_default(row, "last_updated_time")?,
        description: or_default(row, "description")?,
        source: or_default(row, "source")?,
        run_id: row.get::<_, Option<String>>("run_id")?.filter(|id| !id.is_empty()),
        status: or_default(row, "status")?,
        tags: BTreeMap::new(),
        aliases: Vec::new(),
    })
}

fn set_version_tag(sql: &Sql<'_>, name: &str, version: u32, key: &str, value: &str) -> Outcome<()> {
    sql.set(
        "UPDATE model_version_tags SET value = ?4 WHERE name = ?1 AND version = ?2 AND key = ?3",
        "INSERT INTO model_version_tags (name, version, key, value) VALUES (?1, ?2, ?3, ?4)",
        (name, version, key, value),
    )
}
