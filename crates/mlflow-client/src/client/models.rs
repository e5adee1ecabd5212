//! Registered models, versions and aliases.

use super::Client;
use crate::error::{Error, Result};
use crate::limits::{self, check_alias, check_key, check_length, check_model_name};
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::search::Pages;
use std::collections::BTreeMap;

impl Client {
    /// The registered model of this name; made with this description and these tags where there
    /// is none, left as it is otherwise.
    ///
    /// # Errors
    /// When name, description or tags are not accepted, or the store fails.
    pub fn register_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        check_model_name(name)?;
        check_description(description)?;
        check_registry_tags(tags)?;
        match self.store.create_registered_model(name, description, tags) {
            Err(Error::AlreadyExists { .. }) => self.store.registered_model(name),
            result => result,
        }
    }

    /// The registered model of this name.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.store.registered_model(name)
    }

    /// All registered models by name, fetched page by page.
    pub fn registered_models(&self) -> Pages<'_, RegisteredModel> {
        Pages::new(|page| self.store.registered_models(page))
    }

    /// Sets a tag of a registered model.
    ///
    /// # Errors
    /// When key or value are not accepted, there is no such model, or the store fails.
    pub fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        check_registry_tag(key, value)?;
        self.store.set_registered_model_tag(name, key, value)
    }

    /// Adds the next version to a registered model.
    ///
    /// # Errors
    /// When description or tags are not accepted, there is no such model, or the store fails.
    pub fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        check_description(&version.description)?;
        check_registry_tags(&version.tags)?;
        self.store.create_model_version(version)
    }

    /// One version of a registered model.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        self.store.model_version(name, version)
    }

    /// The versions of a registered model, the newest first, fetched page by page.
    pub fn model_versions<'a>(&'a self, name: &'a str) -> Pages<'a, ModelVersion> {
        Pages::new(move |page| self.store.model_versions(name, page))
    }

    /// Sets a tag of a version.
    ///
    /// # Errors
    /// When key or value are not accepted, there is no such version, or the store fails.
    pub fn set_model_version_tag(
        &self,
        name: &str,
        version: u32,
        key: &str,
        value: &str,
    ) -> Result<()> {
        check_registry_tag(key, value)?;
        self.store.set_model_version_tag(name, version, key, value)
    }

    /// Lets an alias point to a version, wherever it pointed before.
    ///
    /// # Errors
    /// When the alias is not accepted, there is no such version, or the store fails.
    pub fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        check_alias(alias)?;
        self.store.set_alias(name, alias, version)
    }

    /// Removes an alias; nothing happens where there is none.
    ///
    /// # Errors
    /// When there is no such model, or the store fails.
    pub fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        check_alias(alias)?;
        self.store.delete_alias(name, alias)
    }

    /// The version an alias points to.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        check_alias(alias)?;
        self.store.model_version_by_alias(name, alias)
    }

    /// URI of the folder with a version's model, fit for [`artifacts`](Self::artifacts).
    ///
    /// # Errors
    /// When there is no such version, or the store fails.
    pub fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        let uri = self.store.download_uri(name, version)?;
        // The registry hands out `runs:/ID/PATH` as it was registered.
        let Some((run_id, path)) = uri
            .strip_prefix("runs:/")
            .map(|rest| rest.trim_start_matches('/'))
            .and_then(|rest| rest.split_once('/'))
        else {
            return Ok(uri);
        };
        Ok(format!("{}/{path}", self.store.run(run_id)?.artifact_uri))
    }
}

pub(super) fn check_description(description: &str) -> Result<()> {
    check_length("description", description, limits::REGISTRY_TAG_LENGTH)
}

pub(super) fn check_registry_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    tags.iter()
        .try_for_each(|(key, value)| check_registry_tag(key, value))
}

fn check_registry_tag(key: &str, value: &str) -> Result<()> {
    check_key("tag name", key)?;
    check_length("tag value", value, limits::REGISTRY_TAG_LENGTH)
}
