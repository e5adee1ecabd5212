//! Graceful shutdown.

use std::time::Duration;

use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Service, get, post, read};

#[test]
fn accepted_requests_are_answered_while_stopping() {
    let Some(service) = Service::start_with(|settings| {
        settings.notice = Duration::from_secs(1);
    }) else {
        return;
    };
    let address = service.address;
    let request = post("/predict").file("x.png", &gradient(400, 400, Format::Png));
    // Each client sends requests until the service is stopping, and counts the responses.
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || {
                for responses in 1.. {
                    let response = request.send(address);
                    response.ok();
                    if get("/health/ready").send(address).status == 503 {
                        return responses;
                    }
                }
                0
            })
        })
        .collect();
    let long = post("/resize?width=4000&height=4000").file("x.png", &gradient(50, 50, Format::Png));
    std::thread::sleep(Duration::from_millis(300));
    let long = long.start(address);
    std::thread::sleep(Duration::from_millis(100));
    let stopping = service.start_stopping();
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    read(long).ok();
    stopping.join().unwrap();
    service.wait();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn stopping_service_is_not_ready_503() {
    let Some(service) = Service::start_with(|settings| {
        settings.notice = Duration::from_millis(1500);
    }) else {
        return;
    };
    let stopping = service.start_stopping();
    std::thread::sleep(Duration::from_millis(300));
    let response = get("/health/ready").send(&service);
    response.error(503, "not_ready");
    assert!(response.header("retry-after").is_some());
    assert_eq!(response.header("connection"), Some("close"));
    // Requests are still answered during the notice.
    let picture = gradient(30, 30, Format::Png);
    post("/predict").file("x.png", &picture).send(&service).ok();
    assert_eq!(get("/health/live").send(&service).status, 200);
    stopping.join().unwrap();
    service.wait();
}
