//! `POST /explain`

use pet_image::{Format, Limits, decode};
use pet_tests::gradient;

use crate::support::{Service, post};

#[test]
fn explanation_adds_up_to_the_logit_and_can_be_drawn() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(120, 90, Format::Png);
    let ask = |path: &str| post(path).file("x.png", &picture).send(&service);
    let response = ask("/explain").json();
    let predicted = ask("/predict").json();
    assert_eq!(response["class"], predicted["predicted_class"]);
    let cells = response["rows"].as_array().unwrap().iter();
    let cells = cells.flat_map(|row| row.as_array().unwrap());
    let sum: f64 = cells.map(|cell| cell.as_f64().unwrap()).sum();
    let number = |name: &str| response[name].as_f64().unwrap();
    assert!((sum + number("bias") - number("logit")).abs() < 0.01, "{response}");

    let drawn = ask("/explain?format=png&class=pug");
    assert_eq!(drawn.header("content-type"), Some("image/png"));
    assert_eq!(decode(drawn.ok(), &Limits::default()).unwrap().format, Format::Png);
    ask("/explain?class=unicorn").error(400, "bad_parameter");
    ask("/explain?format=tiff").error(400, "bad_parameter");
}

#[test]
fn workers_give_the_same_explanation() {
    let Some(service) = Service::start_with(|settings| {
        settings.workers = std::num::NonZero::new(3).unwrap();
    }) else {
        return;
    };
    let request = post("/explain").file("x.png", &gradient(120, 90, Format::Png));
    let first = request.send(&service).json();
    std::thread::scope(|scope| {
        let ask = || request.send(&service).json();
        let clients: Vec<_> = (0..9).map(|_| scope.spawn(ask)).collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), first);
        }
    });
}
