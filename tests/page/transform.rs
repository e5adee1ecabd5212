//! The tabs Resize, Grayscale and Normalize: before and after.

use serde_json::json;

use crate::browser::Browser;
use crate::{file, page_with_photograph};

/// Opens the tab, and waits for a result of this size.
#[track_caller]
fn after(page: &Browser, tab: &str, width: u32, height: u32) {
    page.until(&format!(
        "((after) => after && after.naturalWidth === {width} && after.naturalHeight === {height})
           (document.querySelector('#{tab} .after img'))"
    ));
}

#[test]
fn every_tab_shows_before_and_after_and_a_download() {
    let Some(page) = page_with_photograph() else { return };
    for (tab, prefix, width, height) in [
        ("resize", "resized", 224, 224),
        ("grayscale", "gray", 451, 300),
        ("normalize", "normalized", 451, 300),
    ] {
        page.click(&format!("#tab-{tab}"));
        after(&page, tab, width, height);
        page.until("document.getElementById('preview').naturalWidth === 451");
        let link = page.value(&format!(
            "((link) => [link.download, link.href.slice(0, 5)])(document.querySelector('#{tab} a'))"
        ));
        assert_eq!(link, json!([format!("{prefix}_cat.jpg"), "blob:"]));
        let command = page.text(&format!("document.querySelector('#{tab} code').textContent"));
        assert!(command.contains(&format!("/{tab}")), "{command}");
        assert!(command.ends_with(&format!("-o '{prefix}_cat.jpg'")), "{command}");
    }
    page.check_quiet();
}

#[test]
fn new_size_is_applied_while_typing() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-resize");
    after(&page, "resize", 224, 224);
    page.value("document.querySelector('#resize [name=width]').select()");
    page.press(&['1', '0', '0']);
    after(&page, "resize", 100, 224);
    page.click("#keep-shape");
    after(&page, "resize", 100, 67);

    // The next photograph is transformed with the same parameters; the service cannot decode this one.
    page.choose("#other-file", &file("cat.avif"));
    page.until("document.querySelector('#resize code').textContent.includes('cat.avif')");
    page.until("document.querySelector('#resize a').download.startsWith('resized_cat.')");
    after(&page, "resize", 100, 67);
    page.check_quiet();
}

/// Typing a number starts with an empty field, which is not an error of the service.
#[test]
fn empty_number_shows_an_error() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-resize");
    after(&page, "resize", 224, 224);
    page.value(
        "((field) => { field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true })); })
           (document.querySelector('#resize [name=width]'))",
    );
    let problem = "document.querySelector('#resize .problem').textContent";
    page.until(problem);
    assert_eq!(page.text(problem), "Width must be a whole number from 1 to 10000.");
    page.until("!document.querySelector('#resize .after .frame').checkVisibility()");
    let link = page
        .value("((link) => [link.href, link.ariaDisabled])(document.querySelector('#resize a'))");
    assert_eq!(link, json!(["", "true"]));
    page.check_quiet();
}
