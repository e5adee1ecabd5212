//! docs/command-line.md is what clap knows, and every command in the documents is one that clap takes.

mod commands;
#[expect(
    clippy::format_push_string,
    reason = "a page of some kilobytes, made once in a test"
)]
mod page;

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use crate::command::Arguments;

/// Set to 1 by `cargo xtask docs`, to write the page anew.
const UPDATE: &str = "PET_UPDATE_DOCS";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_page_of_the_command_line_is_current() {
    let file = root().join("docs/command-line.md");
    let page = page::render(&Arguments::command());
    if std::env::var_os(UPDATE).is_some_and(|set| set == "1") {
        fs_err::write(&file, &page).unwrap();
    }
    let written = fs_err::read_to_string(&file).unwrap_or_default();
    let stale = page
        .lines()
        .zip(written.lines())
        .find(|(one, other)| one != other);
    assert!(
        page == written,
        "docs/command-line.md is not current: {stale:?}; run `cargo xtask docs`"
    );
}

#[test]
fn the_documents_name_commands_that_exist() {
    let mut found = 0;
    for file in commands::documents(&root()) {
        let text = fs_err::read_to_string(&file).unwrap();
        for line in commands::of(&text) {
            found += 1;
            if let Err(error) = Arguments::try_parse_from(&line) {
                let shown = matches!(error.exit_code(), 0);
                assert!(shown, "{}: `{}`\n{error}", file.display(), line.join(" "));
            }
        }
    }
    assert!(found > 10, "{found} commands in the documents");
}

#[test]
fn every_refusal_of_the_service_has_its_place_in_troubleshooting() {
    let text = fs_err::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    for code in pet_api::Code::ALL {
        let heading = format!("\n### `{}` ({})\n", code.name(), code.status());
        assert!(text.contains(&heading), "no {heading:?}");
    }
}
