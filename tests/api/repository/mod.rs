//! Named models.

mod errors;
mod loading;
mod predictions;

use std::path::PathBuf;

use pet_api::{Configuration, Error, ModelFolder};
use pet_image::Format;
use pet_tests::gradient;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Request, Response, Service, colours, colours_called, post, startup_error};

const SHAPES: [&str; 4] = ["round", "square", "long", "flat"];

/// A folder with a served model of colours, and a folder of models.
struct TestDir(TempDir);

impl TestDir {
    fn new() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        dir.put("served", &colours());
        dir.put("models/shapes", &colours_called(&SHAPES));
        dir
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

    fn start(&self) -> Option<Service> {
        Service::start_with(|settings| self.settings(settings))
    }

    /// The error of a service that does not start.
    fn startup_error(&self, change: impl FnOnce(&mut Configuration)) -> Option<Error> {
        startup_error(|settings| {
            self.settings(settings);
            change(settings);
        })
    }
}

fn admin(path: &str) -> Request {
    post(path).header("Authorization", "Bearer secret")
}

fn load(service: &Service, name: &str) -> Response {
    let request = admin(&format!("/v2/repository/models/{name}/load"));
    request.body("application/json", b"{}").send(service)
}

fn unload(service: &Service, name: &str) -> Response {
    admin(&format!("/v2/repository/models/{name}/unload")).send(service)
}

fn index(service: &Service) -> Value {
    let request = admin("/v2/repository/index");
    request.send(service).json()
}

/// The message of an error of the protocol, which must have this status and code.
#[track_caller]
fn protocol_error(response: &Response, status: u16, code: &str) -> String {
    assert_eq!(response.status, status, "{}", response.text());
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["error"], body["detail"], "{body}");
    body["error"].as_str().unwrap().to_owned()
}

fn predict(service: &Service, query: &str) -> Response {
    let request = post(&format!("/predict{query}"));
    request.file("x.png", &gradient(60, 40, Format::Png)).send(service)
}
