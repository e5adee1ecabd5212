//! Layout, colors and accessibility of the page, in both color schemes, on desktop and phone.
//!
//! axe-core, an accessibility checker, finds nothing on any tab. Its script is `PET_AXE`, by default the one that
//! `npm install --prefix .cache/axe axe-core` installs.

use std::path::PathBuf;

use pet_tests::skipped;
use serde_json::Value;

use crate::browser::{Browser, DESKTOP, View, key};
use crate::navigation::TABS;
use crate::{file, page_with_photograph};

const PHONE: View = View { width: 390, height: 844, scheme: "light" };

/// The contrast of text and background of an element by WCAG 2.2.
const CONTRAST: &str = "((element) => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => parse(colour).slice(0, 3)
      .map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    let ground = element;
    while (parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
    const [low, high] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor]
      .map(light).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  })";

#[test]
fn page_follows_the_color_scheme() {
    let Some(page) = page_with_photograph() else { return };
    for (scheme, dark) in [("light", false), ("dark", true)] {
        page.set_view(View { scheme, ..DESKTOP });
        let ground = page.text("getComputedStyle(document.body).backgroundColor");
        let sum: u32 = ground
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|part| part.parse::<u32>().ok())
            .sum();
        assert_eq!(sum < 3 * 128, dark, "{ground}");
        for text in [
            "h1",
            ".lead p",
            ".brand",
            ".top a",
            "[aria-selected=false]",
            ".facts",
            ".breed",
            ".share",
            ".timing",
            "code",
        ] {
            let contrast = page.value(&format!("{CONTRAST}(document.querySelector({text:?}))"));
            assert!(contrast.as_f64().unwrap() >= 4.5, "{scheme} {text}: {contrast}");
        }
    }
    page.check_quiet();
}

/// Right after a click, the pointer is still over the button.
#[test]
fn disabled_button_is_legible_below_the_pointer() {
    let Some(page) = page_with_photograph() else { return };
    page.value("document.querySelector('.part-box').focus()");
    page.press(&[key::LEFT]);
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    for scheme in ["light", "dark"] {
        page.set_view(View { scheme, ..DESKTOP });
        page.until("document.querySelector('#part-predict:hover').ariaDisabled === 'true'");
        let button = "document.getElementById('part-predict')";
        let contrast = page.value(&format!("{CONTRAST}({button})"));
        assert!(contrast.as_f64().unwrap() >= 4.5, "{scheme}: {contrast}");
    }
    page.check_quiet();
}

#[test]
fn page_fits_a_phone() {
    let Some(page) = page_with_photograph() else { return };
    page.set_view(PHONE);
    for tab in TABS {
        page.click(&format!("#tab-{tab}"));
        page.until(&format!("!document.getElementById('{tab}').ariaBusy"));
        let width = page.value("document.documentElement.scrollWidth");
        assert_eq!(width, PHONE.width, "{tab}");
        let outside = page.value(
            "[...document.querySelectorAll('[role=tab]')].filter((tab) => {
               const { left, right } = tab.getBoundingClientRect();
               const shown = tab.parentElement.getBoundingClientRect();
               return left < shown.left || right > shown.right || tab.scrollWidth > tab.clientWidth;
             }).map((tab) => tab.textContent)",
        );
        assert_eq!(outside, Value::Array(Vec::new()), "{tab}: tabs are cut");
        let small: Value = page.value(
            "[...document.querySelectorAll('button, .button, select, input[type=number]')]
               .filter((control) => control.checkVisibility() && control.offsetHeight < 34)
               .map((control) => control.outerHTML)",
        );
        assert_eq!(small, Value::Array(Vec::new()), "{tab}: too small for a finger");
    }
    page.until("document.querySelector('.figure')");
    let cut = page.value(
        "[...document.querySelectorAll('.figure')].filter((link) => link.firstChild.offsetWidth > link.parentElement.clientWidth)
           .map((link) => link.href)",
    );
    assert_eq!(cut, Value::Array(Vec::new()), "figures are cut");
    let heights = page.value(
        "[...new Set([...document.querySelectorAll('.breeds .share')].map((share) => share.offsetHeight))]",
    );
    assert_eq!(heights.as_array().unwrap().len(), 1, "shares wrap");
    page.check_quiet();
}

/// What appears during a prediction does not move other elements.
#[test]
fn layout_does_not_shift() {
    let Some(page) = page_with_photograph() else { return };
    page.value(
        "new PerformanceObserver((list) => {
           for (const shift of list.getEntries()) window.shifted = (window.shifted ?? 0) + shift.value;
         }).observe({ type: 'layout-shift', buffered: true })",
    );
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.jpg");
    fs_err::copy(file("cat.jpg"), &other).unwrap();
    page.choose("#other-file", &other);
    page.until("document.querySelector('#predict code').textContent.includes('other.jpg')");
    page.until("!document.querySelector('#predict').ariaBusy");
    let shifted = page.value("window.shifted ?? 0").as_f64().unwrap();
    assert!(shifted < 0.02, "{shifted}");
}

/// axe-core's script, if it is installed.
fn axe() -> Option<String> {
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
    let Some(script) = axe() else {
        return skipped("axe-core is not installed");
    };
    let Some(page) = page_with_photograph() else { return };
    page.choose_all("#other-file", &[&file("cat.jpg"), &file("cat.avif")]);
    page.until("document.querySelectorAll('#visit-list .fill').length === 3");
    page.run(&script);
    for (width, scheme) in [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")] {
        page.set_view(View { width, height: 900, scheme });
        for tab in TABS {
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
