//! The tab Predict: one photograph, and the list of several.

use serde_json::Value;

use crate::browser::Browser;
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

/// Drops or pastes copies of the current photograph.
fn dispatch(page: &Browser, event: &str, field: &str, names: [&str; 2]) {
    page.value(&format!(
        "void import(new URL('assets/photo.js', document.baseURI)).then(({{ photo }}) => {{
           const data = new DataTransfer();
           for (const name of {names:?}) data.items.add(new File([photo.current.file], name, {{ type: 'image/jpeg' }}));
           dispatchEvent(new {event}, {{ {field}: data, bubbles: true, cancelable: true }}));
         }})"
    ));
}

fn names(page: &Browser) -> String {
    page.text(
        "[...document.querySelectorAll('.entry-name')].map((name) => name.textContent).join()",
    )
}

#[test]
fn dropped_and_pasted_photographs_are_predicted() {
    let Some(page) = page_with_photograph() else { return };
    page.until("!document.getElementById('visit').checkVisibility()");
    dispatch(&page, "DragEvent('drop'", "dataTransfer", ["one.jpg", "two.jpg"]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 3");
    dispatch(&page, "ClipboardEvent('paste'", "clipboardData", ["three.jpg", "four.jpg"]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 5");
    assert_eq!(names(&page), "cat.jpg,one.jpg,two.jpg,three.jpg,four.jpg");
    // The first new one is shown.
    page.until("document.querySelector('#predict code').textContent.includes('three.jpg')");
    page.until("document.querySelectorAll('.entry-picture canvas').length === 5");

    // A photograph is not predicted twice.
    page.watch_uploads();
    page.click("#visit-list li:nth-child(2) button");
    page.until("document.querySelector('#predict code').textContent.includes('one.jpg')");
    page.until("document.querySelector('#visit-list [aria-pressed=true] .entry-name').textContent === 'one.jpg'");
    assert_eq!(page.value("uploads.length"), 0);
    page.check_quiet();

    page.click("#clear");
    page.until("!document.getElementById('visit').checkVisibility()");
    page.until("document.getElementById('drop').checkVisibility()");
    page.until("!document.querySelector('.answer').checkVisibility()");
    assert_eq!(page.text("document.activeElement.id"), "file");
    assert_eq!(names(&page), "");
    assert_eq!(page.console(), Vec::<String>::new());
}

#[test]
fn invalid_file_does_not_affect_others() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    fs_err::write(&notes, "no picture").unwrap();
    page.choose_all("#file", &[&file("cat.jpg"), &notes, &file("cat.avif")]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 2");
    page.until("document.querySelectorAll('#visit-list .refused').length === 1");
    let problem = page.text("document.querySelector('.refused .entry-answer').textContent");
    assert!(problem.starts_with("This is not a JPEG, ") && problem.ends_with('.'), "{problem}");
    let heights = "new Set([...document.querySelectorAll('#visit-list button')].map((entry) => entry.offsetHeight)).size";
    assert_eq!(page.value(heights), 1);
    let winner = page.text("document.querySelector('.winner-name').textContent");
    assert_eq!(winner, page.text("document.querySelector('.entry-answer').textContent"));
}

#[test]
fn prediction_for_a_part_is_marked() {
    let Some(page) = page_with_photograph() else { return };
    page.choose("#other-file", &file("cat.avif"));
    page.until("document.querySelectorAll('#visit-list .fill').length === 2");
    page.until("!document.querySelector('#predict').ariaBusy");
    page.value("document.querySelector('.part-box').focus()");
    page.press(&['-']);
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    assert_eq!(names(&page), "cat.jpg,Part of cat.avif");
    page.click("#part-whole");
    page.until("!document.querySelector('.note').textContent.startsWith('This part')");
    assert_eq!(names(&page), "cat.jpg,cat.avif");
    page.check_quiet();
}

#[test]
fn clearing_aborts_requests() {
    let Some(page) = page() else { return };
    page.value(
        "window.fetch = (url, { signal }) => new Promise((answer, refuse) => {
           signal.addEventListener('abort', () => { window.ended = true; refuse(signal.reason); });
         })",
    );
    page.choose("#file", &file("cat.jpg"));
    page.until("document.querySelector('#predict').ariaBusy === 'true'");
    page.until("document.getElementById('clear').checkVisibility()");
    page.click("#clear");
    page.until("window.ended && !document.querySelector('#predict').ariaBusy");
    page.until("document.getElementById('drop').checkVisibility()");
    assert_eq!(page.text("document.querySelector('#predict .problem').textContent"), "");
    page.check_quiet();
}

#[test]
fn cropped_photograph_is_predicted() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-crop");
    page.until("document.querySelector('#crop .after img')");
    page.click("#crop .predict");
    page.until("document.querySelector('#predict').checkVisibility()");
    page.until("document.querySelector('#predict code').textContent.includes('cropped_cat.jpg')");
    page.until("document.querySelectorAll('#visit-list .fill').length === 2");
    page.until(
        "document.getElementById('photograph-facts').textContent.startsWith('271 × 180 · JPEG')",
    );
    page.check_quiet();
}
