//! The tabs, with the keyboard, and links into the documentation of the REST API.

use pet_api::Code;

use crate::browser::{Browser, key};
use crate::{page, page_with_photograph};

pub(crate) const TABS: [&str; 6] = ["predict", "resize", "grayscale", "crop", "normalize", "model"];

/// The name of the visible panel, if its tab is selected.
#[track_caller]
fn open(page: &Browser) -> String {
    let tabs = page.text(
        "[...document.querySelectorAll('[role=tab]')]
           .filter((tab) => tab.ariaSelected === 'true' && tab.tabIndex === 0)
           .map((tab) => tab.getAttribute('aria-controls')).join()",
    );
    let panels = page.text(
        "[...document.querySelectorAll('[role=tabpanel]')]
           .filter((panel) => panel.checkVisibility()).map((panel) => panel.id).join()",
    );
    assert_eq!(tabs, panels);
    tabs
}

#[test]
fn tabs_are_operated_by_keyboard() {
    let Some(page) = page() else { return };
    assert_eq!(open(&page), "predict");
    page.value("document.querySelector('#tab-predict').focus()");
    for tab in &TABS[1..] {
        page.press(&[key::RIGHT]);
        assert_eq!(open(&page), *tab);
        assert_eq!(page.text("document.activeElement.id"), format!("tab-{tab}"));
        assert_eq!(page.text("location.hash"), format!("#{tab}"));
    }
    // Around both ends.
    for (key, tab) in
        [(key::RIGHT, "predict"), (key::LEFT, "model"), (key::HOME, "predict"), (key::END, "model")]
    {
        page.press(&[key]);
        assert_eq!(open(&page), tab);
    }
    page.until("document.querySelectorAll('.breeds li').length > 0");
    page.check_quiet();
}

/// The tabs are one stop; then come all controls in reading order.
#[test]
fn tab_key_reaches_everything() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-crop");
    page.until("document.querySelector('#crop .after img')");
    let mut stops = Vec::new();
    for _ in 0..18 {
        page.press(&[key::TAB]);
        stops.push(page.text(
            "((at) => at.id || at.name || at.className || at.tagName)(document.activeElement)",
        ));
        let ring = page.text(
            "[document.activeElement, document.activeElement.closest('label')]
               .filter(Boolean).map((at) => getComputedStyle(at).outlineStyle).join()",
        );
        assert!(ring.contains("solid") || stops.last().unwrap() == "BODY", "{stops:?}: {ring}");
    }
    let expected = [
        "box crop-box",
        "other-file",
        "camera",
        "clear",
        "crop",
        "left",
        "top",
        "right",
        "bottom",
        "button main",
        "button predict",
    ];
    assert_eq!(stops[..expected.len()], expected, "{stops:?}");
    page.check_quiet();
}

#[test]
fn url_opens_its_tab() {
    let Some(page) = page_with_photograph() else { return };
    page.value("void (location.hash = '#grayscale')");
    page.until("document.querySelector('#grayscale .after img')");
    assert_eq!(open(&page), "grayscale");
    page.check_quiet();
}

/// The type of a problem is a link to the meaning of its code.
#[test]
fn links_to_error_codes_arrive() {
    let Some(page) = page() else { return };
    page.value("void (location.href = 'docs#missing_file')");
    page.until("document.querySelector('tr:target')?.id === 'missing_file'");
    let place = "document.querySelector(':target').getBoundingClientRect()";
    page.until(&format!("{place}.top >= 0 && {place}.bottom <= innerHeight"));
    for code in Code::ALL {
        let row = page.text(&format!("document.getElementById('{}').innerText", code.name()));
        assert!(row.starts_with(&code.status().to_string()), "{row}");
    }
    page.check_quiet();
}

#[test]
fn closed_operations_have_no_empty_space() {
    let Some(page) = page() else { return };
    page.value("void (location.href = 'docs')");
    page.until("document.querySelector('.operation')");
    let borders = page.value(
        "[...document.querySelectorAll('.operation')].map((card) => card.offsetHeight - card.firstElementChild.offsetHeight)",
    );
    let borders: Vec<f64> = serde_json::from_value(borders).unwrap();
    assert!(borders.iter().all(|pixels| *pixels <= 2.0), "{borders:?}");
    page.check_quiet();
}
