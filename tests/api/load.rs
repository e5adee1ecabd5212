//! More work than workers.

use std::num::NonZero;
use std::time::Duration;

use pet_image::Format;

use crate::memory::deep;
use crate::support::{Answer, Request, Service, gradient, metric, post, read, wait_until};

/// Work that takes a worker a second or more.
fn long_work() -> Request {
    post("/resize?width=7000&height=7000").file("x.png", &gradient(50, 50, Format::Png))
}

#[test]
fn a_full_queue_429_and_normal_right_after() {
    let Some(service) =
        Service::start_with("a_full_queue_429_and_normal_right_after", |settings| {
            settings.workers = NonZero::new(2).unwrap();
            settings.queue = NonZero::new(16).unwrap();
        })
    else {
        return;
    };
    let picture = gradient(1500, 1500, Format::Png);
    let request = post("/predict").file("x.png", &picture);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let send = || request.send(service.address);
        let threads: Vec<_> = (0..60).map(|_| scope.spawn(send)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(good.len() >= 18, "{}", good.len());
    assert!(!refused.is_empty());
    for answer in refused {
        answer.refused(429, "busy");
        assert!(
            answer
                .header("retry-after")
                .unwrap()
                .parse::<u32>()
                .unwrap()
                > 0
        );
    }
    request.send(service.address).ok();
    assert!(metric(&service, "pet_queue_refused_total") > 0.0);
}

#[test]
fn memory_for_uploads_has_a_limit_429() {
    let Some(service) = Service::start_with("memory_for_uploads_has_a_limit_429", |settings| {
        settings.memory = 100_000;
        settings.limits.bytes = 80_000;
    }) else {
        return;
    };
    // Holds most of the memory and never ends.
    let half = post("/predict")
        .body("image/jpeg", &vec![0xff; 70_000])
        .announcing(80_000);
    let other = post("/predict").body("image/jpeg", &vec![0xff; 70_000]);
    let mut holders = Vec::new();
    // Whichever comes first gets the memory, so a holder that came second is refused and another has to try.
    let refusal = loop {
        assert!(holders.len() < 100, "the memory is never used up");
        holders.push(half.begin(service.address));
        let answer = other.send(service.address);
        if answer.status != 400 {
            break answer;
        }
    };
    refusal.refused(429, "busy");
    drop(holders);
    wait_until("the memory is free again", || {
        other.send(service.address).status == 400
    });
}

#[test]
fn a_deadline_passed_504() {
    let Some(service) = Service::start_with("a_deadline_passed_504", |settings| {
        settings.request_timeout = Duration::from_millis(200);
    }) else {
        return;
    };
    let waiting = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    let begun = || metric(&service, "pet_queue_duration_seconds_count");
    // Waits behind the long work until its time is over, and is dropped undone. A fast machine may be done with the long
    // work before that; then there is more of it.
    let mut long = Vec::new();
    wait_until("a deadline has passed", || {
        let before = begun();
        long.extend((0..3).map(|_| long_work().begin(service.address)));
        wait_until("a worker is busy", || begun() > before);
        let answer = waiting.send(service.address);
        if answer.status == 504 {
            answer.refused(504, "deadline_passed");
        }
        answer.status == 504
    });
    drop(long);
    wait_until("the late work is dropped", || {
        metric(&service, "pet_queue_abandoned_total") > 0.0
    });
}

#[test]
fn a_picture_of_who_has_gone_is_given_up_while_it_is_decoded() {
    let name = "a_picture_of_who_has_gone_is_given_up_while_it_is_decoded";
    let Some(service) = Service::start(name) else {
        return;
    };
    let large = post("/predict").file("x.png", &deep(4000));
    let begun = || metric(&service, "pet_queue_duration_seconds_count");
    // It may be done before the service notices; then another one is sent.
    wait_until("it is given up", || {
        let before = begun();
        let gone = large.begin(service.address);
        wait_until("a worker is busy", || begun() > before);
        drop(gone);
        metric(&service, "pet_queue_abandoned_total") > 0.0
    });
}

#[test]
fn who_has_gone_gets_no_work_done() {
    let Some(service) = Service::start("who_has_gone_gets_no_work_done") else {
        return;
    };
    let long = long_work().begin(service.address);
    wait_until("a worker is busy", || {
        metric(&service, "pet_queue_duration_seconds_count") > 0.0
    });
    let gone = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    let gone = gone.begin(service.address);
    wait_until("it waits", || metric(&service, "pet_queue_depth") > 0.0);
    drop(gone);
    read(long).ok();
    wait_until("it is dropped", || {
        metric(&service, "pet_queue_abandoned_total") > 0.0
    });
    assert!(metric(&service, "pet_inference_duration_seconds_count") < 1.0);
}

#[test]
fn answers_that_nobody_reads_are_given_up() {
    let name = "answers_that_nobody_reads_are_given_up";
    let Some(service) = Service::start_with(name, |settings| {
        settings.memory = 20 << 20;
        settings.request_timeout = Duration::from_secs(5);
    }) else {
        return;
    };
    // 12 MB come back, far more than the buffers of a connection.
    let large =
        post("/resize?width=2000&height=2000").file("x.bmp", &gradient(20, 20, Format::Bmp));
    let unread = large.begin(service.address);
    wait_until("the answer waits", || {
        large.send(service.address).status == 429
    });
    wait_until("its memory is free again", || {
        large.send(service.address).status == 200
    });
    let mut got = Vec::new();
    let _ = std::io::Read::read_to_end(&mut &unread, &mut got);
    assert!(
        got.starts_with(b"HTTP/1.1 200") && got.len() < 12_000_000,
        "{}",
        got.len()
    );
}

#[test]
fn ordinary_photographs_pass_a_crowd_of_large_ones() {
    let name = "ordinary_photographs_pass_a_crowd_of_large_ones";
    let Some(service) = Service::start(name) else {
        return;
    };
    // Each takes the one worker long, and lets others pass for longer.
    let large = post("/predict").file("x.png", &gradient(3000, 3000, Format::Png));
    let crowd: Vec<_> = (0..30).map(|_| large.begin(service.address)).collect();
    wait_until("they wait", || metric(&service, "pet_queue_depth") > 8.0);
    let small = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    small.send(service.address).ok();
    assert!(metric(&service, "pet_queue_depth") > 0.0, "it was the last");
    for one in crowd {
        read(one).ok();
    }
}
