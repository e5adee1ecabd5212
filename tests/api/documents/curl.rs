//! The requests in the documents, sent to the service.

use std::process::{Command, Stdio};

use pet_image::Format;
use serde_json::Value;

use super::commands;
use crate::protocol::{root, skipped};
use crate::support::{Service, gradient};

/// Where the documents' service listens.
const ADDRESS: &str = "127.0.0.1:8000";

/// Looks at an answer.
type Check = fn(&[u8]);

/// How commands begin, and what their answers show.
const ANSWERS: [(&str, Check); 6] = [
    (
        "curl -F file=@photo.jpg 'http://127.0.0.1:8000/predict?top_k=5'",
        five_classes,
    ),
    (
        "curl -F file=@dog.jpg 'http://127.0.0.1:8000/predict?top_k=3'",
        three_classes,
    ),
    (
        "curl -H 'Content-Type: image/jpeg' --data-binary @dog.jpg http://127.0.0.1:8000/predict",
        one_class,
    ),
    (
        "curl -F file=@dog.jpg -F file=@cat.jpg http://127.0.0.1:8000/predict/batch",
        two_predictions,
    ),
    (
        "curl -F file=@dog.jpg -OJ 'http://127.0.0.1:8000/resize?width=320&height=240'",
        nothing,
    ),
    ("base64 -w0 dog.jpg | jq ", three_best),
];

/// Sent to MLflow's server for models; tests/mlflow sends it.
const TO_MLFLOW: &str = "http://127.0.0.1:5001/invocations";

/// Whether a command is run here, or by the tests with MLflow.
pub(super) fn is_run(command: &str) -> bool {
    let known = ANSWERS.iter().any(|(start, _)| command.starts_with(start));
    known || (command.starts_with("curl ") && command.contains(TO_MLFLOW))
}

#[test]
fn the_requests_in_the_documents_are_answered_as_they_say() {
    let name = "the_requests_in_the_documents_are_answered_as_they_say";
    for program in ["bash", "curl", "jq", "base64"] {
        let mut asked = Command::new(program);
        if asked
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            return skipped(name, &format!("no {program}"));
        }
    }
    let Some(service) = Service::start(name) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for picture in ["photo.jpg", "dog.jpg", "cat.jpg"] {
        let bytes = gradient(300, 200, Format::Jpeg);
        fs_err::write(folder.path().join(picture), bytes).unwrap();
    }
    let mut found = 0;
    for command in commands::all(root()) {
        let rule = ANSWERS
            .iter()
            .find(|(start, _)| command.text.starts_with(start));
        let Some((_, check)) = rule else { continue };
        found += 1;
        // A refusal shall not pass for an answer.
        let script = format!(
            "set -euo pipefail\ncurl() {{ command curl --silent --show-error --fail-with-body \"$@\"; }}\n{}",
            command.text.replace(ADDRESS, &service.address.to_string())
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: `{}`\n{said}",
            command.page,
            command.text
        );
        check(&output.stdout);
    }
    assert!(found >= ANSWERS.len(), "{found} requests in the documents");
    // What -OJ names by the answer's own header.
    let resized = fs_err::read(folder.path().join("resized_dog.jpg")).unwrap();
    let picture = pet_image::decode(&resized, &pet_image::Limits::default()).unwrap();
    assert_eq!(picture.image.dimensions(), (320, 240));
}

fn json(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap()
}

fn five_classes(answer: &[u8]) {
    assert_eq!(json(answer)["top_k"].as_array().unwrap().len(), 5);
}

fn three_classes(answer: &[u8]) {
    assert_eq!(json(answer)["top_k"].as_array().unwrap().len(), 3);
}

fn one_class(answer: &[u8]) {
    let answer = json(answer);
    assert!(answer["predicted_class"].is_string() && answer["top_k"].is_null());
}

fn two_predictions(answer: &[u8]) {
    let answer = json(answer);
    let files: Vec<_> = answer["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["file"])
        .collect();
    assert_eq!(files, ["dog.jpg", "cat.jpg"]);
}

fn three_best(answer: &[u8]) {
    assert_eq!(
        json(answer)["outputs"][0]["data"].as_array().unwrap().len(),
        3
    );
}

fn nothing(answer: &[u8]) {
    assert!(answer.is_empty());
}
