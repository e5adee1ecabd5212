//! The tab Model.

use pet_model::{CLASSES_FILE, read_classes};
use pet_tests::results;

use crate::page;

#[test]
fn model_and_figures_are_shown() {
    let Some(page) = page() else {
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
    // The photograph is not on this tab.
    page.until("!document.getElementById('photograph').checkVisibility()");
    page.check_quiet();
}

/// For a model evaluated on 24 photographs, tenths of a percent would be meaningless.
#[test]
fn accuracy_of_few_photographs_is_shown_as_counts() {
    let Some(page) = page() else {
        return;
    };
    page.value(
        "((fetch) => {
           const small = {
             '/model': { name: 'mine', version: null, val_acc: 0.875, classes: 2, files: ['metrics.json'] },
             '/classes': { classes: ['Tom', 'Rex'] },
             '/model/files/metrics.json': { splits: { validation: { images: 24, top1: 0.875, top5: 1, classes: {
               Tom: { images: 12, recall: 1 }, Rex: { images: 12, recall: 0.75 } } } } },
           };
           window.fetch = (url, options) => {
             const answer = small[new URL(url).pathname];
             return answer ? Promise.resolve(Response.json(answer)) : fetch(url, options);
           };
         })(window.fetch)",
    );
    page.click("#tab-model");
    page.until("document.querySelector('.tiles')");
    assert_eq!(
        page.text("[...document.querySelectorAll('.tiles li')].map((tile) => tile.innerText.replace('\\n', ' ')).join('; ')"),
        "21 of 24 validation photos right; 2 breeds known"
    );
    assert_eq!(
        page.text("[...document.querySelectorAll('.breeds .share')].map((share) => share.textContent).join()"),
        "12 of 12,9 of 12"
    );
    page.check_quiet();
}
