//! Paths that cannot be written, and full disks.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_image::Format;
use pet_tests::{Service, Store, gradient, skipped};

use crate::test_dir::TestDir;

/// Limits files to 64 blocks, so that a write fails half-way as on a full disk.
const FULL: &str = "trap '' XFSZ; ulimit -f 64; exec \"$PROGRAM\"";

fn trained() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    Store::new(dir.folder()).register(1, 0.5);
    Some(dir)
}

#[test]
fn images_are_written_atomically() {
    let dir = TestDir::new();
    dir.write("in.bmp", gradient(400, 400, Format::Bmp));
    let before = dir.files();
    dir.shell(&format!("{FULL} resize in.bmp 300 300 --output out.bmp"))
        .refused()
        .naming(&["out.bmp"]);
    assert_eq!(dir.files(), before);
    dir.refused("resize in.bmp 30 30 --output /proc/nowhere/out.bmp").naming(&["/proc/nowhere"]);
}

#[test]
fn results_are_written_atomically() {
    let Some(dir) = trained() else { return };
    dir.run("export --model-name stand_in").ok();
    fs_err::write(dir.path("results/classes.json"), "[\"older\"]").unwrap();
    let before = dir.files();
    dir.shell(&format!("{FULL} export --model-name stand_in"))
        .refused()
        .naming(&["File too large"])
        .hinting("ulimit");
    assert_eq!(dir.files(), before);
}

#[test]
fn a_failed_export_does_not_affect_the_service() {
    let Some(dir) = trained() else { return };
    dir.run("export --model-name stand_in").ok();
    let serve = "serve --port 0 --log-format json --admin-token secret";
    let service = Service::start(&mut dir.command(serve));
    let token = "Authorization: Bearer secret\r\n";
    let version = || {
        let reloaded = service.post("/model/reload", token, &[]);
        assert!(reloaded.starts_with("HTTP/1.1 200"), "{reloaded}");
        let model = service.get("/model");
        let (_, body) = model.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["version"].clone()
    };
    Store::new(dir.folder()).register(2, 0.9);
    dir.shell(&format!("{FULL} export --model-name stand_in")).refused();
    assert_eq!(version(), "1");
    let picture = gradient(60, 40, Format::Png);
    let answer = service.post("/predict", "Content-Type: image/png\r\n", &picture);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    dir.run("export --model-name stand_in").ok();
    assert_eq!(version(), "2");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_previous_results() {
    let Some(dir) = trained() else { return };
    let Some(_disk) = SmallDisk::mount(&dir.path("results")) else {
        return skipped("this user may not mount a file system");
    };
    dir.write("results/classes.json", "[\"older\"]");
    let export = "export --model-name stand_in";
    dir.refused(export)
        .naming(&["No space left on device", "model.onnx"])
        .hinting("free some space");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_for_temporary_files_is_reported() {
    let Some(dir) = trained() else { return };
    dir.run("export --model-name stand_in").ok();
    let before = dir.files();
    let Some(_disk) = SmallDisk::mount(&dir.path("small")) else {
        return skipped("this user may not mount a file system");
    };
    dir.shell("TMPDIR=small exec \"$PROGRAM\" export --model-name stand_in")
        .refused()
        .naming(&["No space left on device"])
        .hinting("free some space");
    let mut after = dir.files();
    after.retain(|(path, _)| !path.ends_with("small"));
    assert_eq!(after, before);
}

/// A file system in memory of 1 MB; it is unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs_err::create_dir(folder).unwrap();
        let mut command = Command::new("mount");
        let output = command.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder).output();
        output.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_results_path_that_is_a_file_is_reported() {
    let Some(dir) = trained() else { return };
    dir.write("results", "a file");
    dir.refused("export --model-name stand_in").naming(&["results"]);
    dir.refused("export --model-name stand_in --results /proc/nowhere").naming(&["/proc/nowhere"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_results_folder_is_reported() {
    use std::os::unix::fs::PermissionsExt;

    let Some(dir) = trained() else { return };
    let folder = dir.path("results");
    fs_err::create_dir(&folder).unwrap();
    fs_err::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    if fs_err::write(folder.join("probe"), "").is_ok() {
        return skipped("this user may write everywhere");
    }
    dir.refused("export --model-name stand_in").naming(&["results"]);
}
