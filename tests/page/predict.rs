//! The tab Predict.

use serde_json::Value;

use crate::{file, page, page_with_photograph};

#[test]
fn chosen_photograph_is_predicted() {
    let Some(page) = page_with_photograph() else { return };
    let winner = page.text("document.querySelector('.winner-name').textContent");
    assert_eq!(winner, page.text("document.querySelector('.breed').textContent"));
    let shares: Value = page.value(
        "[...document.querySelectorAll('.bars .share')].map((share) => parseFloat(share.textContent))",
    );
    let shares: Vec<f64> = serde_json::from_value(shares).unwrap();
    assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
    assert!(shares[0] > 0.0 && shares.iter().sum::<f64>() <= 100.5, "{shares:?}");

    // The bars have the length of the probabilities.
    page.until("document.getAnimations().length === 0");
    let drawn = page.value(
        "((fill) => fill.offsetWidth / fill.parentElement.offsetWidth)(document.querySelector('.fill'))",
    );
    let drawn = 100.0 * drawn.as_f64().unwrap();
    assert!((drawn - shares[0]).abs() < 1.0, "{drawn}, {}", shares[0]);

    let said = page.text("document.getElementById('status').textContent");
    assert!(said.starts_with(&winner), "{said}");
    let timing = page.text("document.querySelector('.timing').textContent");
    assert!(timing.starts_with("Answered in ") && timing.contains("inference"), "{timing}");
    let facts = page.text("document.getElementById('photograph-facts').textContent");
    assert!(facts.starts_with("451 × 300 · JPEG · "), "{facts}");
    let command = page.text("document.querySelector('#predict code').textContent");
    assert!(command.starts_with("curl -F 'file=@cat.jpg' 'http://127.0.0.1:"), "{command}");
    assert!(command.ends_with("/predict?top_k=5'"), "{command}");
    page.check_quiet();
}

#[test]
fn invalid_image_shows_an_error() {
    let Some(page) = page_with_photograph() else { return };
    page.check_quiet();
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    fs_err::write(&notes, "no picture").unwrap();
    page.choose("#other-file", &notes);
    page.until("document.querySelector('#predict .problem').textContent");
    let problem = page.text("document.querySelector('#predict .problem').textContent");
    assert!(problem.starts_with(char::is_uppercase) && problem.ends_with('.'), "{problem}");
    assert!(!problem.contains(['{', '`']), "{problem}");
    assert_eq!(
        page.value("document.querySelector('#predict .problem').getAttribute('role')"),
        "alert"
    );
    // The previous prediction is removed.
    page.until("document.querySelector('.answer').offsetHeight === 0");
    page.check_requests();

    // The next photograph is predicted normally.
    page.choose("#file", &file("cat.jpg"));
    page.until("document.querySelector('.answer').offsetHeight > 0");
    page.until("document.querySelector('#predict .problem').textContent === ''");
}

#[test]
fn unreachable_service_shows_an_error() {
    let Some(page) = page() else { return };
    page.value("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))");
    page.choose("#file", &file("cat.jpg"));
    page.until(
        "document.querySelector('#predict .problem').textContent.startsWith('The service does not respond.')",
    );
    page.check_quiet();
}

#[test]
fn explanation_is_shown_on_the_photograph() {
    let Some(page) = page_with_photograph() else { return };
    page.until("document.querySelector('#explain-switch').checkVisibility()");
    page.click("#explain");
    page.until("document.querySelector('.heat').checkVisibility()");
    // One cell of the map is the lightest, and the map covers the photograph.
    page.until(
        "((heat) => heat.getContext('2d').getImageData(0, 0, heat.width, heat.height).data
           .some((level, place) => place % 4 === 0 && level === 252))
           (document.querySelector('.heat'))",
    );
    page.until(
        "((heat, photograph) => heat.left >= photograph.left - 1 && heat.right <= photograph.right + 1)
           (document.querySelector('.heat').getBoundingClientRect(),
            document.getElementById('preview').getBoundingClientRect())",
    );
    page.click("#explain");
    page.until("!document.querySelector('.heat').checkVisibility()");
    page.check_quiet();
}
