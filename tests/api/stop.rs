//! Stopping.

use std::time::Duration;

use pet_image::Format;

use crate::support::{Service, get, gradient, post, read};

#[test]
fn no_accepted_request_is_lost() {
    let Some(service) = Service::start_with("no_accepted_request_is_lost", |settings| {
        settings.notice = Duration::from_secs(1);
    }) else {
        return;
    };
    let address = service.address;
    let request = post("/predict").file("x.png", &gradient(400, 400, Format::Png));
    // Each goes on until it is told that the service is stopping, and counts its answers.
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || {
                for answers in 1.. {
                    let answer = request.send(address);
                    answer.ok();
                    if get("/health/ready").send(address).status == 503 {
                        return answers;
                    }
                }
                0
            })
        })
        .collect();
    let long = post("/resize?width=4000&height=4000").file("x.png", &gradient(50, 50, Format::Png));
    std::thread::sleep(Duration::from_millis(300));
    let long = long.begin(address);
    std::thread::sleep(Duration::from_millis(100));
    let stopping = service.begin_to_stop();
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    read(long).ok();
    stopping.join().unwrap();
    service.wait();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_stopping_service_is_not_ready_503() {
    let Some(service) = Service::start_with("a_stopping_service_is_not_ready_503", |settings| {
        settings.notice = Duration::from_millis(1500);
    }) else {
        return;
    };
    let stopping = service.begin_to_stop();
    std::thread::sleep(Duration::from_millis(300));
    let answer = get("/health/ready").send(service.address);
    answer.refused(503, "not_ready");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("connection"), Some("close"));
    // What comes before everybody has heard is answered all the same.
    let picture = gradient(30, 30, Format::Png);
    post("/predict")
        .file("x.png", &picture)
        .send(service.address)
        .ok();
    assert_eq!(get("/health/live").send(service.address).status, 200);
    stopping.join().unwrap();
    service.wait();
}
