//! Whether an answer is right: what a person says of it.

use crate::browser::{Browser, DESK};
use crate::{file, page_with_photograph, service, skipped};

const SAID: &str = "document.getElementById('verdict-said').textContent";

/// How many pictures of a class are kept.
fn kept(class: &str) -> usize {
    let entries = fs_err::read_dir(service::feedback().folder.join(class));
    let files = entries.into_iter().flatten().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|end| end != "json"))
        .count()
}

#[test]
fn an_answer_is_corrected_from_a_list_by_keyboard() {
    let Some(page) = page_with_photograph("an_answer_is_corrected_from_a_list_by_keyboard") else {
        return;
    };
    page.until("document.getElementById('verdict').offsetHeight > 0");
    let promise = page.text("document.getElementById('promise').textContent");
    assert!(promise.contains("saved only if"), "{promise}");
    let before = kept("Sphynx");
    // The predicted breed is not in the list of the others.
    let listed =
        "[...document.querySelectorAll('#verdict-breed option')].map(({ value }) => value)";
    assert_eq!(page.value(&format!("{listed}.length")), 37);
    let predicted = page.text("document.querySelector('.winner-name').textContent");
    assert_ne!(predicted, "Sphynx");
    assert_eq!(
        page.value(&format!("{listed}.includes('{predicted}')")),
        false
    );
    page.value("void document.getElementById('verdict-breed').focus()");
    page.press(&['S', 'p', 'h']);
    assert_eq!(
        page.text("document.getElementById('verdict-breed').value"),
        "Sphynx"
    );
    page.press(&['\u{e004}', '\u{e007}']);
    page.until(SAID);
    assert_eq!(
        page.text(SAID),
        "Thank you. The photograph is kept as Sphynx."
    );
    assert_eq!(kept("Sphynx"), before + 1);
    let status = page.text("document.getElementById('status').textContent");
    assert_eq!(status, page.text(SAID));
    // Once is enough.
    page.click("#verdict-right");
    assert_eq!(
        page.text(SAID),
        "Thank you. The photograph is kept as Sphynx."
    );
    page.was_quiet();
}

#[test]
fn an_answer_is_confirmed() {
    let Some(page) = page_with_photograph("an_answer_is_confirmed") else {
        return;
    };
    page.until("document.getElementById('verdict').offsetHeight > 0");
    let predicted = page.text("document.querySelector('.winner-name').textContent");
    page.click("#verdict-right");
    page.until(SAID);
    assert!(page.text(SAID).contains(&predicted));
    assert!(kept(&predicted) > 0);
    page.was_quiet();
}

#[test]
fn without_a_folder_nobody_is_asked() {
    let test = "without_a_folder_nobody_is_asked";
    let Some(address) = service::start(None) else {
        return skipped(test, "there is no ONNX Runtime");
    };
    let Some(page) = Browser::open(&address, DESK) else {
        return skipped(test, "there is no chromedriver");
    };
    page.choose("#file", &file("cat.jpg"));
    page.until("document.querySelector('.answer').offsetHeight > 0");
    assert_eq!(
        page.value("document.getElementById('verdict').offsetHeight"),
        0
    );
    page.was_quiet();
}
