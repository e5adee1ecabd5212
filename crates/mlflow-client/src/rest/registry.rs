//! Registered models over REST.

use super::RestStore;
use super::answer::name_it;
use super::tracking::api;
use super::transport::Request;
use super::wire::{self, WireModel, WireVersion};
use crate::error::Result;
use crate::limits::invalid;
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::search::Page;
use crate::store::RegistryStore;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct OneModel {
    registered_model: WireModel,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ModelPage {
    registered_models: Vec<WireModel>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneVersion {
    model_version: WireVersion,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VersionPage {
    model_versions: Vec<WireVersion>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    artifact_uri: String,
}

impl RegistryStore for RestStore {
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        let body = json!({ "name": name, "description": description, "tags": wire::pairs(tags) });
        let request = Request::post(&api("registered-models/create"), body).creating();
        let created: OneModel = name_it(self.ask(&request), "model", name)?;
        Ok(created.registered_model.into())
    }

    fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        let request = Request::get(&api("registered-models/get")).query("name", name);
        let found: OneModel = name_it(self.ask(&request), "model", name)?;
        Ok(found.registered_model.into())
    }

    fn registered_models(&self, page: Option<&str>) -> Result<Page<RegisteredModel>> {
        let request = Request::get(&api("registered-models/search")).query("max_results", "100");
        let found: ModelPage = self.ask(&with_token(request, page))?;
        Ok(wire::page(found.registered_models, found.next_page_token))
    }

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let body = json!({ "name": name, "key": key, "value": value });
        let request = Request::post(&api("registered-models/set-tag"), body);
        name_it(self.tell(&request), "model", name)
    }

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        let mut body = json!({
            "name": version.name,
            "source": version.source,
            "description": version.description,
            "tags": wire::pairs(&version.tags),
        });
        if let Some(run_id) = &version.run_id {
            body["run_id"] = json!(run_id);
        }
        if let Some(model_id) = &version.model_id {
            body["model_id"] = json!(model_id);
        }
        let request = Request::post(&api("model-versions/create"), body).creating();
        let created: OneVersion = name_it(self.ask(&request), "model", &version.name)?;
        Ok(created.model_version.into())
    }

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        let request = Request::get(&api("model-versions/get"))
            .query("name", name)
            .query("version", &version.to_string());
        let found: OneVersion = name_it(self.ask(&request), WHAT, &label(name, version))?;
        Ok(found.model_version.into())
    }

    fn model_versions(&self, name: &str, page: Option<&str>) -> Result<Page<ModelVersion>> {
        let request = Request::get(&api("model-versions/search"))
            .query("filter", &format!("name={}", quoted(name)?))
            .query("max_results", "1000")
            .query("order_by", "version_number DESC");
        let found: VersionPage = self.ask(&with_token(request, page))?;
        Ok(wire::page(found.model_versions, found.next_page_token))
    }

    fn set_model_version_tag(
        &self,
        name: &str,
        version: u32,
        key: &str,
        value: &str,
    ) -> Result<()> {
        let body =
            json!({ "name": name, "version": version.to_string(), "key": key, "value": value });
        let request = Request::post(&api("model-versions/set-tag"), body);
        name_it(self.tell(&request), WHAT, &label(name, version))
    }

    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        let body = json!({ "name": name, "alias": alias, "version": version.to_string() });
        let request = Request::post(&api("registered-models/alias"), body);
        name_it(self.tell(&request), WHAT, &label(name, version))
    }

    fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        let body = json!({ "name": name, "alias": alias });
        let request = Request::delete(&api("registered-models/alias"), body);
        name_it(self.tell(&request), "model", name)
    }

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        let request = Request::get(&api("registered-models/alias"))
            .query("name", name)
            .query("alias", alias);
        let found: OneVersion = name_it(self.ask(&request), "alias", &format!("{name}@{alias}"))?;
        Ok(found.model_version.into())
    }

    fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        let request = Request::get(&api("model-versions/get-download-uri"))
            .query("name", name)
            .query("version", &version.to_string());
        let found: Location = name_it(self.ask(&request), WHAT, &label(name, version))?;
        Ok(found.artifact_uri)
    }
}

const WHAT: &str = "model version";

fn label(name: &str, version: u32) -> String {
    format!("{name}/{version}")
}

fn with_token<'a>(request: Request<'a>, page: Option<&str>) -> Request<'a> {
    match page {
        Some(token) => request.query("page_token", token),
        None => request,
    }
}

/// A name within a filter. The language has no way to escape a quote, only two kinds of quotes.
fn quoted(name: &str) -> Result<String> {
    match (name.contains('\''), name.contains('"')) {
        (false, _) => Ok(format!("'{name}'")),
        (true, false) => Ok(format!("\"{name}\"")),
        (true, true) => {
            let expected = "one without both kinds of quotes, which a search cannot express";
            Err(invalid("model name", name, expected.to_owned()))
        }
    }
}
