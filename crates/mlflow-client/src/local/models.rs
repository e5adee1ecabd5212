//! Registered models in the database.

use super::LocalStore;
use super::database::{Fault, Outcome};
use super::runs::{not_found, pairs, text};
use super::versions;
use crate::error::{Error, Result};
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::search::Page;
use crate::store::RegistryStore;
use crate::time;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeMap;

impl RegistryStore for LocalStore {
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        self.database.write("register a model", |transaction| {
            create(transaction, name, description)?;
            for (key, value) in tags {
                set_tag(transaction, name, key, value)?;
            }
            load(transaction, name)
        })
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.database
            .read("read a model", |transaction| load(transaction, name))
    }

    fn registered_models(&self, _page: Option<&str>) -> Result<Page<RegisteredModel>> {
        self.database.read("read the models", |transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT name FROM registered_models ORDER BY name")?;
            let names = statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()?;
            let models = names.iter().map(|name| load(transaction, name));
            Ok(Page {
                items: models.collect::<Outcome<_>>()?,
                next: None,
            })
        })
    }

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        self.database.write("tag a model", |transaction| {
            load(transaction, name)?;
            set_tag(transaction, name, key, value)?;
            touch(transaction, name)
        })
    }

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        self.database
            .write("create a model version", |transaction| {
                load(transaction, &version.name)?;
                touch(transaction, &version.name)?;
                versions::create(transaction, version)
            })
    }

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        self.database.read("read a model version", |transaction| {
            versions::load(transaction, name, version)
        })
    }

    fn model_versions(&self, name: &str, _page: Option<&str>) -> Result<Page<ModelVersion>> {
        self.database
            .read("read the model versions", |transaction| {
                Ok(Page {
                    items: versions::all(transaction, name)?,
                    next: None,
                })
            })
    }

    fn set_model_version_tag(
        &self,
        name: &str,
        version: u32,
        key: &str,
        value: &str,
    ) -> Result<()> {
        self.database.write("tag a model version", |transaction| {
            versions::load(transaction, name, version)?;
            versions::set_tag(transaction, name, version, key, value)
        })
    }

    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        self.database.write("set an alias", |transaction| {
            versions::load(transaction, name, version)?;
            let changed = transaction.execute(
                "UPDATE registered_model_aliases SET version = ?3 WHERE name = ?1 AND alias = ?2",
                (name, alias, version),
            )?;
            if changed == 0 {
                transaction.execute(
                    "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?1, ?2, ?3)",
                    (name, alias, version),
                )?;
            }
            touch(transaction, name)
        })
    }

    fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        self.database.write("delete an alias", |transaction| {
            load(transaction, name)?;
            transaction.execute(
                "DELETE FROM registered_model_aliases WHERE name = ?1 AND alias = ?2",
                (name, alias),
            )?;
            touch(transaction, name)
        })
    }

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        self.database.read("read an alias", |transaction| {
            let version = load(transaction, name)?.aliases.get(alias).copied();
            let version = version.ok_or_else(|| not_found("alias", &format!("{name}@{alias}")))?;
            versions::load(transaction, name, version)
        })
    }

    fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        self.database.read("read a model version", |transaction| {
            versions::storage(transaction, name, version)
        })
    }
}

fn create(transaction: &Transaction<'_>, name: &str, description: &str) -> Outcome<()> {
    match load(transaction, name) {
        Ok(model) => {
            return Err(Fault::Found(Error::AlreadyExists {
                what: "model",
                name: model.name,
            }));
        }
        Err(Fault::Found(Error::NotFound { .. })) => {}
        Err(fault) => return Err(fault),
    }
    transaction.execute(
        "INSERT INTO registered_models (name, creation_time, last_updated_time, description) \
         VALUES (?1, ?2, ?2, ?3)",
        (name, time::now(), description),
    )?;
    Ok(())
}

fn load(transaction: &Transaction<'_>, name: &str) -> Outcome<RegisteredModel> {
    let mut model = transaction
        .prepare_cached(
            "SELECT creation_time, last_updated_time, description FROM registered_models \
             WHERE name = ?1",
        )?
        .query_row([name], |row| {
            Ok(RegisteredModel {
                name: name.to_owned(),
                creation_time: row
                    .get::<_, Option<i64>>("creation_time")?
                    .unwrap_or_default(),
                last_updated_time: row
                    .get::<_, Option<i64>>("last_updated_time")?
                    .unwrap_or_default(),
                description: text(row, "description")?,
                tags: BTreeMap::new(),
                aliases: BTreeMap::new(),
            })
        })
        .optional()?
        .ok_or_else(|| not_found("model", name))?;
    let tags = "SELECT key, value FROM registered_model_tags WHERE name = ?1";
    model.tags = pairs(transaction, tags, name)?;
    let mut aliases = transaction
        .prepare_cached("SELECT alias, version FROM registered_model_aliases WHERE name = ?1")?;
    model.aliases = aliases
        .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(model)
}

fn set_tag(transaction: &Transaction<'_>, name: &str, key: &str, value: &str) -> Outcome<()> {
    let changed = transaction.execute(
        "UPDATE registered_model_tags SET value = ?3 WHERE name = ?1 AND key = ?2",
        (name, key, value),
    )?;
    if changed == 0 {
        transaction.execute(
            "INSERT INTO registered_model_tags (name, key, value) VALUES (?1, ?2, ?3)",
            (name, key, value),
        )?;
    }
    Ok(())
}

fn touch(transaction: &Transaction<'_>, name: &str) -> Outcome<()> {
    transaction.execute(
        "UPDATE registered_models SET last_updated_time = ?2 WHERE name = ?1",
        (name, time::now()),
    )?;
    Ok(())
}
