//! The tabs Resize, Grayscale and Normalize: before and after.

use serde_json::json;

use crate::browser::Browser;
use crate::page_with_drawing;

/// Opens the tab and waits for its picture of this size.
#[track_caller]
fn after(page: &Browser, tab: &str, width: u32, height: u32) {
    page.until(&format!(
        "((after) => after && after.naturalWidth === {width} && after.naturalHeight === {height})
           (document.querySelector('#{tab} .after img'))"
    ));
}

#[test]
fn every_tab_shows_before_and_after_and_offers_the_file() {
    let Some(page) = page_with_drawing("every_tab_shows_before_and_after_and_offers_the_file")
    else {
        return;
    };
    for (tab, prefix, side) in [
        ("resize", "resized", 224),
        ("grayscale", "gray", 480),
        ("normalize", "normalized", 480),
    ] {
        page.click(&format!("#tab-{tab}"));
        after(&page, tab, side, side);
        page.until("document.getElementById('preview').naturalWidth === 480");
        let link = page.value(&format!(
            "((link) => [link.download, link.href.slice(0, 5)])(document.querySelector('#{tab} a'))"
        ));
        assert_eq!(link, json!([format!("{prefix}_golden-dog.jpg"), "blob:"]));
        let command = page.text(&format!(
            "document.querySelector('#{tab} code').textContent"
        ));
        assert!(command.contains(&format!("/{tab}")), "{command}");
        assert!(
            command.ends_with(&format!("-o '{prefix}_golden-dog.jpg'")),
            "{command}"
        );
    }
    page.was_quiet();
}

#[test]
fn a_new_size_is_taken_up_as_it_is_typed() {
    let Some(page) = page_with_drawing("a_new_size_is_taken_up_as_it_is_typed") else {
        return;
    };
    page.click("#tab-resize");
    after(&page, "resize", 224, 224);
    page.value("document.querySelector('#resize [name=width]').select()");
    page.press(&['1', '0', '0']);
    after(&page, "resize", 100, 224);
    page.click("#keep-shape");
    after(&page, "resize", 100, 100);

    // Another photograph is changed as well, with what stands in the fields.
    page.click("[data-sample='black-cat.jpg']");
    page.until("document.querySelector('#resize code').textContent.includes('black-cat.jpg')");
    page.until("document.querySelector('#resize a').download === 'resized_black-cat.jpg'");
    after(&page, "resize", 100, 100);
    page.was_quiet();
}
