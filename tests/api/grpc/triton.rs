//! Triton's own client.

use std::process::Command;

use pet_api::ModelFolder;

use super::{MODEL, address, start_with};
use crate::protocol::inference::{pictures, served_model};
use crate::protocol::python::{output, python, script};
use crate::support::{colours, get};

const TOKEN: &str = "secret";

#[test]
fn triton_client_works() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("colours")).unwrap();
    fs_err::write(folder.path().join("colours/model.onnx"), colours()).unwrap();
    let Some(service) = start_with(|settings| {
        settings.admin_token = Some(TOKEN.into());
        settings.models = Some(ModelFolder::new(folder.path().into(), None).unwrap());
    }) else {
        return;
    };
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
