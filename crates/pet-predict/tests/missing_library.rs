//! No library, or a file that is none. In a process of its own, since a library that was loaded
//! once stays loaded.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::time::{Duration, Instant};

use pet_predict::{Error, Runtime, SearchPaths};

fn load(path: &Path) -> Error {
    Runtime::load(&SearchPaths::empty().with_library(Some(path.to_owned()))).unwrap_err()
}

#[test]
fn what_is_no_library_is_a_typed_error_at_once() {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    };

    let error = Runtime::load(&SearchPaths::empty().with_folder(folder.path())).unwrap_err();
    assert!(
        matches!(&error, Error::LibraryNotFound { searched } if searched.len() == 1),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("search paths"));

    let error = load(&folder.path().join("absent.so"));
    assert!(matches!(error, Error::LibraryNotFound { .. }), "{error}");
    assert!(error.to_string().ends_with("absent.so`"), "{error}");
    assert!(matches!(load(folder.path()), Error::NotALibrary { .. }));
    assert!(matches!(load(&file("empty.so", b"")), Error::NotALibrary { .. }));
    let text = file("text.so", &b"not a library ".repeat(99));
    assert!(matches!(load(&text), Error::NotALibrary { .. }));

    // A whole ELF file that is a program, and one that was truncated.
    let program = fs_err::read(std::env::current_exe().unwrap()).unwrap();
    let error = load(&file("program.so", &program));
    assert!(matches!(error, Error::LoadLibrary { .. }), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    if cfg!(target_os = "linux") {
        let error = load(&file("cut.so", &program[..program.len() / 2]));
        assert!(error.to_string().contains("truncated"), "{error}");
    }

    // Last, since the system may have the library.
    match Runtime::load(&SearchPaths::default()) {
        Ok(runtime) => assert!(!runtime.description().is_empty()),
        Err(error) => assert!(matches!(error, Error::LibraryNotFound { .. }), "{error}"),
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
