//! axe-core, an accessibility checker, finds nothing on any tab, in either color scheme, on desktop and phone.
//!
//! Its script is `PET_AXE`, by default the one that `npm install --prefix .cache/axe axe-core` installs.

use std::path::PathBuf;

use pet_tests::skipped;
use serde_json::Value;

use crate::browser::{Browser, View};
use crate::{file, page_with_photograph};

/// The script, if it is installed.
fn script() -> Option<String> {
    let installed = || pet_tests::root().join(".cache/axe/node_modules/axe-core/axe.min.js");
    let path = std::env::var_os("PET_AXE").map_or_else(installed, PathBuf::from);
    fs_err::read_to_string(path).ok()
}

/// The violations on the page.
fn violations(page: &Browser) -> Value {
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
    let Some(script) = script() else {
        return skipped("axe-core is not installed");
    };
    let Some(page) = page_with_photograph() else { return };
    page.choose_all("#other-file", &[&file("cat.jpg"), &file("cat.avif")]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 3");
    page.run(&script);
    for (width, scheme) in [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")] {
        page.set_view(View { width, height: 900, scheme });
        for tab in crate::tabs::TABS {
            page.click(&format!("#tab-{tab}"));
            page.until(&format!("!document.getElementById('{tab}').ariaBusy"));
            page.until("document.getAnimations().length === 0");
            assert_eq!(violations(&page), Value::Array(Vec::new()), "{width} {scheme} {tab}");
        }
    }
    // It does find violations.
    page.click("#tab-predict");
    page.value("document.getElementById('preview').removeAttribute('alt')");
    assert!(violations(&page).to_string().contains("image-alt"));

    page.value("void (location.href = 'docs')");
    page.until("document.getElementById('topics')?.children.length > 0");
    page.run(&script);
    assert_eq!(violations(&page), Value::Array(Vec::new()), "docs");
    page.check_quiet();
}
