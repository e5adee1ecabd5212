//! The tab Model.

use pet_model::{CLASSES_FILE, read_classes};

use crate::page;
use crate::service::results;

#[test]
fn the_model_and_its_figures_are_shown() {
    let Some(page) = page("the_model_and_its_figures_are_shown") else {
        return;
    };
    let results = results();
    let classes = read_classes(&results.join(CLASSES_FILE)).unwrap();
    page.click("#tab-model");
    page.until("document.querySelector('.tiles')");
    let shown = page.value("[...document.querySelectorAll('.breeds li > :first-child')].map((name) => name.textContent)");
    assert_eq!(
        serde_json::from_value::<Vec<String>>(shown).unwrap(),
        classes
    );
    let pictures = [
        "training_curves.png",
        "confusion_matrix.png",
        "mistakes.png",
    ];
    for picture in pictures
        .into_iter()
        .filter(|name| results.join(name).is_file())
    {
        page.until(&format!(
            "((picture) => picture && picture.naturalWidth > 0 && picture.alt)
               (document.querySelector('.figure [src$=\"{picture}\"]'))"
        ));
    }
    if results.join("metrics.json").is_file() {
        page.until("/\\d\\s%/u.test(document.querySelector('.tiles strong').textContent)");
    }
    // The photograph has no business here.
    page.until("!document.getElementById('photograph').checkVisibility()");
    page.was_quiet();
}
