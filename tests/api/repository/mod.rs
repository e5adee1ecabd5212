//! Models that are asked for by name, and are loaded and unloaded meanwhile.

mod answers;
mod loading;
mod refusals;

use std::path::PathBuf;

use pet_api::{Application, Configuration, Error, ModelFolder};
use pet_image::Format;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Answer, Request, Service, colours, colours_called, gradient, post, runtime};

const SHAPES: [&str; 4] = ["round", "square", "long", "flat"];

/// A served model of colours, and the models in a folder beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.put("served", &colours());
        place.put("models/shapes", &colours_called(&SHAPES));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, folder: &str, model: &[u8]) {
        fs_err::create_dir_all(self.path(folder)).unwrap();
        fs_err::write(self.path(folder).join("model.onnx"), model).unwrap();
    }

    fn settings(&self, settings: &mut Configuration) {
        settings.results = self.path("served").into();
        settings.admin_token = Some("secret".into());
        settings.models = Some(ModelFolder::new(self.path("models"), None).unwrap());
    }

    fn start(&self, name: &str) -> Option<Service> {
        Service::start_with(name, |settings| self.settings(settings))
    }

    /// Why the service does not start.
    fn refused(&self, name: &str, change: impl FnOnce(&mut Configuration)) -> Option<Error> {
        let runtime = runtime(name)?;
        let mut settings = Configuration {
            port: 0,
            ..Configuration::default()
        };
        self.settings(&mut settings);
        change(&mut settings);
        pet_api::block_on(async { Application::build(settings, runtime).err() })
    }
}

fn administrator(path: &str) -> Request {
    post(path).header("Authorization", "Bearer secret")
}

fn load(service: &Service, name: &str) -> Answer {
    let request = administrator(&format!("/v2/repository/models/{name}/load"));
    request
        .body("application/json", b"{}")
        .send(service.address)
}

fn unload(service: &Service, name: &str) -> Answer {
    administrator(&format!("/v2/repository/models/{name}/unload")).send(service.address)
}

fn index(service: &Service) -> Value {
    let request = administrator("/v2/repository/index");
    request.send(service.address).json()
}

/// What a refusal of the protocol says.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["error"], body["detail"], "{body}");
    body["error"].as_str().unwrap().to_owned()
}

fn predict(service: &Service, query: &str) -> Answer {
    let request = post(&format!("/predict{query}"));
    request
        .file("x.png", &gradient(60, 40, Format::Png))
        .send(service.address)
}
