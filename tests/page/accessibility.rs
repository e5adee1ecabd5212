//! What axe-core, the checker of accessibility, finds: nothing, on every tab, by day and by night, on a desk and in a
//! hand.
//!
//! `PET_AXE` names its script; else it is looked for where `npm install --prefix .cache/axe axe-core` puts it.

use std::path::PathBuf;

use serde_json::Value;

use crate::browser::{Browser, View};
use crate::{file, page_with_photograph, service, skipped};

/// Where the script is, if it is anywhere.
fn script() -> Option<String> {
    let installed = || service::root().join(".cache/axe/node_modules/axe-core/axe.min.js");
    let path = std::env::var_os("PET_AXE").map_or_else(installed, PathBuf::from);
    fs_err::read_to_string(path).ok()
}

/// What is wrong on the page as it is shown now, and where.
fn faults(page: &Browser) -> Value {
    page.value(
        "void (window.found = null, axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => {
           window.found = violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
         }))",
    );
    page.until("window.found");
    page.value("found")
}

#[test]
fn axe_finds_nothing() {
    let test = "axe_finds_nothing";
    let Some(script) = script() else {
        return skipped(test, "axe-core is not installed");
    };
    let Some(page) = page_with_photograph(test) else {
        return;
    };
    page.choose_all("#other-file", &[&file("cat.jpg"), &file("cat.avif")]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 3");
    page.run(&script);
    for (width, scheme) in [
        (1280, "light"),
        (390, "dark"),
        (390, "light"),
        (1280, "dark"),
    ] {
        page.look(View {
            width,
            height: 900,
            scheme,
        });
        for tab in crate::tabs::TABS {
            page.click(&format!("#tab-{tab}"));
            page.until(&format!("!document.getElementById('{tab}').ariaBusy"));
            page.until("document.getAnimations().length === 0");
            assert_eq!(
                faults(&page),
                Value::Array(Vec::new()),
                "{width} {scheme} {tab}"
            );
        }
    }
    // It does find what is wrong.
    page.click("#tab-predict");
    page.value("document.getElementById('preview').removeAttribute('alt')");
    assert!(faults(&page).to_string().contains("image-alt"));

    page.value("void (location.href = 'docs')");
    page.until("document.getElementById('topics')?.children.length > 0");
    page.run(&script);
    assert_eq!(faults(&page), Value::Array(Vec::new()), "docs");
    page.was_quiet();
}
