//! Output that nobody reads or that cannot be written.

use std::process::Stdio;

use crate::place::Place;
use crate::said::Said;

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = place
        .command("completions bash")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));

    let first = place.shell("\"$PROGRAM\" completions bash | head -n 1");
    assert!(first.stderr.is_empty(), "{first:?}");
    assert!(first.ok().contains("pet"));
}

#[cfg(target_os = "linux")]
#[test]
fn output_to_a_full_disk_is_an_error() {
    let place = Place::new();
    place
        .shell("exec \"$PROGRAM\" completions bash > /dev/full")
        .refused()
        .naming(&["standard output"]);
}
