//! Each row of the table of errors.

use std::time::Duration;

use pet_image::Format;
use pet_tests::{HUGE_PNG, gradient, root, truncated_jpeg};
use serde_json::Value as Json;

use crate::support::{Request, Service, get, post, read};

/// Every path that accepts a photograph.
const UPLOADS: [&str; 6] =
    ["/predict", "/predict/batch", "/resize", "/grayscale", "/crop", "/normalize"];

#[test]
fn bad_parameters_400() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(30, 30, Format::Png);
    for path in [
        "/predict?top_k=0",
        "/predict?top_k=many",
        "/predict?seed=1.5",
        "/resize?width=0",
        "/resize?width=-1",
        "/resize?height=1000000",
        "/resize?width=16000&height=16000",
        "/crop?left=9&right=9",
        "/crop?left=5&right=3",
        "/crop?top=x",
    ] {
        let response = post(path).file("x.png", &picture).send(&service);
        let error = response.error(400, "bad_parameter");
        assert!(!error["detail"].as_str().unwrap().contains("source"), "{error}");
    }
}

#[test]
fn empty_parameter_is_reported_as_empty() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(30, 30, Format::Png);
    let response = post("/resize?width=").file("x.png", &picture).send(&service);
    let error = response.error(400, "bad_parameter");
    assert_eq!(error["detail"], "`width` is empty, expected an integer from 1 to 4294967295");
}

#[test]
fn broken_form_400() {
    let Some(service) = Service::start() else { return };
    let form = "multipart/form-data; boundary=x";
    for (media_type, body) in [
        ("multipart/form-data", "--x\r\n"),
        (form, "no boundary in sight"),
        (form, "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut"),
        (form, ""),
    ] {
        let response = post("/predict").body(media_type, body.as_bytes()).send(&service);
        response.error(400, "bad_request");
    }
}

#[test]
fn undecodable_400() {
    let Some(service) = Service::start() else { return };
    for path in ["/predict", "/resize", "/grayscale", "/crop", "/normalize"] {
        for content in [&b"this is not an image"[..], b"", &truncated_jpeg()] {
            let response = post(path).file("x.jpg", content).send(&service);
            let error = response.error(400, "undecodable");
            assert!(error["hint"].is_string(), "{error}");
        }
    }
}

#[test]
fn missing_token_401() {
    let Some(service) = Service::start_with(|settings| {
        settings.admin_token = Some("secret".into());
    }) else {
        return;
    };
    let ask = |header: Option<&str>| {
        let request = post("/model/reload");
        let request = header
            .into_iter()
            .fold(request, |request, value| request.header("Authorization", value));
        request.send(&service)
    };
    for wrong in [None, Some("Bearer wrong"), Some("secret"), Some("Basic secret"), Some("Bearer ")]
    {
        let response = ask(wrong);
        response.error(401, "unauthorized");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
    ask(Some("Bearer secret")).ok();
}

#[test]
fn not_found_404() {
    let Some(service) = Service::start() else { return };
    for request in [
        get("/nothing"),
        post("/predict/"),
        get("/%ff%fe"),
        get("/model/files/nothing"),
        Request::new("BREW", "/coffee"),
        // The service has no token.
        post("/model/reload").header("Authorization", "Bearer x"),
    ] {
        request.send(&service).error(404, "not_found");
    }
}

#[test]
fn method_not_allowed_405() {
    let Some(service) = Service::start() else { return };
    for path in UPLOADS {
        let response = get(path).send(&service);
        response.error(405, "method_not_allowed");
        assert_eq!(response.header("allow"), Some("POST, OPTIONS"), "{path}");
    }
    for path in ["/health", "/classes", "/model", "/openapi.json", "/metrics"] {
        let response = Request::new("DELETE", path).send(&service);
        response.error(405, "method_not_allowed");
        assert!(response.header("allow").unwrap().contains("GET"), "{path}");
    }
}

#[test]
fn slow_upload_408() {
    let Some(service) = Service::start_with(|settings| {
        settings.request_timeout = Duration::from_millis(300);
    }) else {
        return;
    };
    let slow = post("/predict").body("image/jpeg", b"the first").content_length(1000);
    read(slow.start(&service)).error(408, "upload_timeout");
}

#[test]
fn too_large_413() {
    let Some(service) = Service::start_with(|settings| {
        settings.limits.bytes = 5000;
        settings.limits.pixels = 10_000;
    }) else {
        return;
    };
    let ask = |request: Request| request.send(&service);
    let at = |length: usize| {
        let mut picture = gradient(10, 10, Format::Png);
        picture.resize(length, 0);
        picture
    };
    for path in ["/predict", "/resize"] {
        // At the limit, and one byte more.
        ask(post(path).file("x.png", &at(5000))).ok();
        for request in [
            post(path).file("x.png", &at(5001)),
            post(path).body("image/png", &at(5001)),
            // Rejected before the body is sent.
            post(path).body("image/png", b"").content_length(1 << 40),
            post(path).file("x.png", b"").content_length(1 << 40),
        ] {
            let error = ask(request).error(413, "too_large");
            assert!(error["detail"].as_str().unwrap().contains("`5000`"), "{error}");
        }
        ask(post(path).file("x.png", &gradient(100, 100, Format::Png))).ok();
        let error = ask(post(path).file("x.png", &gradient(101, 100, Format::Png)));
        error.error(413, "too_large");
        ask(post(path).file("x.png", HUGE_PNG)).error(413, "too_large");
    }
}

#[test]
fn unsupported_image_format_415() {
    let Some(service) = Service::start() else { return };
    let folder = root().join("tests/foreign");
    let kinds = fs_err::read(folder.join("kinds.json")).unwrap();
    let kinds: Json = serde_json::from_slice(&kinds).unwrap();
    for (name, about) in kinds.as_object().unwrap() {
        let content = fs_err::read(folder.join(name)).unwrap();
        let (status, code, advice) = if about["is_picture"] == true {
            (415, "unsupported_format", "save it as JPEG")
        } else {
            (400, "undecodable", "use the photo itself")
        };
        for path in ["/predict", "/normalize"] {
            for request in
                [post(path).file("photo.jpg", &content), post(path).body("image/heic", &content)]
            {
                let response = request.send(&service);
                let error = response.error(status, code);
                let said = |field: &str| error[field].as_str().unwrap().to_owned();
                let kind = about["kind"].as_str().unwrap();
                assert!(said("detail").contains(&format!("is {kind}, not")), "{name}: {error}");
                assert!(said("hint").contains(advice), "{name}: {error}");
            }
        }
    }
}

#[test]
fn missing_file_422() {
    let Some(service) = Service::start() else { return };
    for path in UPLOADS {
        for request in [
            post(path),
            post(path).body("application/json", b"{}"),
            post(path).body("application/x-www-form-urlencoded", b"file=x"),
            post(path).part("name=\"image\"; filename=\"x.png\"", b"x"),
        ] {
            request.send(&service).error(422, "missing_file");
        }
    }
}
