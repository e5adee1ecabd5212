//! What is refused, in which words, and with which remedy.

use std::error::Error as _;

use torch_state_dict::{Error, Limits, StateDict};

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
