//! Figures and pictures of the model.

use crate::support::{Service, get, results};

#[test]
fn the_files_that_are_listed_are_there_and_no_others() {
    let Some(service) = Service::start("the_files_that_are_listed_are_there_and_no_others") else {
        return;
    };
    let model = get("/model").send(service.address).json();
    for name in model["files"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let answer = get(&format!("/model/files/{name}")).send(service.address);
        assert_eq!(answer.ok(), fs_err::read(results().join(name)).unwrap());
    }
    for name in [
        "model.onnx",
        "nothing.png",
        "..%2f..%2fCargo.toml",
        "../../Cargo.toml",
        "%2fetc%2fpasswd",
        "metrics.json%00.png",
    ] {
        let answer = get(&format!("/model/files/{name}")).send(service.address);
        answer.refused(404, "not_found");
    }
}

#[test]
fn an_absent_file_is_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    fs_err::copy(results().join("model.onnx"), model).unwrap();
    let Some(service) = Service::start_with("an_absent_file_is_not_listed", |configuration| {
        configuration.results = folder.path().into();
    }) else {
        return;
    };
    let model = get("/model").send(service.address).json();
    assert!(model["files"].as_array().unwrap().is_empty(), "{model}");
    let answer = get("/model/files/metrics.json").send(service.address);
    answer.refused(404, "not_found");
}

#[test]
fn the_documentation_is_found_with_a_slash_too() {
    let Some(service) = Service::start("the_documentation_is_found_with_a_slash_too") else {
        return;
    };
    let answer = get("/docs/").send(service.address);
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some("../docs"));
}
