//! Archives that leave their folder, are damaged, or fill disk and memory.

use std::path::Path;

use pet_data::Error;
use pet_data::oxford::{Archive, Source, UnpackLimits};
use tar::EntryType;

use crate::mirror::{Entry, file, gzip, md5, special, tar, tar_gz};
use crate::{download, names};

/// Downloads an archive that is already there, within these limits.
fn unpack_within(archive: &[u8], root: &Path, unpack: UnpackLimits) -> Result<(), Error> {
    fs_err::write(root.join("images.tar.gz"), archive).unwrap();
    let archives = vec![Archive { folder: "images".into(), md5: md5(archive) }];
    download(&Source { archives, unpack, ..Source::default() }, root)
}

/// The error of an archive, after which nothing of it may be left anywhere.
fn failure(archive: &[u8], unpack: UnpackLimits) -> Error {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    fs_err::create_dir(&root).unwrap();
    let error = unpack_within(archive, &root, unpack).unwrap_err();
    assert_eq!(names(&root), ["images.tar.gz"]);
    assert_eq!(names(place.path()), ["root"]);
    error
}

fn refused(entry: Entry<'_>) -> String {
    let archive = tar_gz(&[file("images/a.jpg", b"a"), entry]);
    let error = failure(&archive, UnpackLimits::default());
    assert!(matches!(error, Error::ArchiveEntry { .. }), "{error}");
    error.to_string()
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["../evil", "images/../../evil", "/tmp/pet-data-evil", "images/a/../../../evil"] {
        let text = refused(file(name, b"evil"));
        let expected =
            format!("was rejected: entry `{name}` would be unpacked outside the target folder");
        assert!(text.ends_with(&expected), "{text}");
    }
    assert!(!Path::new("/tmp/pet-data-evil").exists());
}

#[test]
fn folders_that_leave_the_folder_are_refused() {
    let text = refused(special("../evil/", EntryType::Directory, ""));
    assert!(text.contains("would be unpacked outside"), "{text}");
}

#[test]
fn links_and_devices_are_refused() {
    for (kind, name) in [
        (EntryType::Symlink, "Symlink"),
        (EntryType::Link, "Link"),
        (EntryType::Char, "Char"),
        (EntryType::Block, "Block"),
        (EntryType::Fifo, "Fifo"),
        (EntryType::Continuous, "Continuous"),
    ] {
        let text = refused(special("images/b.jpg", kind, "/etc/passwd"));
        assert!(text.contains("entry `images/b.jpg` is neither a file nor a folder"), "{text}");
        assert!(text.ends_with(name), "{text}");
    }
}

#[test]
fn files_with_holes_are_refused() {
    let archive = tar_gz(&[special("images/b.jpg", EntryType::GNUSparse, "")]);
    let error = failure(&archive, UnpackLimits::default());
    assert!(matches!(error, Error::Unpack { .. }), "{error}");
}

#[test]
fn what_follows_the_last_entry_is_bounded() {
    let endless = [tar(&[file("images/a.jpg", b"a")]), vec![0; 8 << 20]].concat();
    let error = failure(&gzip(&endless), UnpackLimits::default());
    assert!(matches!(error, Error::Unpack { .. }), "{error}");
}

#[test]
fn more_bytes_or_entries_than_allowed_are_refused() {
    let archive = tar_gz(&[file("images/a.jpg", &[1; 600]), file("images/b.jpg", &[2; 600])]);
    let limits = UnpackLimits { bytes: 1199, entries: 2 };
    let text = failure(&archive, limits).to_string();
    assert!(text.ends_with("entry `images/b.jpg` exceeds 1199 bytes in all"), "{text}");

    let limits = UnpackLimits { bytes: 1200, entries: 1 };
    let text = failure(&archive, limits).to_string();
    assert!(text.ends_with("entry `images/b.jpg` exceeds 1 entries"), "{text}");

    let root = tempfile::tempdir().unwrap();
    unpack_within(&archive, root.path(), UnpackLimits { bytes: 1200, entries: 2 }).unwrap();
    assert_eq!(names(root.path()), ["images"]);
}

#[test]
fn a_name_without_end_does_not_fill_memory() {
    let name = vec![b'a'; 8 << 20];
    let long =
        Entry { name: "././@LongLink", kind: EntryType::GNULongName, link: "", content: &name };
    let archive = tar_gz(&[long, file("images/a.jpg", b"a")]);
    let error = failure(&archive, UnpackLimits::default());
    assert!(matches!(error, Error::Unpack { .. }), "{error}");
}

#[test]
fn long_names_are_unpacked() {
    let name = format!("images/{}.jpg", "long".repeat(50));
    let content = [name.as_bytes(), &[0]].concat();
    let long =
        Entry { name: "././@LongLink", kind: EntryType::GNULongName, link: "", content: &content };
    let archive = tar_gz(&[long, file("images/cut.jpg", b"a")]);
    let root = tempfile::tempdir().unwrap();
    unpack_within(&archive, root.path(), UnpackLimits::default()).unwrap();
    assert!(root.path().join(name).is_file());
}

#[test]
fn a_file_that_comes_twice_is_refused() {
    let archive = tar_gz(&[file("images/a.jpg", b"a"), file("images/a.jpg", b"b")]);
    let error = failure(&archive, UnpackLimits::default());
    assert!(matches!(error, Error::Unpack { .. }), "{error}");
}

#[test]
fn damaged_archives_are_named_and_leave_nothing() {
    let whole = tar(&[file("images/a.jpg", &[1; 5000]), file("images/b.jpg", &[2; 5000])]);
    for cut in [1, 100, 600, 3000, 6000, 9000] {
        let error = failure(&gzip(&whole[..cut]), UnpackLimits::default());
        assert!(error.to_string().starts_with("cannot unpack `"), "{cut}: {error}");
    }
    let whole = gzip(&whole);
    for cut in (1..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let error = failure(&whole[..cut], UnpackLimits::default());
        assert!(matches!(error, Error::Unpack { .. }), "{cut}: {error}");
    }
    let error = failure(b"hello, this is no archive", UnpackLimits::default());
    assert!(error.hint().unwrap().contains("remove"), "{error}");
}

#[test]
fn an_archive_without_its_folder_is_refused() {
    let text =
        failure(&tar_gz(&[file("pictures/a.jpg", b"a")]), UnpackLimits::default()).to_string();
    assert!(text.ends_with("contains no folder `images`"), "{text}");
}
