//! `pet-cli serve`: log, signals, exit status and memory; and `pet-cli health`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pet_tests::{Service, root, skipped};
use serde_json::Value;

use crate::test_dir::{Output, TestDir};

/// The memory limit of the manifests in bytes.
const MEMORY: u64 = 512 << 20;

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
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
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
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
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
    let output = dir.run("serve --port 0 --grpc-port 8001").misused();
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
    let committed = root().join("results/metrics.json");
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
    dir.run("serve --port 70000").misused();
}

/// Starts a server that answers one request with `status`, and returns its port.
fn service(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /health/ready HTTP/1.1\r\n"));
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    port
}

#[test]
fn health_succeeds_if_the_service_is_ready() {
    let port = service("200 OK");
    let output = TestDir::new().run(&format!("health --port {port}"));
    assert_eq!(output.ok(), format!("http://127.0.0.1:{port}/health/ready: ready\n"));
}

#[test]
fn health_takes_the_port_from_the_environment() {
    let port = service("200 OK").to_string();
    let dir = TestDir::new();
    let mut command = dir.command("health");
    let status = command.env("PORT", &port).status().unwrap();
    assert!(status.success());
}

#[test]
fn health_fails_if_the_service_drains_or_is_absent() {
    let dir = TestDir::new();
    let port = service("503 Service Unavailable");
    dir.run(&format!("health --port {port}")).refused().naming(&["not ready", "503"]);
    // The server has stopped after one request.
    dir.run(&format!("health --port {port}")).refused().naming(&["not ready", "refused"]);
}

#[test]
fn health_has_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    TestDir::new()
        .run(&format!("health --port {port} --timeout 1"))
        .refused()
        .naming(&["not ready", "timeout"]);
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the service's address in its log.
fn address(dir: &TestDir, log: &str) -> String {
    let start = Instant::now();
    loop {
        let text = fs_err::read_to_string(dir.path(log)).unwrap();
        let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let address = entries
            .into_iter()
            .find_map(|entry: Value| Some(entry["address"].as_str()?.to_owned()));
        if let Some(address) = address {
            return address;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_largest_uploads_stay_within_the_memory_limit() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("there is no python3");
    }
    let Some(dir) = TestDir::with_model() else { return };
    let (log, _) = fs_err::File::create(dir.path("log")).unwrap().into_parts();
    let serve = format!("serve --port 0 --memory {MEMORY} --workers 2 --log-format json");
    let service = Running(dir.command(&serve).stderr(log).spawn().unwrap());
    let mut flood = Command::new("python3");
    flood.arg(root().join("docker/flood.py")).arg(address(&dir, "log"));
    flood.args(["--seconds", "6", "--memory", &MEMORY.to_string()]);
    let flood = flood.args(["--pid", &service.0.id().to_string()]).output().unwrap();
    let (said, faults) =
        (String::from_utf8_lossy(&flood.stdout), String::from_utf8_lossy(&flood.stderr));
    assert!(flood.status.success(), "{said}{faults}");
    assert!(said.contains("peak memory"), "{said}");
}
