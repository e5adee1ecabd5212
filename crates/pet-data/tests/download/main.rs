//! Downloading Oxford-IIIT Pet from mirrors that behave well, badly and with intent.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![cfg(feature = "download")]

mod hostile;
mod mirror;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use pet_data::oxford::{self, Archive, Source};
use pet_data::{Error, Progress, Silent, Unit};
use tempfile::TempDir;

use mirror::{Server, down, file, md5, noise, tar_gz};

/// `images.tar.gz` of about 20 kB.
fn images() -> Vec<u8> {
    let picture = noise(10_000);
    tar_gz(&[
        file("images/Abyssinian_1.jpg", &picture),
        file("images/beagle_2.jpg", &picture),
        file("images/._beagle_2.jpg", b"resource fork"),
    ])
}

fn annotations() -> Vec<u8> {
    tar_gz(&[
        file("annotations/trainval.txt", b"Abyssinian_1 1 1 1\n"),
        file("annotations/test.txt", b""),
    ])
}

/// Only the images, from these mirrors.
fn source(mirrors: &[String]) -> Source {
    Source {
        mirrors: mirrors.to_vec(),
        archives: vec![Archive { folder: "images".into(), md5: md5(&images()) }],
        answer_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(300),
        ..Source::default()
    }
}

fn download(source: &Source, root: &Path) -> Result<(), Error> {
    oxford::download_from(source, root, &Silent)
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An empty folder, and a partial file in it that an earlier run left.
fn begun(bytes: &[u8]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs_err::write(root.path().join("images.tar.gz.partial"), bytes).unwrap();
    root
}

fn assert_complete(root: &Path) {
    assert_eq!(names(root), ["images"]);
    assert_eq!(names(&root.join("images")), ["Abyssinian_1.jpg", "beagle_2.jpg"]);
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Progress for Log {
    fn start(&self, task: &str, total: u64, unit: Unit) {
        assert_eq!(unit, Unit::Bytes);
        self.0.lock().unwrap().push(format!("{task}: 0 of {total}"));
    }
    fn advance(&self, amount: u64) {
        let mut log = self.0.lock().unwrap();
        let line = log.last_mut().unwrap();
        let (task, counts) = line.split_once(": ").unwrap();
        let (done, total) = counts.split_once(" of ").unwrap();
        *line = format!("{task}: {} of {total}", done.parse::<u64>().unwrap() + amount);
    }
    fn finish(&self) {}
    fn message(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn both_archives_become_a_data_set_and_are_not_fetched_again() {
    let server =
        Server::with(&[("images.tar.gz", &images()), ("annotations.tar.gz", &annotations())]);
    let mut source = source(&[server.address()]);
    source.archives.push(Archive { folder: "annotations".into(), md5: md5(&annotations()) });
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("data/oxford-iiit-pet");

    let log = Log::default();
    oxford::download_from(&source, &root, &log).unwrap();
    assert_eq!(names(&root), ["annotations", "images"]);
    assert_eq!(oxford::load(&root).unwrap().classes, ["Abyssinian"]);
    let length = images().len();
    assert_eq!(
        log.0.into_inner().unwrap()[..3],
        ["download", "verify", "unpack"].map(|task| {
            let partial = if task == "verify" { ".partial" } else { "" };
            format!("{task} images.tar.gz{partial}: {length} of {length}")
        })
    );

    download(&source, &root).unwrap();
    assert_eq!(server.ranges().len(), 2);
}

#[test]
fn a_cut_connection_is_resumed() {
    let server = Server::with(&[("images.tar.gz", &images())]).cutting_after(&[1000, 500]);
    let root = tempfile::tempdir().unwrap();
    download(&source(&[server.address()]), root.path()).unwrap();
    assert_complete(root.path());
    assert_eq!(
        server.ranges(),
        [None, Some("bytes=1000-".to_owned()), Some("bytes=1500-".to_owned())]
    );
}

#[test]
fn an_earlier_run_is_resumed() {
    let server = Server::with(&[("images.tar.gz", &images())]);
    let root = begun(&images()[..7000]);
    let log = Log::default();
    oxford::download_from(&source(&[server.address()]), root.path(), &log).unwrap();
    assert_complete(root.path());
    assert_eq!(server.ranges(), [Some("bytes=7000-".to_owned())]);
    let length = images().len();
    assert_eq!(
        log.0.into_inner().unwrap()[0],
        format!("download images.tar.gz: {length} of {length}")
    );
}

#[test]
fn what_was_received_before_all_mirrors_failed_is_kept() {
    let server = Server::with(&[("images.tar.gz", &images())]).cutting_after(&[3000, 0]);
    let root = tempfile::tempdir().unwrap();
    let error = download(&source(&[server.address(), down()]), root.path()).unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert_eq!(names(root.path()), ["images.tar.gz.partial"]);

    download(&source(&[server.address()]), root.path()).unwrap();
    assert_complete(root.path());
    assert_eq!(server.ranges().last().unwrap().as_deref(), Some("bytes=3000-"));
}

#[test]
fn a_server_that_ignores_ranges_starts_over() {
    let server = Server::with(&[("images.tar.gz", &images())]).ignoring_ranges();
    let root = begun(&images()[..7000]);
    download(&source(&[server.address()]), root.path()).unwrap();
    assert_complete(root.path());
}

#[test]
fn a_partial_file_that_is_whole_is_taken() {
    let server = Server::with(&[("images.tar.gz", &images())]);
    let root = begun(&images());
    download(&source(&[server.address()]), root.path()).unwrap();
    assert_complete(root.path());
    assert_eq!(server.ranges().len(), 1);
}

#[test]
fn a_partial_file_of_something_else_is_downloaded_again() {
    for length in [7000, 50_000] {
        let server = Server::with(&[("images.tar.gz", &images())]);
        let root = begun(&vec![7; length]);
        download(&source(&[server.address()]), root.path()).unwrap();
        assert_complete(root.path());
        assert_eq!(server.ranges(), [Some(format!("bytes={length}-")), None]);
    }
}

#[test]
fn an_archive_that_is_there_is_verified_and_unpacked() {
    let root = tempfile::tempdir().unwrap();
    fs_err::write(root.path().join("images.tar.gz"), images()).unwrap();
    download(&source(&[down()]), root.path()).unwrap();
    assert_complete(root.path());
}

#[test]
fn an_archive_that_is_there_with_another_checksum_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.tar.gz");
    fs_err::write(&path, b"my own archive").unwrap();
    let error = download(&source(&[down()]), root.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` has MD5 `{}`, expected `{}`",
            path.display(),
            md5(b"my own archive"),
            md5(&images())
        )
    );
    assert!(error.hint().unwrap().contains("remove"));
    assert_eq!(fs_err::read(&path).unwrap(), b"my own archive");
}

#[test]
fn a_mirror_that_is_down_is_passed_over() {
    let server = Server::with(&[("images.tar.gz", &images())]);
    let root = tempfile::tempdir().unwrap();
    let (first, log) = (down(), Log::default());
    oxford::download_from(&source(&[first.clone(), server.address()]), root.path(), &log).unwrap();
    assert_complete(root.path());
    let message = &log.0.into_inner().unwrap()[0];
    assert!(message.starts_with(&format!("cannot download from `{first}`: ")), "{message}");
}

#[test]
fn with_all_mirrors_down_the_error_names_each() {
    let root = tempfile::tempdir().unwrap();
    let mirrors = [down(), down()];
    let error = download(&source(&mirrors), root.path()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot download `images.tar.gz`: `http://127.0.0.1:"), "{text}");
    assert!(mirrors.iter().all(|mirror| text.contains(mirror.as_str())), "{text}");
    assert!(!text.contains('\n'));
    assert!(error.hint().unwrap().contains("run again"));
    assert!(names(root.path()).is_empty());
}

#[test]
fn a_mirror_with_another_file_is_passed_over() {
    let wrong = Server::with(&[("images.tar.gz", &annotations())]);
    let right = Server::with(&[("images.tar.gz", &images())]);
    let root = tempfile::tempdir().unwrap();
    download(&source(&[wrong.address(), right.address()]), root.path()).unwrap();
    assert_complete(root.path());
    assert_eq!(wrong.ranges(), [None]);
}

#[test]
fn a_wrong_checksum_names_both_sides_and_leaves_nothing() {
    let server = Server::with(&[("images.tar.gz", &annotations())]);
    let root = tempfile::tempdir().unwrap();
    let text = download(&source(&[server.address()]), root.path()).unwrap_err().to_string();
    let expected = format!("(sends MD5 `{}`, expected `{}`)", md5(&annotations()), md5(&images()));
    assert!(text.ends_with(&expected), "{text}");
    assert!(names(root.path()).is_empty());
}

#[test]
fn an_error_of_the_server_is_named() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let text = download(&source(&[server.address()]), root.path()).unwrap_err().to_string();
    assert!(text.contains("404 Not Found"), "{text}");
    assert!(names(root.path()).is_empty());
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start().mute();
    let root = tempfile::tempdir().unwrap();
    let start = std::time::Instant::now();
    let text = download(&source(&[server.address()]), root.path()).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(4), "{text}");
    assert!(text.contains("timeout"), "{text}");
}

#[test]
fn an_archive_beyond_the_limit_is_not_received() {
    let server = Server::with(&[("images.tar.gz", &images())]);
    let root = tempfile::tempdir().unwrap();
    let source = Source { archive_bytes: 5000, ..source(&[server.address()]) };
    let text = download(&source, root.path()).unwrap_err().to_string();
    assert!(text.contains("sends more than 5000 bytes"), "{text}");
    assert!(names(root.path()).is_empty());
}

#[test]
fn two_downloads_to_one_place_do_not_mix() {
    let root = begun(b"");
    let other = fs_err::File::open(root.path().join("images.tar.gz.partial")).unwrap();
    other.file().lock().unwrap();
    let error = download(&source(&[down()]), root.path()).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
}
