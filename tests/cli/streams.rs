//! Output that nobody reads or that cannot be written.

use std::process::Stdio;

use crate::output::Output;
use crate::test_dir::TestDir;

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let dir = TestDir::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = dir
        .command("completions bash")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Output::from(child.wait_with_output().unwrap());
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""));

    let first = dir.shell("\"$PROGRAM\" completions bash | head -n 1");
    assert!(first.stderr.is_empty(), "{first:?}");
    assert!(first.ok().contains("pet"));
}

#[cfg(target_os = "linux")]
#[test]
fn output_to_a_full_disk_is_an_error() {
    let dir = TestDir::new();
    dir.shell("exec \"$PROGRAM\" completions bash > /dev/full")
        .refused()
        .naming(&["standard output"]);
}
