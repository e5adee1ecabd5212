//! `GET /openapi.json`, from which schemathesis generates hundreds of valid and invalid requests, `GET /docs` and
//! `docs/http-api.md`.

use std::collections::BTreeSet;
use std::process::Command;

use pet_api::{Code, FeedbackFolder};
use pet_tests::root;

use super::{output, python, script};
use crate::support::{Request, Service, get};

#[test]
fn document_has_the_title_and_every_error_status() {
    let Some(service) = Service::start() else { return };
    let document = get("/openapi.json").send(&service).json();
    assert_eq!(document["info"]["title"], "MLOps Lab API");
    let table: BTreeSet<_> = Code::ALL.iter().map(|code| code.status().to_string()).collect();
    let mut documented = BTreeSet::new();
    for operations in document["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200"), "{operation}");
            let refusals = responses.keys().filter(|status| status.as_str() >= "400");
            documented.extend(refusals.cloned());
        }
    }
    let strangers: Vec<_> = documented.difference(&table).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    // 405 is not documented, as a method that is not supported has no operation.
    let missing: Vec<_> = table.difference(&documented).collect();
    assert_eq!(missing, ["405"]);
}

#[test]
fn documented_paths_exist_and_reject_other_methods() {
    let Some(service) = Service::start() else { return };
    let document = get("/openapi.json").send(&service).json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        let response = Request::new("DELETE", &path).send(&service);
        assert_eq!(response.status, 405, "{path}: {}", response.text());
        let allowed = response.header("allow").unwrap_or_default().to_lowercase();
        for method in operations.as_object().unwrap().keys() {
            assert!(allowed.contains(method), "{path}: {allowed}");
        }
    }
}

#[test]
fn documentation_loads_nothing_from_other_hosts() {
    let Some(service) = Service::start() else { return };
    let page = get("/docs").send(&service);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.ok().to_vec()).unwrap();
    assert!(!html.contains("http:") && !html.contains("https:"), "{html}");
    for attribute in ["src=\"", "href=\""] {
        for path in html.split(attribute).skip(1).filter_map(|part| part.split('"').next()) {
            let path = format!("/{}", path.trim_start_matches('.'));
            assert_eq!(get(&path).send(&service).status, 200, "{path}");
        }
    }
}

#[test]
fn reference_has_the_table_of_errors() {
    let reference = fs_err::read_to_string(root().join("docs/http-api.md")).unwrap();
    let start = "| status | code | meaning |\n|---|---|---|\n";
    let table = reference.split(start).nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let expected = Code::ALL
        .map(|code| format!("| {} | `{}` | {} |", code.status(), code.name(), code.meaning()));
    assert_eq!(table, expected.join("\n"));
}

#[test]
fn schemathesis_finds_no_violation() {
    let variable = "PET_SCHEMATHESIS_PYTHON";
    let Some(python) = python(variable, "schemathesis-env", "schemathesis") else { return };
    let kept = tempfile::tempdir().unwrap();
    let Some(service) = Service::start_with(|configuration| {
        configuration.admin_token = Some("secret".into());
        configuration.feedback =
            Some(FeedbackFolder { folder: kept.path().into(), bytes: 1 << 20, count: 100 });
    }) else {
        return;
    };
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(script("protocol/schemathesis.toml"))
        // A busy machine is slow, which is not a violation.
        .args(["run", "--suppress-health-check", "too_slow"])
        .arg(format!("http://{}/openapi.json", service.address));
    output(&mut command, "");
}
