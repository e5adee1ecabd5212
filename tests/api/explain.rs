//! `POST /explain`

use pet_image::{Format, Limits, decode};

use crate::support::{Service, gradient, post};

#[test]
fn the_map_adds_up_and_can_be_looked_at() {
    let Some(service) = Service::start("the_map_adds_up_and_can_be_looked_at") else {
        return;
    };
    let picture = gradient(120, 90, Format::Png);
    let ask = |path: &str| post(path).file("x.png", &picture).send(service.address);
    let answer = ask("/explain").json();
    let predicted = ask("/predict").json();
    assert_eq!(answer["class"], predicted["predicted_class"]);
    let cells = answer["rows"].as_array().unwrap().iter();
    let cells = cells.flat_map(|row| row.as_array().unwrap());
    let sum: f64 = cells.map(|cell| cell.as_f64().unwrap()).sum();
    let number = |name: &str| answer[name].as_f64().unwrap();
    assert!(
        (sum + number("bias") - number("logit")).abs() < 0.01,
        "{answer}"
    );

    let drawn = ask("/explain?format=png&class=pug");
    assert_eq!(drawn.header("content-type"), Some("image/png"));
    assert_eq!(
        decode(drawn.ok(), &Limits::default()).unwrap().format,
        Format::Png
    );
    ask("/explain?class=unicorn").refused(400, "bad_parameter");
    ask("/explain?format=tiff").refused(400, "bad_parameter");
}

#[test]
fn every_worker_explains_alike() {
    let Some(service) = Service::start_with("every_worker_explains_alike", |settings| {
        settings.workers = std::num::NonZero::new(3).unwrap();
    }) else {
        return;
    };
    let request = post("/explain").file("x.png", &gradient(120, 90, Format::Png));
    let first = request.send(service.address).json();
    std::thread::scope(|scope| {
        let ask = || request.send(service.address).json();
        let clients: Vec<_> = (0..9).map(|_| scope.spawn(ask)).collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), first);
        }
    });
}
