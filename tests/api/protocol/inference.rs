//! The Open Inference Protocol.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_api::ModelFolder;
use pet_image::{Format, Limits, Preprocess};
use pet_tests::{gradient, photographs, recipe, results};
use serde_json::{Value, json};

use super::{output, python, script};
use crate::support::{Request, Response, Service, colours, get, post};

const MODEL: &str = "/v2/models/oxford_pet_classifier";
const TOKEN: &str = "secret";
const LENGTH: &str = "Inference-Header-Content-Length";

/// A service with the committed model; `None` if another one is under test.
fn service() -> Option<Service> {
    let service = Service::start()?;
    (get(MODEL).send(&service).status == 200).then_some(service)
}

fn infer(request: &Value) -> Request {
    post(&format!("{MODEL}/infer")).body("application/json", request.to_string().as_bytes())
}

/// A request with binary data after the JSON.
fn infer_binary(request: &Value, tail: &[u8]) -> Request {
    let json = request.to_string();
    post(&format!("{MODEL}/infer"))
        .header(LENGTH, &json.len().to_string())
        .body("application/octet-stream", &[json.as_bytes(), tail].concat())
}

fn photograph(extent: usize) -> Value {
    json!({"name": "input", "datatype": "BYTES", "shape": [1],
        "parameters": {"binary_data_size": extent}})
}

/// A length-prefixed image.
fn element(image: &[u8]) -> Vec<u8> {
    [&(image.len() as u32).to_le_bytes(), image].concat()
}

/// Checks an error of the protocol.
#[track_caller]
fn assert_error(response: &Response, status: u16, code: &str, words: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((&body["code"], &body["error"]), (&json!(code), &body["detail"]), "{body}");
    assert!(body["error"].as_str().unwrap().contains(words), "{words}: {body}");
}

/// The tensor of an image, made with the recipe that the service describes.
pub(crate) fn tensor_of(image: &[u8], service: &Service) -> Vec<f32> {
    let model = get("/model").send(service).json();
    let recipe: Preprocess = serde_json::from_value(model["preprocess"].clone()).unwrap();
    let mut tensor = vec![0.0; recipe.tensor_len()];
    recipe.run(image, &Limits::default(), &mut tensor).unwrap();
    tensor
}

/// Images for Triton's clients: one of each of three formats, written to a folder, and real photographs if there are any.
pub(crate) fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut pictures = Vec::new();
    for (number, format) in [Format::Png, Format::Jpeg, Format::WebP].into_iter().enumerate() {
        let path = folder.join(number.to_string());
        fs_err::write(&path, gradient(320, 240, format)).unwrap();
        pictures.push(path);
    }
    let real = photographs().unwrap_or_default();
    pictures.extend(real.into_iter().step_by(7).take(8));
    pictures
}

#[test]
fn tensor_gets_the_same_prediction_as_its_photograph() {
    let Some(service) = service() else { return };
    let image = gradient(300, 200, Format::Png);
    let tensor = tensor_of(&image, &service);
    let bytes: Vec<u8> = tensor.iter().flat_map(|number| number.to_le_bytes()).collect();
    let size = recipe().size();
    let input = |extra: Value| {
        let mut input = json!({"name": "input", "datatype": "FP32", "shape": [1, 3, size, size]});
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"inputs": [input], "outputs": [{"name": "output"}, {"name": "probabilities"}, {"name": "class"}]})
    };
    let as_json = infer(&input(json!({"data": tensor}))).send(&service).json();
    let size = json!({"parameters": {"binary_data_size": bytes.len()}});
    let as_binary = infer_binary(&input(size), &bytes).send(&service).json();
    assert_eq!(as_json, as_binary);
    let mut request = json!({"inputs": [photograph(image.len() + 4)]});
    request["outputs"] = input(json!({}))["outputs"].clone();
    let as_photograph = infer_binary(&request, &element(&image)).send(&service).json();
    assert_eq!(as_json, as_photograph);

    let predicted = post("/predict").file("a.png", &image).send(&service).json();
    assert_eq!(as_json["outputs"][2]["data"], json!([predicted["predicted_class"]]));
    let probabilities = as_json["outputs"][1]["data"].as_array().unwrap();
    assert!(probabilities.contains(&predicted["confidence"]));
}

