//! The documentation of the REST API.

use pet_api::Code;

use crate::page;

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
