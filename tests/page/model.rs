//! The tab Model.

use pet_model::{CLASSES_FILE, read_classes};
use pet_tests::results;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::page;

#[test]
fn model_and_figures_are_shown() {
    let Some(page) = page() else { return };
    let results = results();
    let classes = read_classes(&results.join(CLASSES_FILE)).unwrap();
    page.click("#tab-model");
    page.until("document.querySelector('.tiles')");
    let shown = page.value("[...document.querySelectorAll('.breeds li > :first-child')].map((name) => name.textContent)");
    assert_eq!(serde_json::from_value::<Vec<String>>(shown).unwrap(), classes);
    let pictures = ["training_curves.png", "confusion_matrix.png", "mistakes.png"];
    for picture in pictures.into_iter().filter(|name| results.join(name).is_file()) {
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

/// Replaces what the tab reads.
fn serve(page: &Browser, model: &Value, splits: &Value) {
    let answers = json!({
        "/model": model,
        "/classes": { "classes": ["Tom", "Rex"] },
        "/model/files/metrics.json": { "splits": splits },
    });
    page.value(&format!(
        "((fetch) => {{
           window.fetch = (url, options) => {{
             const answer = {answers}[new URL(url).pathname];
             return answer ? Promise.resolve(Response.json(answer)) : fetch(url, options);
           }};
         }})(window.fetch)"
    ));
    page.click("#tab-model");
    page.until("document.querySelector('.tiles')");
}

fn tiles(page: &Browser) -> String {
    page.text("[...document.querySelectorAll('.tiles li')].map((tile) => tile.innerText.replace('\\n', ' ')).join('; ')")
}

/// For a model evaluated on 24 photographs, tenths of a percent would be meaningless.
#[test]
fn accuracy_of_few_photographs_is_shown_as_counts() {
    let Some(page) = page() else { return };
    let model = json!({ "name": "mine", "version": null, "val_acc": 0.875, "classes": 2, "precision": "fp32",
        "files": ["metrics.json"] });
    let classes =
        json!({ "Tom": { "images": 12, "recall": 1 }, "Rex": { "images": 12, "recall": 0.75 } });
    let split = json!({ "images": 24, "top1": 0.875, "top5": 1, "classes": classes });
    serve(&page, &model, &json!({ "validation": split }));
    assert_eq!(tiles(&page), "21 of 24 validation photos correct; 2 breeds known");
    assert_eq!(
        page.text("[...document.querySelectorAll('.breeds .share')].map((share) => share.textContent).join()"),
        "12 of 12,9 of 12"
    );
    page.check_quiet();
}

/// Of the metrics for both precisions, those of the served one are shown; of another precision, it is named.
#[test]
fn accuracy_is_that_of_the_served_precision() {
    let split = |top1: f64| json!({ "images": 1000, "top1": top1, "top5": 1, "classes": {} });
    let both = json!({ "test": split(0.9), "test_int8": split(0.8), "validation": split(0.7) });
    let floats =
        json!({ "test": split(0.9), "validation_int8": split(0.6), "validation": split(0.7) });
    let mixed = json!({ "validation_int8": split(0.6), "validation": split(0.7) });
    let test = json!({ "test_int8": split(0.8) });
    for (precision, splits, expected, validation) in [
        (
            "int8",
            &both,
            "80.0 % of 1,000 test photos",
            Some("70.0 % of the validation photos (fp32)"),
        ),
        ("fp32", &both, "90.0 % of 1,000 test photos", Some("70.0 % of the validation photos")),
        (
            "int8",
            &floats,
            "90.0 % of 1,000 test photos (fp32)",
            Some("60.0 % of the validation photos"),
        ),
        ("int8", &mixed, "60.0 % of 1,000 validation photos", None),
        (
            "int8",
            &test,
            "80.0 % of 1,000 test photos",
            Some("75.0 % of the validation photos (fp32)"),
        ),
    ] {
        let Some(page) = page() else { return };
        // The accuracy in the metadata is that of the training.
        let model = json!({ "name": "mine", "version": null, "val_acc": 0.75, "classes": 2, "precision": precision,
            "files": ["metrics.json"] });
        serve(&page, &model, splits);
        let shown = tiles(&page).replace('\u{202f}', " ");
        let tiles = [Some(expected), validation].into_iter().flatten();
        let tiles = tiles.map(|tile| format!("{tile} correct; "));
        let tiles = tiles.collect::<Vec<_>>().concat();
        assert_eq!(shown, format!("{tiles}2 breeds known"), "{precision}");
        let title = page.text("document.querySelector('#model .title').textContent");
        let (_, photos) = expected.split_once("1,000 ").unwrap();
        assert_eq!(title, format!("Correct predictions by breed, on the {photos}"));
    }
}