#[test]
fn binary_outputs_follow_the_json() {
    let Some(service) = service() else { return };
    let image = gradient(30, 20, Format::Jpeg);
    let request = json!({"id": "one", "inputs": [photograph(image.len() + 4)],
        "outputs": [{"name": "class"}, {"name": "output", "parameters": {"binary_data": true}}]});
    let response = infer_binary(&request, &element(&image)).send(&service);
    let length = response.header(LENGTH).unwrap().parse().unwrap();
    let (head, tail) = response.ok().split_at(length);
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(head["id"], "one");
    assert_eq!(head["outputs"][1]["parameters"]["binary_data_size"], tail.len());
    assert_eq!(tail.len(), 37 * 4);
}

#[test]
fn errors_have_a_message_and_a_code() {
    let Some(service) = service() else { return };
    let send = |request: &Value| infer(request).send(&service);
    let inputs = |inputs: Value| send(&json!({"inputs": inputs}));
    let bytes =
        |data: Value| json!([{"name": "input", "datatype": "BYTES", "shape": [1], "data": data}]);
    assert_error(&get("/v2/nothing").send(&service), 404, "not_found", "nothing");
    assert_error(&get("/v2/models/x").send(&service), 404, "not_found", "model `x` does not exist");
    assert_error(&get(&format!("{MODEL}/infer")).send(&service), 405, "method_not_allowed", "GET");
    assert_error(&send(&json!([])), 400, "bad_request", "not an inference request");
    assert_error(&inputs(json!([])), 400, "bad_parameter", "expected one input, got 0");
    assert_error(&inputs(bytes(json!(["AAAA"]))), 400, "undecodable", "image 0");
    assert_error(&inputs(bytes(json!(["%"]))), 400, "bad_parameter", "not base64");
    assert_error(&inputs(bytes(json!(["AAAAGGZ0eXBoZWlj"]))), 415, "unsupported_format", "HEIC");
    let many = json!([{"name": "input", "datatype": "BYTES", "shape": [33], "data": []}]);
    assert_error(&inputs(many), 413, "too_large", "more than the limit of 32");
    let huge = post(&format!("{MODEL}/infer")).content_length(1 << 40);
    assert_error(&huge.send(&service), 413, "too_large", "limit");
    let long = infer_binary(&json!({"inputs": [photograph(5)]}), b"1234");
    assert_error(&long.send(&service), 400, "bad_parameter", "expected 5 bytes");
    let past = post(&format!("{MODEL}/infer")).header(LENGTH, "9").body("application/json", b"{}");
    assert_error(&past.send(&service), 400, "bad_request", "0 to 2");
}

#[test]
fn truncated_requests_are_rejected() {
    let Some(service) = service() else { return };
    let image = gradient(8, 8, Format::Png);
    let json = json!({"inputs": [photograph(image.len() + 4)]}).to_string();
    let body = [json.as_bytes(), &element(&image)].concat();
    for cut in (0..body.len()).step_by(7) {
        let request = post(&format!("{MODEL}/infer"))
            .header(LENGTH, &json.len().to_string())
            .body("application/octet-stream", &body[..cut]);
        let response = request.send(&service);
        assert_eq!(response.status, 400, "{cut}: {}", response.text());
    }
}

/// The file of the served model.
pub(crate) fn served_model() -> PathBuf {
    let int8 = results().join("model.int8.onnx");
    if int8.is_file() {
        return int8;
    }
    results().join("model.onnx")
}

#[test]
fn triton_client_works() {
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().join("colours");
    fs_err::create_dir(&folder).unwrap();
    fs_err::write(folder.join("model.onnx"), colours()).unwrap();
    let Some(service) = Service::start_with(|settings| {
        settings.admin_token = Some(TOKEN.into());
        settings.models = Some(ModelFolder::new(other.path().into(), None).unwrap());
    }) else {
        return;
    };
    if get(MODEL).send(&service).status != 200 {
        return;
    }
    let Some(python) = python("PET_PYTHON", "python-env", "tritonclient.http, onnxruntime") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command
        .arg(script("protocol/open_inference.py"))
        .arg(service.address.to_string())
        .arg(TOKEN)
        .arg(served_model())
        .args(pictures(folder.path()));
    output(&mut command, "");
}
