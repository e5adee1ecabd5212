//! The repository of models, and Triton's own client.

use std::process::Command;

use pet_api::ModelFolder;
use pet_image::Format;
use pet_tests::gradient;
use tempfile::TempDir;
use tonic::Code;

use super::client::{Call, call};
use super::messages::{
    Empty, Flag, Index, Load, Model, OnlyReady, Parameter, Request, Response, photograph,
};
use super::{MODEL, address, start, start_with};
use crate::protocol::inference::{pictures, served_model};
use crate::protocol::{output, python, script};
use crate::support::{Service, colours, get};

const TOKEN: &str = "secret";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("colours")).unwrap();
    fs_err::write(folder.path().join("colours/model.onnx"), colours()).unwrap();
    folder
}

fn service(folder: &TempDir) -> Option<Service> {
    start_with(|settings| {
        settings.admin_token = Some(TOKEN.into());
        settings.models = Some(ModelFolder::new(folder.path().into(), None).unwrap());
    })
}

fn load(model: &str) -> Load {
    Load { model: model.into(), ..Load::default() }
}

fn admin(call: Call) -> Call {
    call.header("authorization", &format!("Bearer {TOKEN}"))
}

#[test]
fn models_are_listed_loaded_and_unloaded() {
    let folder = folder();
    let Some(service) = service(&folder) else { return };
    let state = || {
        let index: Index = admin(call("RepositoryIndex", &Empty {})).send(&service).ok();
        let mut models = index.models.into_iter();
        models.find(|model| model.name == "colours").unwrap()
    };
    let is_ready = || {
        let model = Model { name: "colours".into(), ..Model::default() };
        call("ModelReady", &model).send(&service).ok::<Flag>().value
    };
    assert_eq!((state().state.as_str(), is_ready()), ("READY", true));
    let request = Request { model: "colours".into(), ..photograph(&gradient(20, 20, Format::Png)) };
    let answer: Response = call("ModelInfer", &request).send(&service).ok();
    assert_eq!(answer.model, "colours");

    admin(call("RepositoryModelUnload", &load("colours"))).send(&service).ok::<Empty>();
    assert_eq!((state().state.as_str(), is_ready()), ("UNAVAILABLE", false));
    assert!(!state().reason.is_empty());
    let only_ready = admin(call("RepositoryIndex", &OnlyReady { ready: true }));
    let index: Index = only_ready.send(&service).ok();
    assert_eq!(index.models.len(), 1);
    admin(call("RepositoryModelLoad", &load("colours"))).send(&service).ok::<Empty>();
    assert_eq!((state().state.as_str(), is_ready()), ("READY", true));
}

#[test]
fn invalid_changes_are_rejected() {
    let folder = folder();
    let Some(service) = service(&folder) else { return };
    let change = |method: &str, message: &Load| admin(call(method, message)).send(&service);
    change("RepositoryModelLoad", &load("x")).error(Code::NotFound, "does not exist");
    change("RepositoryModelUnload", &load("x")).error(Code::NotFound, "does not exist");
    let served = change("RepositoryModelUnload", &load(MODEL));
    served.error(Code::InvalidArgument, "cannot be unloaded");
    let parameters = [("config".to_owned(), Parameter::default())].into();
    let with_parameters = Load { parameters, ..load("colours") };
    change("RepositoryModelLoad", &with_parameters).error(Code::InvalidArgument, "config");
    fs_err::write(folder.path().join("colours/model.onnx"), "no model").unwrap();
    change("RepositoryModelLoad", &load("colours")).error(Code::Internal, "colours");
}

#[test]
fn the_repository_requires_the_token() {
    let folder = folder();
    let Some(service) = service(&folder) else { return };
    for method in ["RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"] {
        let plain = call(method, &load("colours"));
        plain.send(&service).error(Code::Unauthenticated, "token");
        for wrong in
            ["Bearer", "Bearer ", "Bearer wrong", "bearer secret", "secret", "Bearer secret1"]
        {
            let reply = plain.clone().header("authorization", wrong).send(&service);
            reply.error(Code::Unauthenticated, "token");
        }
    }
    let Some(service) = start() else { return };
    let reply = admin(call("RepositoryIndex", &Empty {})).send(&service);
    reply.error(Code::NotFound, "without an admin token");
}

#[test]
fn triton_client_works() {
    let folder = folder();
    let Some(service) = service(&folder) else { return };
    if get(&format!("/v2/models/{MODEL}")).send(&service).status != 200 {
        return;
    }
    let modules = "tritonclient.grpc, tritonclient.http, onnxruntime";
    let Some(python) = python("PET_PYTHON", "python-env", modules) else { return };
    let images = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command
        .arg(script("grpc/triton.py"))
        .args([address(&service), service.address].map(|address| address.to_string()))
        .arg(TOKEN)
        .arg(served_model())
        .args(pictures(images.path()));
    output(&mut command, "");
}
