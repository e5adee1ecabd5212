//! What is refused, in which words, and with which remedy: files that PyTorch wrote, and archives that differ from one in
//! one entry.

use std::error::Error as _;
use std::io::{Cursor, Read, Write};

use torch_state_dict::{Error, Limits, StateDict};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::{fixture, fixture_path, read};

fn refusal(name: &str) -> Error {
    read(&fixture(name)).unwrap_err()
}

#[test]
fn a_foreign_function_is_refused_by_name() {
    for name in ["malicious.pt", "malicious_legacy.pt"] {
        let error = refusal(name);
        // On POSIX systems Python pickles `os.system` under the module that implements it.
        assert!(matches!(&error, Error::Global { name, .. } if name == "posix.system"), "{error}");
        assert!(error.hint().unwrap().contains("model.state_dict()"));
    }
    assert_eq!(
        refusal("builtin.pt").to_string(),
        "forbidden global `__builtin__.getattr` at byte 150"
    );
}

#[test]
fn a_tensor_alone_is_no_state_dict() {
    assert_eq!(
        refusal("tensor.pt").to_string(),
        "the pickled object is a tensor, not a dictionary of tensors"
    );
}

#[test]
fn a_view_that_repeats_elements_is_refused() {
    let error = refusal("expanded.pt");
    assert_eq!(
        error.to_string(),
        "tensor `a` of shape [1000, 1000], strides [0, 0] and offset 0 does not fit its storage \
         of 1 elements"
    );
    assert!(error.hint().unwrap().contains("contiguous"));
}

#[test]
fn another_pickle_protocol_is_refused() {
    let error = refusal("protocol_4.pt");
    assert!(matches!(error, Error::Protocol { got: 4, .. }), "{error}");
    assert!(error.hint().unwrap().contains("pickle_protocol=2"));
}

#[test]
fn other_content_is_refused() {
    for bytes in [&b""[..], b"<!DOCTYPE html>", b"\x80\x02}q\x00.", b"version https://git-lfs"] {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, Error::UnknownFormat { .. }), "{error}");
        assert!(error.hint().is_some());
    }
    let empty_archive = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert!(matches!(read(empty_archive), Err(Error::ArchivePickle { count: 0 })));
}

#[test]
fn a_missing_file_is_named_by_the_cause() {
    let error = StateDict::open(fixture_path("absent.pt")).unwrap_err();
    assert!(error.source().unwrap().to_string().contains("absent.pt"));
}

#[test]
fn tensors_are_asked_for_by_name_and_kind() {
    let state_dict = read(&fixture("legacy.pt")).unwrap();
    assert_eq!(state_dict.f32("absent").unwrap_err().to_string(), "no tensor is named `absent`");
    assert_eq!(
        state_dict.f32("batches").unwrap_err().to_string(),
        "tensor `batches` holds int64, expected a floating-point type"
    );
    assert_eq!(
        state_dict.i64("half").unwrap_err().to_string(),
        "tensor `half` holds float16, expected an integer type"
    );
}

#[test]
fn limits_are_kept() {
    for name in ["legacy.pt", "zip.pt", "deflated.pt"] {
        let bytes = fixture(name);
        let length = bytes.len() as u64;
        let limits = Limits::default().with_file_bytes(length);
        StateDict::from_bytes_with(&bytes, &limits).unwrap();
        for limits in [
            Limits::default().with_file_bytes(length - 1),
            Limits::default().with_unpacked_bytes(100),
            Limits::default().with_pickle_steps(100),
        ] {
            let refused = StateDict::from_bytes_with(&bytes, &limits);
            assert!(matches!(refused, Err(Error::TooLarge { .. })), "{name}: {refused:?}");
            let refused = StateDict::open_with(fixture_path(name), &limits);
            assert!(matches!(refused, Err(Error::TooLarge { .. })), "{name}: {refused:?}");
        }
    }
}

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
fn refusal_after(name: &str, content: &[u8]) -> Error {
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
        let error = refusal_after("plain/data/0", &vec![0; size]);
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
    let error = refusal_after("plain/data.pkl", b"\x80\x02}.}");
    assert!(matches!(error, Error::TrailingBytes { offset: 4, count: 1 }), "{error}");
}

#[test]
fn an_unknown_byte_order_is_refused() {
    let error = refusal_after("plain/byteorder", "middle".repeat(100).as_bytes());
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
