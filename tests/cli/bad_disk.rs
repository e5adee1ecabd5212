//! Places that cannot be written, and disks that take no more.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_image::Format;
use pet_tests::{Store, gradient, skipped};

use crate::test_dir::TestDir;

/// Lets no file grow beyond 64 blocks: as on a full disk, a write fails half-way.
const FULL: &str = "trap '' XFSZ; ulimit -f 64; exec \"$PROGRAM\"";

fn trained(test: &str) -> Option<TestDir> {
    let dir = TestDir::with_runtime(test)?;
    Store::new(dir.folder()).register(1, 0.5);
    Some(dir)
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let dir = TestDir::new();
    dir.write("in.bmp", gradient(400, 400, Format::Bmp));
    let before = dir.files();
    dir.shell(&format!("{FULL} resize in.bmp 300 300 --output out.bmp"))
        .refused()
        .naming(&["out.bmp"]);
    assert_eq!(dir.files(), before);
    dir.refused("resize in.bmp 30 30 --output /proc/nowhere/out.bmp")
        .naming(&["/proc/nowhere"]);
}

#[test]
fn results_are_written_whole_or_not_at_all() {
    let Some(dir) = trained("results_are_written_whole_or_not_at_all") else {
        return;
    };
    dir.run("export --model-name stand_in").ok();
    fs_err::write(dir.path("results/classes.json"), "[\"older\"]").unwrap();
    let before = dir.files();
    dir.shell(&format!("{FULL} export --model-name stand_in"))
        .refused();
    assert_eq!(dir.files(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_do_not_fit_leave_the_older_ones_alone() {
    let test = "results_that_do_not_fit_leave_the_older_ones_alone";
    let Some(dir) = trained(test) else { return };
    let Some(_disk) = SmallDisk::mount(&dir.path("results")) else {
        return skipped(test, "this user may not mount a file system");
    };
    dir.write("results/classes.json", "[\"older\"]");
    let export = "export --model-name stand_in";
    dir.refused(export)
        .naming(&["No space left on device", "model.onnx"]);
}

/// A file system in memory of 1 MB, mounted as long as this lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs_err::create_dir(folder).unwrap();
        let mut command = Command::new("mount");
        let output = command
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder)
            .output();
        output
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_results_folder_that_is_none_is_named() {
    let Some(dir) = trained("a_results_folder_that_is_none_is_named") else {
        return;
    };
    dir.write("results", "a file");
    dir.refused("export --model-name stand_in")
        .naming(&["results"]);
    dir.refused("export --model-name stand_in --results /proc/nowhere")
        .naming(&["/proc/nowhere"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_results_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let test = "a_read_only_results_folder_is_named";
    let Some(dir) = trained(test) else { return };
    let folder = dir.path("results");
    fs_err::create_dir(&folder).unwrap();
    fs_err::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    if fs_err::write(folder.join("probe"), "").is_ok() {
        return skipped(test, "this user may write everywhere");
    }
    dir.refused("export --model-name stand_in")
        .naming(&["results"]);
}
