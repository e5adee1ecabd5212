//! Archives that differ in one entry from the one that PyTorch wrote.

use std::io::{Cursor, Read, Write};

use torch_state_dict::Error;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::{fixture, read};

/// Copies `plain.pt`; `change` may alter the entries, which come with names and contents.
fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(fixture("plain.pt"))).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        entries.push((file.name().unwrap().into_owned(), content));
    }
    change(&mut entries);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The refusal after `content` replaces that of the entry `name`.
fn refusal(name: &str, content: &[u8]) -> Error {
    let bytes = changed(|entries| {
        let entry = entries.iter_mut().find(|(entry, _)| entry == name).unwrap();
        entry.1 = content.to_vec();
    });
    read(&bytes).unwrap_err()
}

#[test]
fn an_unchanged_copy_is_read() {
    assert_eq!(read(&changed(|_| ())).unwrap().len(), 2);
}

#[test]
fn a_storage_is_as_large_as_described() {
    for (size, got) in [(0, 0), (15, 15), (17, 17), (1 << 20, 17)] {
        let error = refusal("plain/data/0", &vec![0; size]);
        let expected = format!("storage `0` has {got} bytes, expected 16");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_missing_storage_is_named() {
    let bytes = changed(|entries| entries.retain(|(name, _)| name != "plain/data/1"));
    let error = read(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `plain/data/1` of the zip archive");
}

#[test]
fn there_is_one_pickle() {
    let bytes = changed(|entries| entries.push(("other/data.pkl".to_owned(), Vec::new())));
    assert!(matches!(read(&bytes), Err(Error::ArchivePickle { count: 2 })));
    let bytes = changed(|entries| entries.retain(|(name, _)| name != "plain/data.pkl"));
    assert!(matches!(read(&bytes), Err(Error::ArchivePickle { count: 0 })));
}

#[test]
fn nothing_follows_the_pickle() {
    let error = refusal("plain/data.pkl", b"\x80\x02}.}");
    assert!(matches!(error, Error::TrailingBytes { offset: 4, count: 1 }), "{error}");
}

#[test]
fn an_unknown_byte_order_is_refused() {
    let error = refusal("plain/byteorder", "middle".repeat(100).as_bytes());
    assert_eq!(
        error.to_string(),
        "unknown byte order `middlemiddlemidd`, expected `little` or `big`"
    );
}

#[test]
fn damaged_data_is_noticed() {
    let mut bytes = fixture("plain.pt");
    let second = 2.0_f32.to_le_bytes();
    let position = bytes.windows(4).position(|window| window == second).unwrap();
    bytes[position] ^= 1;
    let error = read(&bytes).unwrap_err();
    assert!(matches!(&error, Error::Archive { .. }), "{error}");
    assert!(error.hint().unwrap().contains("checksum"));
}
