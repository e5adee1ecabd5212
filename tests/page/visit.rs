//! Several photographs: the list of this visit.

use crate::browser::Browser;
use crate::{file, page, page_with_photograph};

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
