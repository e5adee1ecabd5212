//! What stands around the answers.

use crate::support::{Request, Service, get};

#[test]
fn every_answer_has_a_name_and_is_what_it_says() {
    let Some(service) = Service::start("every_answer_has_a_name_and_is_what_it_says") else {
        return;
    };
    for path in ["/", "/health", "/nothing", "/predict"] {
        let answer = get(path).send(service.address);
        assert_eq!(answer.header("x-request-id").unwrap().len(), 16, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    let named = get("/health").header("x-request-id", "order-66.b");
    let answer = named.send(service.address);
    assert_eq!(answer.header("x-request-id"), Some("order-66.b"));
    let forged = get("/health").header("x-request-id", "a b\"c");
    let answer = forged.send(service.address);
    assert_eq!(answer.header("x-request-id").unwrap().len(), 16);
}

#[test]
fn other_origins_may_ask() {
    let Some(service) = Service::start("other_origins_may_ask") else {
        return;
    };
    let answer = get("/health")
        .header("Origin", "https://example.org")
        .send(service.address);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let preflight = Request::new("OPTIONS", "/predict")
        .header("Origin", "https://example.org")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type")
        .send(service.address);
    assert_eq!(preflight.status, 200, "{}", preflight.text());
    assert!(
        preflight
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
}

#[test]
fn the_page_may_load_its_own_files_only() {
    let Some(service) = Service::start("the_page_may_load_its_own_files_only") else {
        return;
    };
    let page = get("/").send(service.address);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[test]
fn head_is_get_without_a_body() {
    let Some(service) = Service::start("head_is_get_without_a_body") else {
        return;
    };
    for path in ["/", "/health", "/classes"] {
        let answer = Request::new("HEAD", path).send(service.address);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.is_empty());
    }
}
