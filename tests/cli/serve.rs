//! `pet-cli serve`: log, signals and exit status.

use pet_tests::Service;

use crate::output::Output;
use crate::test_dir::TestDir;

#[cfg(unix)]
#[test]
fn signals_reload_and_stop() {
    let Some(dir) = TestDir::with_model() else { return };
    let mut service = Service::start(&mut dir.command("serve --port 0 --log-format json"));
    assert!(service.get("/health/ready").starts_with("HTTP/1.1 200"));
    let entry = service.logged("answered");
    assert_eq!(entry["path"], "/health/ready");
    assert_eq!(entry["status"], 200);
    assert!(entry["request_id"].is_string() && entry["milliseconds"].is_number(), "{entry}");

    service.signal("-HUP");
    service.logged("the model was reloaded");
    dir.write("results/model.onnx", b"not a model");
    service.signal("-HUP");
    let entry = service.logged("the model was not reloaded; the old one is still served");
    assert!(entry["reason"].as_str().unwrap().contains("model.onnx"), "{entry}");
    assert!(service.get("/classes").starts_with("HTTP/1.1 200"));

    service.signal("-TERM");
    service.logged("stopping");
    assert_eq!(service.exit(), Some(0));
}

#[cfg(unix)]
#[test]
fn the_models_of_a_folder_are_served_and_reloaded() {
    let Some(dir) = TestDir::with_model() else { return };
    dir.write("models/.hidden", "");
    let copy = || {
        let model = fs_err::read(dir.path("results/model.onnx")).unwrap();
        dir.write("models/second/model.onnx", model);
    };
    copy();
    let serve = "serve --port 0 --log-format json --models models --max-models 1";
    let mut command = dir.command(serve);
    let mut service = Service::begin(&mut command);
    let entry = service.logged("skipped in the folder of models");
    assert_eq!((&entry["name"], &entry["reason"]), (&".hidden".into(), &"it is hidden".into()));
    service.logged("the model was loaded");
    let entry = service.logged("the model was loaded");
    assert_eq!((&entry["model"], &entry["role"]), (&"second".into(), &"named".into()));
    service.listen();
    assert!(service.get("/v2/models/second").starts_with("HTTP/1.1 200"));

    // A model that fails to load is kept; the others are reloaded.
    dir.write("models/second/model.onnx", b"not a model");
    service.signal("-HUP");
    assert_eq!(service.logged("the model was reloaded")["role"], "served");
    let entry = service.logged("the model was not reloaded; the old one is still served");
    assert!(entry["reason"].as_str().unwrap().contains("second"), "{entry}");
    assert!(service.get("/v2/models/second").starts_with("HTTP/1.1 200"));
    copy();
    service.signal("-HUP");
    assert_eq!(service.logged("the model was reloaded")["role"], "served");
    assert_eq!(service.logged("the model was reloaded")["model"], "second");

    dir.write("models/second/model.onnx", b"not a model");
    dir.refused("serve --port 0 --models models").naming(&["named model", "models/second"]);
    dir.refused("serve --port 0 --models nowhere").naming(&["folder of models", "nowhere"]);
    copy();
    dir.write("models/third/model.onnx", b"not a model");
    dir.refused(serve)
        .naming(&["`models` contains 2 models, more than the limit of 1"])
        .hinting("memory");
}

#[test]
fn empty_variables_are_ignored() {
    let Some(dir) = TestDir::with_model() else { return };
    let mut command = dir.command("serve --port 0 --log-format json");
    for variable in ["PET_MODELS", "PET_SHADOW", "PET_CANARY", "PET_FEEDBACK"] {
        command.env(variable, "");
    }
    let service = Service::start(&mut command);
    assert!(service.get("/health/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_port_can_come_from_the_environment() {
    let Some(dir) = TestDir::with_model() else { return };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Output::of(dir.command("serve").env("PORT", &port)).refused();
    output.naming(&["cannot listen", &port]).hinting("another one");
    let mut command = dir.command("serve --log-format json");
    let service = Service::start(command.env("PORT", &port).env("PET_PORT", "0"));
    assert_ne!(service.port.to_string(), port);
}

#[cfg(feature = "grpc")]
#[test]
fn grpc_has_a_port_of_its_own() {
    let Some(dir) = TestDir::with_model() else { return };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = dir.command("serve --port 0");
    Output::of(command.env("PET_GRPC_PORT", &port))
        .refused()
        .naming(&["cannot listen", &port])
        .hinting("another one");
    let mut command = dir.command("serve --port 0 --grpc-port 0 --log-format json");
    let mut service = Service::start(&mut command);
    let entry = service.logged("listening for gRPC");
    let address = entry["address"].as_str().unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok(), "{address}");
    assert!(service.get("/metrics").contains("GRPCInferenceService/ModelInfer"));
}

#[cfg(not(feature = "grpc"))]
#[test]
fn programs_without_grpc_say_so() {
    let Some(dir) = TestDir::with_model() else { return };
    let output = dir.run("serve --port 0 --grpc-port 8001");
    assert_eq!(output.status, Some(2), "{output:?}");
    assert!(output.stderr.contains("built without gRPC"), "{output:?}");
    assert!(!dir.run("serve --help").ok().contains("grpc"));
}

#[cfg(feature = "built-in-model")]
#[test]
fn the_built_in_model_is_served_with_its_metrics() {
    let Some(dir) = TestDir::with_runtime() else { return };
    let mut service = Service::begin(&mut dir.command("serve --port 0 --log-format json"));
    let entry = service.logged("the model was loaded");
    assert_eq!(entry["results"], "built in");
    service.listen();
    assert!(service.get("/model").contains("\"metrics.json\""));
    let committed = pet_tests::root().join("results/metrics.json");
    let committed = fs_err::read_to_string(committed).unwrap();
    let answer = service.get("/model/files/metrics.json");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(committed.trim_end()),
        "{answer}"
    );
}

#[test]
fn invalid_options_end_the_start() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.refused("serve --port 0 --results results")
        .naming(&["cannot be served", "results"])
        .hinting("pet-cli export");
    let wrong = dir.run("serve --port 70000");
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
}
