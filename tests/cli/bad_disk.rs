//! Places that cannot be written, and disks that take no more.

use pet_image::Format;
use pet_tests::{Store, gradient, skipped};

use crate::place::Place;

/// Files of at most 64 blocks, which is what a disk does that is almost full: the write fails half-way.
const FULL: &str = "trap '' XFSZ; ulimit -f 64; exec \"$PROGRAM\"";

fn trained(test: &str) -> Option<Place> {
    let place = Place::with_runtime(test)?;
    Store::new(place.folder()).register(1, 0.5);
    Some(place)
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let place = Place::new();
    place.write("in.bmp", gradient(400, 400, Format::Bmp));
    let before = place.files();
    place.shell(&format!("{FULL} resize in.bmp 300 300 --output out.bmp")).refused().naming(&["out.bmp"]);
    assert_eq!(place.files(), before);
    place.refused("resize in.bmp 30 30 --output /proc/nowhere/out.bmp").naming(&["/proc/nowhere"]);
}

#[test]
fn results_are_written_whole_or_not_at_all() {
    let Some(place) = trained("results_are_written_whole_or_not_at_all") else { return };
    place.run("export --model-name stand_in").ok();
    fs_err::write(place.path("results/classes.json"), "[\"older\"]").unwrap();
    let before = place.files();
    place.shell(&format!("{FULL} export --model-name stand_in")).refused();
    assert_eq!(place.files(), before);
}

#[test]
fn a_results_folder_that_is_none_is_named() {
    let Some(place) = trained("a_results_folder_that_is_none_is_named") else { return };
    place.write("results", "a file");
    for command in ["select", "export"] {
        place.refused(&format!("{command} --model-name stand_in")).naming(&["results"]);
        let nowhere = format!("{command} --model-name stand_in --results /proc/nowhere");
        place.refused(&nowhere).naming(&["/proc/nowhere"]);
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_results_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let test = "a_read_only_results_folder_is_named";
    let Some(place) = trained(test) else { return };
    let folder = place.path("results");
    fs_err::create_dir(&folder).unwrap();
    fs_err::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    if fs_err::write(folder.join("probe"), "").is_ok() {
        return skipped(test, "this user may write everywhere");
    }
    for command in ["select", "export"] {
        place.refused(&format!("{command} --model-name stand_in")).naming(&["results"]);
    }
}
