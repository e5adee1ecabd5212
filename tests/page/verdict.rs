//! Feedback on a prediction.

use pet_tests::skipped;

use crate::browser::{Browser, DESKTOP, key};
use crate::{feedback, file, page_with_photograph, start_service};

const SAID: &str = "document.getElementById('verdict-said').textContent";
const CORRECT: &str = "#verdict > button";
const UNDO: &str = "#verdict > button:last-of-type";
/// The number of corrections that were sent.
const SENT: &str = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/feedback')).length";

/// Multiplies the time in which a correction can be taken back.
fn set_pace(page: &Browser, factor: &str) {
    page.run(&format!(
        "window.setTimeout = ((real) => (work, time) => real(work, time === 8000 ? time * {factor} : time))(setTimeout)"
    ));
}

/// The number of stored images of a class.
fn stored(class: &str) -> usize {
    let entries = fs_err::read_dir(feedback().folder.join(class));
    let files = entries.into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|end| end != "json")).count()
}

#[test]
fn prediction_is_corrected_by_keyboard() {
    let Some(page) = page_with_photograph() else { return };
    page.until("document.getElementById('verdict').offsetHeight > 0");
    let promise = page.text("document.getElementById('promise').textContent");
    assert!(promise.contains("saved only if"), "{promise}");
    let consent = "document.getElementById('verdict-consent').textContent";
    page.until(&format!("{consent}.includes('the photo is saved')"));
    let before = stored("Sphynx");
    // The list does not contain the predicted breed.
    let listed =
        "[...document.querySelectorAll('#verdict-breed option')].map(({ value }) => value)";
    assert_eq!(page.value(&format!("{listed}.length")), 37);
    let predicted = page.text("document.querySelector('.winner-name').textContent");
    assert_ne!(predicted, "Sphynx");
    assert_eq!(page.value(&format!("{listed}.includes('{predicted}')")), false);
    page.click("#verdict [type=submit]");
    assert_eq!(page.text(SAID), "Choose a breed first.");
    assert_eq!(page.text("document.activeElement.id"), "verdict-breed");
    let status = page.text("document.getElementById('status').textContent");
    assert_eq!(status, page.text(SAID));
    page.press(&['S', 'p', 'h']);
    assert_eq!(page.text("document.getElementById('verdict-breed').value"), "Sphynx");
    page.until(&format!("{SAID} === ''"));
    page.press(&['\u{e004}', '\u{e007}']);
    page.until(&format!("{SAID} === 'Thank you. It was saved as Sphynx.'"));
    assert_eq!(stored("Sphynx"), before + 1);
    let status = page.text("document.getElementById('status').textContent");
    assert_eq!(status, "Thank you. It will be saved as Sphynx.");
    // Feedback is requested once.
    page.click(CORRECT);
    assert_eq!(page.text(SAID), "Thank you. It was saved as Sphynx.");
    page.check_quiet();
}

/// A correction is sent when there is no more time to take it back, or when the visitor goes on.
#[test]
fn correction_can_be_taken_back() {
    let Some(page) = page_with_photograph() else { return };
    page.until("document.getElementById('verdict').offsetHeight > 0");
    set_pace(&page, "1000");
    let predicted = page.text("document.querySelector('.winner-name').textContent");
    let before = stored(&predicted);
    let will_be = format!("Thank you. It will be saved as {predicted}.");
    page.click(CORRECT);
    assert_eq!(page.text(SAID), will_be);
    page.press(&[key::TAB; 3]);
    page.press(&['\u{e007}']);
    assert_eq!(page.text(SAID), "Nothing was saved.");
    let status = page.text("document.getElementById('status').textContent");
    assert_eq!(status, page.text(SAID));
    // The focus is not lost with the button.
    let focused = "document.activeElement.textContent";
    assert_eq!(page.text(focused), "Correct");
    page.press(&['\u{e007}']);
    assert_eq!(page.text(SAID), will_be);
    assert_eq!(page.value(SENT), 0);
    page.click("#clear");
    page.until(&format!("{SENT} === 1"));
    assert_eq!(stored(&predicted), before + 1);
    page.check_quiet();
}

#[test]
fn rejected_correction_can_be_given_again() {
    let Some(page) = page_with_photograph() else { return };
    page.until("document.getElementById('verdict').offsetHeight > 0");
    set_pace(&page, "0");
    page.run(
        "window.fetch = () => Promise.resolve(Response.json({ detail: 'the folder is full' }, { status: 507 }))",
    );
    page.click(CORRECT);
    page.until("document.querySelector('#verdict .problem').textContent === 'The folder is full.'");
    assert_eq!(page.text(SAID), "");
    let disabled = format!("document.querySelector('{CORRECT}').ariaDisabled");
    assert_eq!(page.text(&disabled), "false");
    assert_eq!(page.value(&format!("document.querySelector('{UNDO}').hidden")), true);
    page.check_quiet();
}

/// What is saved is what was sent.
#[test]
fn consent_for_a_part_says_so() {
    let Some(page) = page_with_photograph() else { return };
    page.value("document.querySelector('.part-box').focus()");
    page.press(&['-']);
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    let consent = page.text("document.getElementById('verdict-consent').textContent");
    assert!(consent.contains("the part of the photo that was sent is saved"), "{consent}");
    page.check_quiet();
}

#[test]
fn feedback_is_not_requested_without_a_folder() {
    let Some(address) = start_service(None) else {
        return skipped("there is no ONNX Runtime");
    };
    let Some(page) = Browser::open(&address, DESKTOP) else {
        return skipped("there is no chromedriver");
    };
    page.choose("#file", &file("cat.jpg"));
    page.until("document.querySelector('.answer').offsetHeight > 0");
    assert_eq!(page.value("document.getElementById('verdict').offsetHeight"), 0);
    page.check_quiet();
}
